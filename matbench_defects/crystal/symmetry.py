"""The permutation group of a supercell's sites, from the parent's operations and in integers.

No symmetry search of the supercell: each of the parent's operations is combined with each lattice translation, and
those that keep the lattice of the supercell act on pairs (atom of the parent, cell).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.parent import Parent
from matbench_defects.errors import InputError

MATCH = 0.05
"""An operation must bring each atom within this of another, Å, or within twice the tolerance that it was found with."""
LARGEST_BOX = 10_000_000
"""Lattice points that are looked through, at most, for the cells of a supercell."""


@dataclass(frozen=True)
class Cells:
    """The parent cells inside a supercell.

    Parameters
    ----------
    rows : ndarray of int, shape (3, 3)
        The supercell's vectors in the parent's, one row each.
    offsets : ndarray of int, shape (c, 3)
        Lattice vector of each cell.
    """

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    _keys: dict[tuple[int, int, int], int]

    @classmethod
    def of(cls, rows: NDArray[np.int64]) -> Cells:
        """Return the cells of a supercell, in an order that depends on its vectors alone."""
        adjugate, volume = _adjugate(rows)
        low, high = _box(rows)
        grids = np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)), indexing="ij")
        candidates = np.stack([g.ravel() for g in grids], axis=1)
        inside = candidates @ adjugate
        chosen = candidates[((inside >= 0) & (inside < volume)).all(axis=1)]
        assert len(chosen) == volume
        keys = {(int(a), int(b), int(c)): i for i, (a, b, c) in enumerate(chosen @ adjugate % volume)}
        return cls(rows, chosen, keys)

    def index(self, vectors: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the cell that each lattice vector leads to, whatever supercell it lies in.

        Parameters
        ----------
        vectors : ndarray of int, shape (..., 3)
            Lattice vectors of the parent.
        """
        adjugate, volume, known, order = self._table
        flat = (vectors.reshape(-1, 3) @ adjugate) % volume
        codes = (flat[:, 0] * volume + flat[:, 1]) * volume + flat[:, 2]
        found: NDArray[np.int64] = order[np.searchsorted(known, codes)]
        return found.reshape(vectors.shape[:-1])

    @functools.cached_property
    def _table(self) -> tuple[NDArray[np.int64], int, NDArray[np.int64], NDArray[np.int64]]:
        """Adjugate and determinant, and the codes of the cells, increasing, with the cells they belong to."""
        adjugate, volume = _adjugate(self.rows)
        known = np.array([(a * volume + b) * volume + c for a, b, c in self._keys], dtype=np.int64)
        order = np.argsort(known)
        return adjugate, volume, known[order], order


def _adjugate(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return the adjugate, with the sign that makes the determinant positive, and the determinant."""
    a = rows
    cofactors = np.array([np.cross(a[1], a[2]), np.cross(a[2], a[0]), np.cross(a[0], a[1])])
    determinant = int(a[0] @ cofactors[0])
    sign = 1 if determinant > 0 else -1
    return sign * cofactors.T, sign * determinant


def supercell_volume(rows: NDArray[np.int64]) -> int:
    """Return how many parent cells a supercell holds; zero where its vectors lie in a plane."""
    return _adjugate(rows)[1]


def box_volume(rows: NDArray[np.int64]) -> int:
    """Return how many lattice points the box around a supercell holds; many times its volume where it is skewed."""
    low, high = _box(rows)
    return math.prod(int(n) + 1 for n in high - low)


def _box(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.minimum(rows, 0).sum(axis=0), np.maximum(rows, 0).sum(axis=0)


def parent_action(parent: Parent) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each operation sends each atom of the parent.

    Returns
    -------
    atoms : ndarray of int, shape (g, n)
        The atom that atom j lands on.
    shifts : ndarray of int, shape (g, n, 3)
        The lattice vector between where it lands and that atom in the home cell.

    Raises
    ------
    InputError
        If an operation does not map the atoms onto each other.
    """
    if "action" not in parent.memory:
        parent.memory["action"] = _parent_action(parent)
    action: tuple[NDArray[np.int64], NDArray[np.int64]] = parent.memory["action"]
    return action


def _parent_action(parent: Parent) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    images = np.einsum("gij,nj->gni", parent.rotations, parent.positions) + parent.translations[:, None, :]
    atoms = np.empty(images.shape[:2], dtype=np.int64)
    shifts = np.empty(images.shape, dtype=np.int64)
    # Sites that a declared space group made from one stay among themselves; else only the species is known.
    kinds = np.array(parent.labels if parent.declared else parent.species)
    off = 0.0
    for kind in dict.fromkeys(kinds.tolist()):
        members = np.flatnonzero(kinds == kind)
        difference = images[:, members, None, :] - parent.positions[None, None, members, :]
        whole = np.round(difference)
        squared = (((difference - whole) @ parent.lattice) ** 2).sum(axis=-1)
        nearest = squared.argmin(axis=2)[:, :, None]
        off = max(off, float(np.take_along_axis(squared, nearest, axis=2).max()))
        atoms[:, members] = members[nearest[:, :, 0]]
        shifts[:, members] = np.take_along_axis(whole, nearest[..., None], axis=2)[:, :, 0, :]
    if not off < max(MATCH, 2 * parent.tolerance) ** 2 or (np.sort(atoms, axis=1) != np.arange(len(kinds))).any():
        raise InputError(f"the operations of {parent.space_group} do not map the parent's atoms onto each other")
    return atoms, shifts


def site_permutations(parent: Parent, cells: Cells) -> NDArray[np.int32]:
    """Return the group of the supercell's atoms.

    Parameters
    ----------
    parent : Parent
        The parent crystal.
    cells : Cells
        The parent cells inside the supercell.

    Returns
    -------
    ndarray of int, shape (order, n * c)
        One permutation a row: site i goes to ``row[i]``. Site ``j * c + k`` is the parent's atom j in cell k. Every
        operation with every translation is a row, so rows repeat where an operation acts trivially.
    """
    keeps = keeping_operations(parent, cells)
    atoms, shifts = (part[keeps] for part in parent_action(parent))
    count = len(cells.offsets)
    # Vectors are brought into the supercell once; what follows is addition of cells by a table.
    moved = cells.index(np.einsum("gij,cj->gci", parent.rotations[keeps], cells.offsets))
    shifted = cells.index(shifts)
    added = cells.index(cells.offsets[:, None, :] + cells.offsets[None, :, :]).astype(np.int32)
    home = added[moved[:, None, :], shifted[:, :, None]]  # operation, atom, cell
    target = np.moveaxis(added[:, home], 0, 1)  # operation, translation, atom, cell
    permutations = (atoms[:, None, :, None] * count).astype(np.int32) + target
    return permutations.reshape(len(atoms) * count, -1)


def keeping_operations(parent: Parent, cells: Cells) -> NDArray[np.bool_]:
    """Return which of the parent's operations keep the lattice of a supercell, shape (g,)."""
    adjugate, volume = _adjugate(cells.rows)
    # The rotated supercell vectors must again be whole supercell vectors.
    rotated = np.einsum("gij,sj->gsi", parent.rotations, cells.rows)
    keeps: NDArray[np.bool_] = ((rotated @ adjugate) % volume == 0).all(axis=(1, 2))
    return keeps


def distinct_rows(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the distinct rows of numbers that are not negative, in lexicographic order; quicker than ``np.unique``."""
    text = np.ascontiguousarray(rows.astype(">u4")).view(np.dtype((np.void, 4 * rows.shape[1]))).ravel()
    order = np.argsort(text, kind="stable")
    ordered = text[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return rows[order[first]]
