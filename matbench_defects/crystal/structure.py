"""One crystal as plain arrays, and its way to the libraries of the field."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


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
    """

    lattice: NDArray[np.float64]
    species: tuple[str, ...]
    positions: NDArray[np.float64]
    fixed: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.species)

    @property
    def volume(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.lattice)))

    def to_ase(self) -> Atoms:
        """Return the crystal as ``ase.Atoms``, periodic in three directions; what is fixed is constrained there too."""
        from ase import Atoms

        atoms = Atoms(symbols=self.species, positions=self.positions, cell=self.lattice, pbc=True)
        if self.fixed is not None:
            from ase.constraints import FixAtoms

            atoms.set_constraint(FixAtoms(mask=self.fixed))
        return atoms

    def to_pymatgen(self) -> Structure:
        """Return the crystal as ``pymatgen.core.Structure``."""
        from pymatgen.core import Lattice, Structure

        return Structure(Lattice(self.lattice), self.species, self.positions, coords_are_cartesian=True)

    @classmethod
    def from_ase(cls, atoms: Any) -> Crystal:
        """Return the crystal that ``ase.Atoms`` hold."""
        return cls(np.array(atoms.cell), tuple(atoms.get_chemical_symbols()), np.array(atoms.positions))

    @classmethod
    def from_pymatgen(cls, structure: Any) -> Crystal:
        """Return the crystal that an ordered ``pymatgen.core.Structure`` holds."""
        species = tuple(getattr(site.specie, "element", site.specie).symbol for site in structure)
        return cls(np.array(structure.lattice.matrix), species, np.array(structure.cart_coords))


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
