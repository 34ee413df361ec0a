"""One crystal as plain arrays, and its way to the libraries of the field."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import InputError
from matbench_defects.spec.species import element_of, oxidation_state, with_state

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


OXIDATION_STATES = "oxidation_states"
"""Name of the array of ``ase.Atoms`` that holds them."""


@dataclass(frozen=True)
class Crystal:
    """A periodic arrangement of atoms.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    species : tuple of str, length n
        Chemical symbols. Vacant sites are not listed.
    positions : ndarray of float, shape (n, 3)
        Cartesian positions, Å.
    fixed : ndarray of bool, shape (n,), optional
        Atoms that stay where they are in a relaxation; none where it is left out.
    oxidation_states : tuple of (int or None), length n, optional
        Oxidation state of each atom, None where it is not known; left out where none is.
    starting_moments : ndarray of float, shape (n,), optional
        Magnetic moments with which a calculation starts, Bohr magnetons; left out where none are given.
    """

    lattice: NDArray[np.float64]
    species: tuple[str, ...]
    positions: NDArray[np.float64]
    fixed: NDArray[np.bool_] | None = None
    oxidation_states: tuple[int | None, ...] | None = None
    starting_moments: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.species)

    @property
    def volume(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.lattice)))

    def to_ase(self) -> Atoms:
        """Return the crystal as ``ase.Atoms``, periodic in three directions; what is fixed is constrained there too.

        Starting moments are its initial magnetic moments; oxidation states, where there are any, an array of that name,
        not a number where one is not known.
        """
        from ase import Atoms

        atoms = Atoms(symbols=self.species, positions=self.positions, cell=self.lattice, pbc=True)
        if self.fixed is not None:
            from ase.constraints import FixAtoms

            atoms.set_constraint(FixAtoms(mask=self.fixed))
        if self.oxidation_states is not None:
            states = [np.nan if state is None else float(state) for state in self.oxidation_states]
            atoms.set_array(OXIDATION_STATES, np.array(states))
        if self.starting_moments is not None:
            atoms.set_initial_magnetic_moments(self.starting_moments)
        return atoms

    def to_pymatgen(self) -> Structure:
        """Return the crystal as ``pymatgen.core.Structure``.

        Atoms of a known oxidation state are its ``Species``; starting moments are the site property ``magmom``.
        """
        from pymatgen.core import Lattice, Species, Structure

        species: list[Any] = list(self.species)
        if self.oxidation_states is not None:
            pairs = zip(self.species, self.oxidation_states, strict=True)
            species = [symbol if state is None else Species(symbol, state) for symbol, state in pairs]
        moments = None if self.starting_moments is None else {"magmom": self.starting_moments.tolist()}
        return Structure(
            Lattice(self.lattice), species, self.positions, coords_are_cartesian=True, site_properties=moments
        )

    @property
    def named_species(self) -> tuple[str, ...]:
        """Each atom as specs name it, with its oxidation state where that is known: ``Ni2+``."""
        if self.oxidation_states is None:
            return self.species
        return tuple(with_state(one, state) for one, state in zip(self.species, self.oxidation_states, strict=True))

    @classmethod
    def from_ase(cls, atoms: Any) -> Crystal:
        """Return the crystal that ``ase.Atoms`` hold, with oxidation states where an array has them."""
        states = _whole_states(atoms.arrays.get(OXIDATION_STATES))
        species, positions = tuple(atoms.get_chemical_symbols()), np.array(atoms.positions)
        return cls(np.array(atoms.cell), species, positions, oxidation_states=states)

    @classmethod
    def from_pymatgen(cls, structure: Any) -> Crystal:
        """Return the crystal that an ordered ``pymatgen.core.Structure`` holds, with its oxidation states."""
        species = tuple(getattr(site.specie, "element", site.specie).symbol for site in structure)
        states = _whole_states([getattr(site.specie, "oxi_state", None) for site in structure])
        lattice, positions = np.array(structure.lattice.matrix), np.array(structure.cart_coords)
        return cls(lattice, species, positions, oxidation_states=states)


def _whole_states(given: Any) -> tuple[int | None, ...] | None:
    """Return oxidation states that are whole numbers; None for others, and where there are none at all."""
    if given is None or np.shape(given) != (len(given),):
        return None
    states: list[int | None] = []
    for state in given:
        number = isinstance(state, int | float | np.integer | np.floating) and math.isfinite(state)
        states.append(int(state) if number and state == int(state) else None)
    return tuple(states) if any(state is not None for state in states) else None


def crystal_of_species(
    lattice: NDArray[np.float64],
    species: Sequence[str],
    positions: NDArray[np.float64],
    moments: Mapping[str, float] | None = None,
) -> Crystal:
    """Return the crystal of species that may have oxidation states.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    species : sequence of str, length n
        Species such as ``Ni2+``, or elements; no vacancies.
    positions : ndarray of float, shape (n, 3)
        Cartesian positions, Å.
    moments : mapping of str to float, optional
        Starting moments, Bohr magnetons, by species or else by element; zero for what is not named.
    """
    states = tuple(oxidation_state(one) for one in species)
    elements = tuple(element_of(one) for one in species)
    starting = None
    if moments:
        pairs = zip(species, elements, strict=True)
        starting = np.array([moments.get(one, moments.get(element, 0.0)) for one, element in pairs])
    known = states if any(state is not None for state in states) else None
    return Crystal(lattice, elements, positions, oxidation_states=known, starting_moments=starting)


Occupancy = tuple[tuple[str, float], ...]
"""What sits on a site and how often, the most frequent first; what these lack to one is how often it is empty."""


@dataclass(frozen=True)
class ListedCrystal:
    """The whole cell of one crystal, as a file lists it.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    species : tuple of str, length n
        Chemical symbols; of a site that is partly occupied, what sits there most often.
    labels : tuple of str, length n
        What the file calls the site of each atom.
    positions : ndarray of float, shape (n, 3)
        Fractional coordinates.
    notes : tuple of str
        What was decided where the file leaves a choice, and what it declares and does not list.
    missing : str
        What it declares and does not list, such as hydrogens; empty where the crystal is complete.
    occupancies : tuple of Occupancy
        What sits on each site, where some are partly occupied; empty where none is.
    """

    lattice: NDArray[np.float64]
    species: tuple[str, ...]
    labels: tuple[str, ...]
    positions: NDArray[np.float64]
    notes: tuple[str, ...] = ()
    missing: str = ""
    occupancies: tuple[Occupancy, ...] = ()

    @property
    def crystal(self) -> Crystal:
        """The cell as plain arrays, its atoms where the file puts them.

        Raises
        ------
        InputError
            If the file declares atoms that it does not list, or has sites that are partly occupied.
        """
        for label, occupancy in zip(self.labels, self.occupancies, strict=False):
            if len(occupancy) > 1 or occupancy[0][1] < 1:
                raise InputError(
                    f"has partly occupied sites ({label} has an occupancy of {occupancy[0][1]:g}); of a structure that "
                    "is one configuration each site is filled or left out"
                )
        if self.missing:
            raise InputError(self.missing)
        return Crystal(self.lattice, self.species, self.positions @ self.lattice)


def cell_content(species: Iterable[str]) -> str:
    """Return how many atoms of each element a cell holds, such as ``Mg8Cu16``."""
    return "".join(f"{element}{number}" for element, number in Counter(species).items())


def shortest_distance(crystal: Crystal, cutoff: float = 3.0) -> float:
    """Return the shortest distance between two atoms, periodic images included.

    Parameters
    ----------
    crystal : Crystal
        The crystal.
    cutoff : float
        Distances up to this are looked for, Å.

    Returns
    -------
    float
        The distance in Å, or infinity where no pair is nearer than `cutoff`.
    """
    return closest_pair(crystal, cutoff)[0]


def closest_pair(crystal: Crystal, cutoff: float = 3.0) -> tuple[float, tuple[int, int]]:
    """Return the shortest distance between two atoms, as `shortest_distance` does, and which two these are."""
    return min(near_pairs(crystal, cutoff), default=(float("inf"), (0, 0)), key=lambda pair: pair[0])


def near_pairs(crystal: Crystal, cutoff: float) -> list[tuple[float, tuple[int, int]]]:
    """Return the distances between atoms up to a cutoff, Å, periodic images included, each with the two atoms."""
    from pymatgen.optimization.neighbors import find_points_in_spheres  # compiled, and light to import

    points = np.ascontiguousarray(crystal.positions)
    box = np.ascontiguousarray(crystal.lattice)
    centres, neighbours, images, distances = find_points_in_spheres(
        points, points, r=cutoff, pbc=np.ones(3, dtype=np.int64), lattice=box, tol=1e-8
    )
    others = (centres != neighbours) | (images != 0).any(axis=1)
    pairs = np.sort(np.stack([centres[others], neighbours[others]], axis=1), axis=1).tolist()
    return [(distance, (one, other)) for distance, (one, other) in zip(distances[others].tolist(), pairs, strict=True)]


def nearest_images(lattice: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shortest of each vector's periodic images, in any lattice, however skewed its vectors are.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    vectors : ndarray of float, shape (n, 3)
        Cartesian vectors, Å.

    Returns
    -------
    ndarray of float, shape (n, 3)
    """
    reduced, back, steps, shortest = _images(np.ascontiguousarray(lattice, dtype=np.float64).tobytes())
    fractional = vectors @ back
    result: NDArray[np.float64] = (fractional - np.round(fractional)) @ reduced
    # What is shorter than half of every lattice vector has no shorter image.
    far = np.flatnonzero(np.einsum("ni,ni->n", result, result) >= shortest**2 / 4 - 1e-6)
    images = result[far, None, :] + steps
    chosen = np.einsum("nki,nki->nk", images, images).round(9).argmin(axis=1)
    result[far] = images[np.arange(len(far)), chosen]
    return result


@functools.lru_cache(maxsize=256)
def _images(
    lattice: bytes,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return a lattice's reduced vectors, their inverse, those to near cells, and the length of the shortest, Å."""
    import spglib

    reduced: NDArray[np.float64] = spglib.delaunay_reduce(np.frombuffer(lattice).reshape(3, 3))
    steps = np.array(list(itertools.product((0, -1, 1), repeat=3))) @ reduced  # none first, so that it wins a tie
    back = np.asarray(np.linalg.inv(reduced), dtype=np.float64)
    return reduced, back, steps, float(np.linalg.norm(steps[1:], axis=1).min())
