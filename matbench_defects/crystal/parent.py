"""The parent: the ideal host crystal and the symmetry operations that count."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.cell import isometric, lattice_vectors, orbit, same_but_shifted, wrap
from matbench_defects.crystal.distances import check_apart
from matbench_defects.crystal.limits import check_atoms, check_lattice
from matbench_defects.crystal.occupancies import is_partial, kinds_of, shown_occupancy, split_labels, vacant_share
from matbench_defects.crystal.oxidation import sites_with_states, with_states
from matbench_defects.crystal.space_groups import Setting, settings_of
from matbench_defects.crystal.structure import Crystal, ListedCrystal, Occupancy, cell_content, crystal_of_species
from matbench_defects.crystal.structure_files import read_listed
from matbench_defects.errors import InputError
from matbench_defects.files import digest
from matbench_defects.spec.frozen import read_frozen
from matbench_defects.spec.parents import Lattice, ParentSpec, Site
from matbench_defects.spec.species import element_of


@dataclass(frozen=True)
class Parent:
    """The ideal host crystal.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    species : tuple of str, length n
        Chemical symbol of each atom, with its oxidation state where the spec gives that.
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
    notes : tuple of str
        What was decided in reading its file where that leaves a choice, and what the file declares and does not list.
    tolerance : float
        How far an atom may lie from its symmetry image where symmetry was found from the atoms, Å.
    axes : ndarray of int, shape (3, 3)
        The vectors a, b and c of the cell that the spec gives, as rows in those of this one; they differ where this is
        the primitive cell of a centred one.
    kept : tuple of int, optional
        How many operations keep the parts of orbits that sublattices are, where some do not, and of how many.
    occupancies : tuple of Occupancy
        What its file has on each site, where some are partly occupied; empty where none is. In `species` such a site
        has what sits there most often, also where it is empty more often.
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
    notes: tuple[str, ...] = ()
    tolerance: float = 0.0
    axes: NDArray[np.int64] = field(default_factory=lambda: np.eye(3, dtype=np.int64), compare=False)
    kept: tuple[int, int] | None = field(default=None, compare=False)
    occupancies: tuple[Occupancy, ...] = ()
    memory: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def crystal(self) -> Crystal:
        """The parent cell as plain arrays."""
        return crystal_of_species(self.lattice, self.species, self.positions @ self.lattice)

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbol of each atom."""
        return tuple(map(element_of, self.species))

    @property
    def formula_units(self) -> int:
        """How many reduced formula units the parent cell holds."""
        return math.gcd(*Counter(self.elements).values())

    @property
    def formula(self) -> str:
        """The reduced formula, elements in the order of the spec."""
        units = self.formula_units
        return "".join(s + (str(n // units) if n > units else "") for s, n in Counter(self.elements).items())

    @property
    def partly_occupied(self) -> dict[str, Occupancy]:
        """What sits on each partly occupied site, by label."""
        found = zip(self.labels, self.occupancies, strict=True) if self.occupancies else ()
        return {label: occupancy for label, occupancy in found if is_partial(occupancy)}

    @property
    def kinds(self) -> list[str]:
        """What tells atoms apart that symmetry cannot carry into each other: their species, and its occupancy."""
        return [*kinds_of(self.species, self.occupancies)]

    def digest(self) -> str:
        """Return a digest of geometry and species: labels of ideal positions hold only for this parent."""
        return digest(
            {
                "lattice": (np.round(self.lattice, 6) + 0.0).tolist(),  # + 0.0: no negative zeros
                "positions": (np.round(self.positions, 6) + 0.0).tolist(),
                "species": self.species,
            }
        )


def build_parent(spec: ParentSpec, folder: Path, split: Collection[str] = ()) -> Parent:
    """Build the parent that a spec describes.

    Parameters
    ----------
    spec : ParentSpec
        The parent's part of a spec.
    folder : path
        The folder that a CIF file's path is relative to, or in which a crystal of the Materials Project is frozen.
    split : collection of str
        Labels or species of sites that may be nearer to each other than atoms are, where they are given with a space
        group; files list atoms.

    Raises
    ------
    InputError
        If the space group is unknown, the lattice does not suit it, two atoms are on top of each other, or the
        file cannot be used.
    """
    if spec.spacegroup is not None:
        assert spec.lattice is not None and spec.sites is not None
        return _from_space_group(spec.spacegroup, spec.lattice, sites_with_states(spec), split)
    states = spec.oxidation_states
    if spec.cif is not None:
        return _from_file(folder / spec.cif, "cif", spec.symmetry_tolerance, states)
    if spec.structure is not None:
        return _from_file(folder / spec.structure, None, spec.symmetry_tolerance, states)
    frozen = read_frozen(spec, folder)
    lattice, positions = np.array(frozen.lattice_vectors), np.array(frozen.fractional_site_positions)
    listed = ListedCrystal(lattice, tuple(frozen.species_at_sites), tuple(frozen.site_labels), positions)
    return _from_atoms(with_states(listed, states), spec.symmetry_tolerance)


def _cell(lattice: Lattice, setting: Setting, symbol: str) -> NDArray[np.float64]:
    needed, system = setting.parameters, setting.system
    given = {name: value for name, value in lattice.model_dump().items() if value is not None}
    missing = [n for n in needed if n not in given]
    if missing:
        raise InputError(f"{', '.join(missing)} is missing; {symbol} is {system} and needs {', '.join(needed)}")
    gamma = 120.0 if system in ("trigonal", "hexagonal") else 90.0
    fixed = {"b": given["a"], "c": given["a"], "alpha": 90.0, "beta": 90.0, "gamma": gamma}
    if system == "rhombohedral":
        fixed |= {"beta": given["alpha"], "gamma": given["alpha"]}
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


def _from_space_group(symbol: str, lattice: Lattice, sites: dict[str, Site], split: Collection[str]) -> Parent:
    """Return the parent in the one setting of its group that the lattice and the sites allow."""
    settings = settings_of(symbol)
    axes = "R" if lattice.c is None and lattice.alpha is not None else "H"
    settings = [s for s in settings if len(settings) == 1 or s.choice not in ("H", "R") or s.choice == axes]
    made: list[tuple[Setting, Parent]] = []
    refused: list[InputError] = []
    for setting in settings:
        try:
            made.append((setting, _in_setting(setting, symbol, lattice, sites, split)))
        except InputError as error:
            refused.append(error)
    if not made:
        raise refused[0]
    chosen = made[0][1]
    one, *others = ((s, (p.species, p.positions)) for s, p in made)
    if all(same_but_shifted(chosen.lattice, one[1], other) for _, other in others):
        return chosen
    crystals = " or ".join(f"{setting.name} ({cell_content(parent.species)} in the cell)" for setting, parent in made)
    raise InputError(f"{symbol} has {len(settings)} origins, and these sites make different crystals; write {crystals}")


def _in_setting(
    setting: Setting, symbol: str, lattice: Lattice, sites: dict[str, Site], split: Collection[str]
) -> Parent:
    cell = _cell(lattice, setting, symbol)
    check_lattice(cell, 1)
    rotations, translations = setting.operations
    if not isometric(cell, rotations, 1e-6):
        raise InputError(f"these lattice parameters lack the symmetry of {symbol}")
    species: list[str] = []
    labels: list[str] = []
    positions: list[NDArray[np.float64]] = []
    for label, site in sites.items():
        images = orbit(np.array(site.position), rotations, translations, cell)
        check_atoms(len(positions) + len(images))
        positions.extend(images)
        species.extend([site.species] * len(images))
        labels.extend([label] * len(images))
    parent = Parent(
        cell, tuple(species), tuple(labels), np.array(positions), rotations, translations, setting.symbol, True
    )
    check_apart(cell, species, labels, parent.positions, split)
    return parent


def _from_file(path: Path, format_: str | None, tolerance: float, states: Mapping[str, int]) -> Parent:
    listed = with_states(read_listed(path, format_), states)
    try:
        return _from_atoms(listed, tolerance)
    except InputError as error:
        raise InputError(error.message, file=str(path)) from None


def _from_atoms(listed: ListedCrystal, tolerance: float) -> Parent:
    """Return the parent of a whole cell of atoms; its symmetry is found from them."""
    lattice, labels = listed.lattice, listed.labels
    check_atoms(len(labels))
    check_lattice(lattice, len(labels))
    if not np.isfinite(listed.positions).all():
        raise InputError("a position is not a number")
    first = {label: i for i, label in reversed([*enumerate(labels)])}
    rounded = np.round(wrap(listed.positions), 4)
    order = sorted(range(len(labels)), key=lambda i: (first[labels[i]], *rounded[i]))
    species = tuple(listed.species[i] for i in order)
    named = tuple(labels[i] for i in order)
    positions = wrap(listed.positions[order])
    occupancies = tuple(listed.occupancies[i] for i in order) if listed.occupancies else ()
    check_apart(lattice, species, named, positions, split_labels(listed))
    found = found_symmetry(lattice, positions, kinds_of(species, occupancies), tolerance)
    notes = listed.notes
    parent = Parent(lattice, species, named, positions, *found, False, notes, tolerance, occupancies=occupancies)
    for label, occupancy in parent.partly_occupied.items():
        often = " and is empty else" if vacant_share(occupancy) else ""
        holds = f"it holds {shown_occupancy(occupancy)}{often}; as the ideal host, {occupancy[0][0]}"
        notes += (f"{label} is partly occupied: {holds}",)
    return dataclasses.replace(parent, notes=notes)


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
        Chemical symbols, or other names of what symmetry tells apart.
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
