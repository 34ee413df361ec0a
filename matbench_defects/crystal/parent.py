"""The parent: the ideal host crystal and the symmetry operations that count."""

from __future__ import annotations

import functools
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.cif import read_cif
from matbench_defects.crystal.limits import check_atoms, check_lattice
from matbench_defects.crystal.structure import Crystal, shortest_distance
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import digest
from matbench_defects.spec.frozen import read_frozen
from matbench_defects.spec.parents import Lattice, ParentSpec, Site

SAME_SITE = 0.01
"""Positions nearer than this, Å, are one site written twice."""
TOO_NEAR = 0.7
"""Atoms nearer than this, Å, are an error of the input."""

_PARAMETERS = {
    "triclinic": ("a", "b", "c", "alpha", "beta", "gamma"),
    "monoclinic": ("a", "b", "c", "beta"),
    "orthorhombic": ("a", "b", "c"),
    "tetragonal": ("a", "c"),
    "trigonal": ("a", "c"),
    "hexagonal": ("a", "c"),
    "cubic": ("a",),
}

_SYSTEMS = (
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)
"""The last space group of each crystal system."""


@dataclass(frozen=True)
class Parent:
    """The ideal host crystal.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    species : tuple of str, length n
        Chemical symbol of each atom.
    labels : tuple of str, length n
        Label of the site in the spec (or CIF) that each atom belongs to.
    positions : ndarray of float, shape (n, 3)
        Fractional coordinates in [0, 1).
    rotations : ndarray of int, shape (g, 3, 3)
        Rotation parts, acting on columns of fractional coordinates.
    translations : ndarray of float, shape (g, 3)
        Translation parts, fractional.
    space_group : str
        Hermann-Mauguin symbol.
    declared : bool
        Whether the space group was declared, or found from the atoms.
    memory : dict
        What is worked out once and kept, such as the groups of supercells.
    """

    lattice: NDArray[np.float64]
    species: tuple[str, ...]
    labels: tuple[str, ...]
    positions: NDArray[np.float64]
    rotations: NDArray[np.int64]
    translations: NDArray[np.float64]
    space_group: str
    declared: bool
    memory: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def crystal(self) -> Crystal:
        """The parent cell as plain arrays."""
        return Crystal(self.lattice, self.species, self.positions @ self.lattice)

    @property
    def formula_units(self) -> int:
        """How many reduced formula units the parent cell holds."""
        return math.gcd(*Counter(self.species).values())

    @property
    def formula(self) -> str:
        """The reduced formula, elements in the order of the spec."""
        units = self.formula_units
        return "".join(s + (str(n // units) if n > units else "") for s, n in Counter(self.species).items())

    def digest(self) -> str:
        """Return a digest of geometry and species: labels of ideal positions hold only for this parent."""
        return digest(
            {
                "lattice": (np.round(self.lattice, 6) + 0.0).tolist(),  # + 0.0: no negative zeros
                "positions": (np.round(self.positions, 6) + 0.0).tolist(),
                "species": self.species,
            }
        )


def build_parent(spec: ParentSpec, folder: Path) -> Parent:
    """Build the parent that a spec describes.

    Parameters
    ----------
    spec : ParentSpec
        The parent's part of a spec.
    folder : path
        The folder that a CIF file's path is relative to, or in which a crystal of the Materials Project is frozen.

    Raises
    ------
    InputError
        If the space group is unknown, the lattice does not suit it, two atoms are on top of each other, or the
        file cannot be used.
    """
    if spec.spacegroup is not None:
        assert spec.lattice is not None and spec.sites is not None
        return _from_space_group(spec.spacegroup, spec.lattice, spec.sites)
    if spec.cif is not None:
        return _from_cif(folder / spec.cif, spec.symmetry_tolerance)
    frozen = read_frozen(spec, folder)
    lattice, positions = np.array(frozen.lattice_vectors), np.array(frozen.fractional_site_positions)
    return _from_atoms(
        lattice, tuple(frozen.species_at_sites), tuple(frozen.site_labels), positions, spec.symmetry_tolerance
    )


@functools.cache
def _settings() -> dict[str, int]:
    """Return the entry of spglib's database for each Hermann-Mauguin symbol, settings such as Pnam among them.

    A symbol alone stands for its first entry, as in pymatgen; ``:2``, ``:R`` and the like name another.
    """
    import spglib

    result: dict[str, int] = {}
    for entry in range(1, 531):
        kind = spglib.get_spacegroup_type(entry)
        for symbol in (kind.international_short, kind.international_full.replace(" ", "")):
            result.setdefault(symbol, entry)
            if kind.choice:
                result.setdefault(f"{symbol}:{kind.choice}", entry)
    return result


@functools.cache
def _space_group(symbol: str) -> tuple[str, str, tuple[tuple[tuple[tuple[int, ...], ...], tuple[float, ...]], ...]]:
    """Return crystal system, short symbol and operations of a space group."""
    import spglib

    entry = _settings().get(symbol.replace(" ", ""))
    if entry is None:
        near = nearest(symbol, _settings()).partition("known:")[0].strip()
        raise InputError(
            f"no space group has the symbol '{symbol}'; {near or 'write its Hermann-Mauguin symbol, such as R-3m'}"
        )
    kind = spglib.get_spacegroup_type(entry)
    system = next(name for last, name in _SYSTEMS if kind.number <= last)
    found = spglib.get_symmetry_from_database(entry)
    operations = [
        (
            tuple(tuple(int(x) for x in row) for row in rotation),
            tuple(round(float(x) * 24) / 24 % 1 for x in translation),
        )
        for rotation, translation in zip(found["rotations"], found["translations"], strict=True)
    ]
    return system, str(kind.international_short), tuple(sorted(operations))


def _cell(lattice: Lattice, system: str, symbol: str) -> NDArray[np.float64]:
    needed = _PARAMETERS[system]
    given = {name: value for name, value in lattice.model_dump().items() if value is not None}
    missing = [n for n in needed if n not in given]
    if missing:
        raise InputError(f"{', '.join(missing)} is missing; {symbol} is {system} and needs {', '.join(needed)}")
    gamma = 120.0 if system in ("trigonal", "hexagonal") else 90.0
    fixed = {"b": given["a"], "c": given["a"], "alpha": 90.0, "beta": 90.0, "gamma": gamma}
    for name in given:
        if name not in needed and abs(given[name] - fixed[name]) > 1e-6:
            raise InputError(f"{name} is {given[name]}, but {symbol} is {system} and makes it {fixed[name]}")
    full = {**fixed, **given}
    with np.errstate(all="ignore"):  # what comes of it is looked at
        cell = lattice_vectors([full[n] for n in ("a", "b", "c")], [full[n] for n in ("alpha", "beta", "gamma")])
        flat = not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-3
    if flat:
        raise InputError(f"these angles make no cell: {full['alpha']}, {full['beta']}, {full['gamma']}")
    return cell


def lattice_vectors(lengths: list[float], angles: list[float]) -> NDArray[np.float64]:
    """Return lattice vectors as rows, c along z and a in the xz plane.

    Bit for bit those of pymatgen's ``Lattice.from_parameters(vesta=False)``, whose import takes longer than all else
    that `check` does; labels are found again by digests that depend on them.
    """
    a, b, c = lengths
    radians = np.radians(angles)
    cosines, sines = np.cos(radians), np.sin(radians)
    between = np.clip((cosines[0] * cosines[1] - cosines[2]) / (sines[0] * sines[1]), -1, 1)  # of a* and b*
    gamma = np.arccos(between)
    return np.array(
        [
            [a * sines[1], 0.0, a * cosines[1]],
            [-b * sines[0] * np.cos(gamma), b * sines[0] * np.sin(gamma), b * cosines[0]],
            [0.0, 0.0, c],
        ]
    )


def wrap(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fractional coordinates in [0, 1), those within 1e-6 of a cell border at zero."""
    positions = np.mod(positions, 1.0)
    return np.where(positions > 1 - 1e-6, 0.0, positions)


def _from_space_group(symbol: str, lattice: Lattice, sites: dict[str, Site]) -> Parent:
    system, name, operations = _space_group(symbol)
    cell = _cell(lattice, system, symbol)
    check_lattice(cell, 1)
    rotations = np.array([rotation for rotation, _ in operations], dtype=np.int64)
    translations = np.array([translation for _, translation in operations])
    _check_metric(cell, rotations, symbol)
    species: list[str] = []
    labels: list[str] = []
    positions: list[NDArray[np.float64]] = []
    for label, site in sites.items():
        orbit = _orbit(np.array(site.position), rotations, translations, cell)
        check_atoms(len(positions) + len(orbit))
        positions.extend(orbit)
        species.extend([site.species] * len(orbit))
        labels.extend([label] * len(orbit))
    parent = Parent(cell, tuple(species), tuple(labels), np.array(positions), rotations, translations, name, True)
    _check_distances(parent)
    return parent


def _check_metric(cell: NDArray[np.float64], rotations: NDArray[np.int64], symbol: str) -> None:
    """Symbols of other settings (P112/m, R-3m:R) put the axes elsewhere than the lattice parameters do."""
    metric = cell @ cell.T
    if not np.allclose(rotations.transpose(0, 2, 1) @ metric @ rotations, metric, rtol=0, atol=1e-6 * metric.max()):
        raise InputError(
            f"these lattice parameters lack the symmetry of {symbol}; give the standard setting: monoclinic with "
            "unique axis b, trigonal on hexagonal axes"
        )


def _orbit(
    position: NDArray[np.float64],
    rotations: NDArray[np.int64],
    translations: NDArray[np.float64],
    cell: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the distinct images of one position, in an order that rounding cannot change."""
    images = wrap(rotations @ position + translations)
    images = images[np.lexsort(np.round(images, 4).T[::-1])]
    difference = images[:, None] - images[None]
    difference -= np.round(difference)
    same = ((difference @ cell) ** 2).sum(axis=-1) < SAME_SITE**2
    result: NDArray[np.float64] = images[~np.tril(same, -1).any(axis=1)]  # the first of those that are one site
    return result


def _from_cif(path: Path, tolerance: float) -> Parent:
    atoms = read_cif(path)
    try:
        return _from_atoms(*atoms, tolerance)
    except InputError as error:
        raise InputError(error.message, file=str(path)) from None


def _from_atoms(
    lattice: NDArray[np.float64],
    species: tuple[str, ...],
    labels: tuple[str, ...],
    positions: NDArray[np.float64],
    tolerance: float,
) -> Parent:
    """Return the parent of a whole cell of atoms; its symmetry is found from them."""
    check_atoms(len(species))
    check_lattice(lattice, len(species))
    if not np.isfinite(positions).all():
        raise InputError("a position is not a number")
    order = sorted(range(len(species)), key=lambda i: (labels.index(labels[i]), *np.round(wrap(positions[i]), 4)))
    positions = wrap(np.array([positions[i] for i in order]))
    rotations, translations, symbol = found_symmetry(lattice, positions, [species[i] for i in order], tolerance)
    parent = Parent(
        lattice,
        tuple(species[i] for i in order),
        tuple(labels[i] for i in order),
        positions,
        rotations,
        translations,
        symbol,
        False,
    )
    _check_distances(parent)
    return parent


def found_symmetry(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], species: list[str], tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], str]:
    """Return rotations, translations and symbol of the space group that the atoms themselves have (spglib).

    Parameters
    ----------
    lattice : ndarray, shape (3, 3)
        Lattice vectors as rows, Å.
    positions : ndarray, shape (n, 3)
        Fractional coordinates.
    species : list of str
        Chemical symbols.
    tolerance : float
        How far an atom may lie from its image, Å.
    """
    import spglib

    kinds = {s: i for i, s in enumerate(dict.fromkeys(species))}
    try:
        found = spglib.get_symmetry_dataset((lattice, positions, [kinds[s] for s in species]), symprec=tolerance)
    except spglib.error.SpglibError:
        found = None
    if found is None:
        raise InputError("no symmetry could be determined; are two atoms on one spot?")
    return np.array(found.rotations, dtype=np.int64), np.array(found.translations), str(found.international)


def _check_distances(parent: Parent) -> None:
    check_lattice(parent.lattice, len(parent.species))
    distance = _shortest_distance(parent.crystal)
    if distance < TOO_NEAR:
        raise InputError(
            f"two atoms are {distance:.2f} Å apart; at least {TOO_NEAR} was expected. Is a special position rounded "
            "(write 1/3, not 0.333), or an atom given twice?"
        )


def _shortest_distance(crystal: Crystal) -> float:
    """Return the shortest distance between two atoms, Å, however skewed or thin the cell is.

    Images of a thin cell are many: its own vectors are looked at first, and the search is one in a reduced cell.
    """
    import spglib

    try:
        reduced = spglib.delaunay_reduce(crystal.lattice)
    except spglib.error.SpglibError:
        reduced = None
    if reduced is None:
        raise InputError("these lattice vectors make no cell; are two of them nearly parallel?")
    shortest = float(np.linalg.norm(reduced, axis=1).min())
    if shortest < TOO_NEAR:
        return shortest
    inside = wrap(crystal.positions @ np.linalg.inv(reduced)) @ reduced
    return shortest_distance(Crystal(reduced, crystal.species, inside))
