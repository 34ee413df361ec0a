"""Shapes of supercells: all superlattices of a size that the parent's rotations do not make equal.

Hermite normal forms stand for superlattices (Hart and Forcade, Phys. Rev. B 77, 224115, 2008).
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.cell import SAME_SITE, wrap
from matbench_defects.crystal.parent import Parent
from matbench_defects.errors import InputError


def hermite_normal_form(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the Hermite normal form of a lattice given by independent integer rows, shape (3, 3).

    The upper triangular basis of the same lattice with a positive diagonal, above which every entry is at least zero
    and less than the diagonal entry of its column. Given more than three rows, the basis of all they generate.
    """
    left = [[int(x) for x in row] for row in rows]
    basis: list[list[int]] = []
    for column in range(3):
        while True:
            left.sort(key=lambda row: (row[column] == 0, abs(row[column])))
            pivot = left[0]
            changed = False
            for row in left[1:]:
                if row[column]:
                    times = row[column] // pivot[column]
                    row[:] = [a - times * b for a, b in zip(row, pivot, strict=True)]
                    changed = True
            if not changed:
                break
        sign = 1 if pivot[column] > 0 else -1
        basis.append([sign * x for x in pivot])
        left = left[1:]
    for column in range(1, 3):
        for row in basis[:column]:
            times = row[column] // basis[column][column]
            row[:] = [a - times * b for a, b in zip(row, basis[column], strict=True)]
    return np.array(basis, dtype=np.int64)


EVERY = (0, 1, 2)
"""All three directions."""


def supercell_shapes(parent: Parent, size: int, directions: tuple[int, ...] = EVERY) -> list[NDArray[np.int64]]:
    """Return one supercell of each shape of a size.

    Parameters
    ----------
    parent : Parent
        The parent; its rotations make shapes equal. Where its cell is not primitive, see `primitive`.
    size : int
        How many parent cells a supercell holds.
    directions : tuple of int
        Along which of its vectors supercells grow, two for the shapes of a layer and one for those of a chain; as
        `check_directions` allows.

    Returns
    -------
    list of ndarray of int, shape (3, 3)
        Supercell vectors as rows, in Hermite normal form, increasing; the smallest of each equal set.
    """
    rotations = np.unique(parent.rotations, axis=0)
    seen: set[bytes] = set()
    shapes = []
    grows = [axis in directions for axis in EVERY]
    for a in (d for d in range(1, size + 1) if size % d == 0 and (d == 1 or grows[0])):
        for d in (e for e in range(1, size // a + 1) if (size // a) % e == 0 and (e == 1 or grows[1])):
            f = size // a // d
            if f > 1 and not grows[2]:
                continue
            for b, c, e in np.ndindex(d if grows[0] else 1, f if grows[0] else 1, f if grows[1] else 1):
                rows = np.array([[a, b, c], [0, d, e], [0, 0, f]], dtype=np.int64)
                if rows.tobytes() in seen:
                    continue
                shapes.append(rows)
                seen.update(hermite_normal_form(rows @ rotation.T).tobytes() for rotation in rotations)
    return shapes


def check_directions(parent: Parent, directions: tuple[int, ...]) -> None:
    """Refuse a plane or a line of which a crystal's lattice or symmetry makes no layer or chain.

    Parameters
    ----------
    parent : Parent
        The parent in its primitive cell, with the axes of the cell that was given.
    directions : tuple of int
        The given vectors in the plane, or along the line.

    Raises
    ------
    InputError
        If a translation leads only partly along these vectors, or an operation mixes them with the others.
    """
    inside = np.isin(EVERY, directions)
    across = inside[:, None] != inside[None, :]
    shown = " and ".join("abc"[i] for i in directions)
    between = "out of the plane of" if len(directions) > 1 else "off the line along"
    for vector in np.linalg.inv(parent.axes):
        if vector[inside].any() and np.round(vector[~inside], 6).any():
            raise InputError(
                f"the crystal repeats itself along {combination(vector)}, which leads {between} {shown}: there is no "
                "layer or chain to repeat by itself. Leave `directions` out, or give a cell that is not centred so"
            )
    for rotation in parent.rotations:
        if (rotation[across]).any():
            axis = int(np.flatnonzero((rotation * across).any(axis=0))[0])
            raise InputError(
                f"symmetry carries {'abc'[axis]} to {combination(rotation[:, axis])}, so {shown} are no "
                f"{'plane' if len(directions) > 1 else 'line'} of their own. Leave `directions` out, or give a parent "
                "of lower symmetry, such as a layer in a cell with vacuum"
            )


def combination(vector: NDArray[np.float64] | NDArray[np.int64]) -> str:
    """Return a vector as a sum of a, b and c: ``-a/2 + b/2 + c/2``."""
    text = ""
    for number, axis in zip(vector.tolist(), "abc", strict=True):
        part = Fraction(number).limit_denominator(48)
        if part:
            sign = ("-" if part < 0 else "") if not text else (" - " if part < 0 else " + ")
            times = "" if abs(part.numerator) == 1 else str(abs(part.numerator))
            over = "" if part.denominator == 1 else f"/{part.denominator}"
            text += f"{sign}{times}{axis}{over}"
    return text


_HALF, _THIRD = Fraction(1, 2), Fraction(1, 3)
_USUAL: list[list[list[Fraction | int]]] = [
    [[1, 0, 0], [0, _HALF, _HALF], [0, -_HALF, _HALF]],  # A
    [[_HALF, 0, -_HALF], [0, 1, 0], [_HALF, 0, _HALF]],  # B
    [[_HALF, -_HALF, 0], [_HALF, _HALF, 0], [0, 0, 1]],  # C
    [[-_HALF, _HALF, _HALF], [_HALF, -_HALF, _HALF], [_HALF, _HALF, -_HALF]],  # I
    [[0, _HALF, _HALF], [_HALF, 0, _HALF], [_HALF, _HALF, 0]],  # F
    [[2 * _THIRD, _THIRD, _THIRD], [-_THIRD, _THIRD, _THIRD], [-_THIRD, -2 * _THIRD, _THIRD]],  # R, obverse
]
"""Usual primitive vectors of the centred cells, as rows in the centred cell's; spglib has the same, and no B."""


def primitive(parent: Parent, *, usual: bool = False) -> Parent:
    """Return the parent in a primitive cell: with the pure translations of its space group as lattice vectors.

    Parameters
    ----------
    parent : Parent
        The parent, such as one in the conventional cell of a centred space group.
    usual : bool
        Whether the cell of an A, B, C, I, F or R centring has its usual vectors; else, and of what is centred
        otherwise, they are in Hermite normal form. Either is the same lattice.
    """
    vectors, denominator = _translations(parent)
    if denominator == 1:
        return parent
    form = hermite_normal_form(vectors)
    for rows in _USUAL if usual else []:
        scaled = np.array([[x * denominator for x in row] for row in rows])
        whole = scaled.astype(np.int64)
        if (scaled == whole).all() and np.array_equal(hermite_normal_form(whole), form):
            return _in_cell(parent, whole / denominator)
    return _in_cell(parent, form / denominator)


def _translations(parent: Parent) -> tuple[NDArray[np.int64], int]:
    """Return vectors that generate a parent's pure translations, times a denominator that makes them whole, and it."""
    centring = parent.translations[(parent.rotations == np.eye(3, dtype=int)).all(axis=(1, 2))]
    if len(centring) == 1:
        return np.eye(3, dtype=np.int64), 1
    denominator = int(np.lcm.reduce([Fraction(float(x)).limit_denominator(48).denominator for x in centring.ravel()]))
    vectors = [np.round(centring * denominator).astype(np.int64), denominator * np.eye(3, dtype=np.int64)]
    return np.concatenate(vectors), denominator


def _in_cell(parent: Parent, basis: NDArray[np.float64]) -> Parent:
    """Return a parent with other vectors of its own translations as its cell, given as rows in its present ones."""
    old_to_new = np.linalg.inv(basis)
    lattice = basis @ parent.lattice
    positions = wrap(parent.positions @ old_to_new)
    kept: list[int] = []
    for i, position in enumerate(positions):
        others = positions[kept] - position
        others -= np.round(others)
        same = np.linalg.norm(others @ lattice, axis=1) < SAME_SITE
        if not any(same & np.array([parent.labels[j] == parent.labels[i] for j in kept], dtype=bool)):
            kept.append(i)
    rotations = np.round(old_to_new.T @ parent.rotations @ basis.T).astype(np.int64)
    translations = wrap(parent.translations @ old_to_new)
    codes = np.concatenate([rotations.reshape(len(rotations), 9), np.round(translations * 48) % 48], axis=1)
    _, first = np.unique(codes, axis=0, return_index=True)
    first = np.sort(first)
    return dataclasses.replace(
        parent,
        lattice=lattice,
        species=tuple(parent.species[i] for i in kept),
        labels=tuple(parent.labels[i] for i in kept),
        positions=positions[kept],
        occupancies=tuple(parent.occupancies[i] for i in kept) if parent.occupancies else (),
        rotations=rotations[first],
        translations=translations[first],
        axes=np.round(parent.axes @ old_to_new).astype(np.int64),
    )
