"""Distances between the sites of a space: those that vary, and those of no sublattice, which hold what the host has.

Wherever sites are given, the distance is the shortest of all their periodic images. Sites of no sublattice are the same
in every cell of the parent, so the nearest of them is sought in that one cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.errors import InputError, nearest
from matbench_defects.spec.species import element_of, oxidation_state


def site_distances(space: Space) -> NDArray[np.float64]:
    """Return the shortest distance between variable sites, periodic images included, Å, shape (n, n).

    A site's distance to itself is that to its nearest image.
    """
    fractional = space.positions[space.variable_sites] @ np.linalg.inv(space.lattice)
    return _distances(space.lattice, fractional, fractional, same=True)


def fixed_atoms(space: Space, species: str) -> NDArray[np.int64]:
    """Return the parent's atoms of no sublattice that are of a species, increasing.

    An element stands for each of its species there, and a species with an oxidation state for atoms of its element of
    which none is known.
    """
    varying = set((space.variable_sites // len(space.cells.offsets)).tolist())
    names = enumerate(space.parent.species)
    return np.array([i for i, held in names if i not in varying and _meant(species, held)], dtype=np.int64)


def _meant(named: str, held: str) -> bool:
    return named == held or (
        element_of(named) == element_of(held) and None in (oxidation_state(named), oxidation_state(held))
    )


def check_named(space: Space, known: set[str], one: str, other: str) -> None:
    """Refuse two species of which a space does not have one, or of which none varies.

    Raises
    ------
    InputError
        Naming the species.
    """
    for species in (one, other):
        if species not in known and not len(fixed_atoms(space, species)):
            raise InputError(f"no sublattice holds {species}; {nearest(species, known | set(space.parent.species))}")
    if one not in known and other not in known:
        shown = one if one == other else f"{one} or {other}"
        raise InputError(f"no sublattice holds {shown}, so nothing varies; {nearest(one, known)}")


def nearest_fixed(space: Space, species: str) -> NDArray[np.float64]:
    """Return how far the nearest site of no sublattice with a species is from each variable site, Å, shape (n,).

    Infinite where there is none.
    """
    atoms = fixed_atoms(space, species)
    if not len(atoms):
        return np.full(space.size, np.inf)
    varying, which = np.unique(space.variable_sites // len(space.cells.offsets), return_inverse=True)
    found = _distances(space.parent.lattice, space.parent.positions[varying], space.parent.positions[atoms])
    nearest: NDArray[np.float64] = found.min(axis=1)[which]
    return nearest


def farthest_fixed(space: Space, species: str) -> NDArray[np.float64]:
    """Return how far the farthest site of no sublattice with a species is from each variable site, Å, shape (n,).

    Zero where there is none.
    """
    atoms = fixed_atoms(space, species)
    if not len(atoms):
        return np.zeros(space.size)
    varying, which = np.unique(space.variable_sites // len(space.cells.offsets), return_inverse=True)
    farthest: NDArray[np.float64] = _in_supercell(space, varying, atoms).max(axis=1)[which]
    return farthest


def among_fixed(space: Space, one: str, other: str, *, own_images: bool) -> tuple[float, float]:
    """Return the shortest and the longest distance between two sites of no sublattice with two species, Å.

    Infinite and zero where there are none.

    Parameters
    ----------
    space : Space
        The space.
    one, other : str
        The species.
    own_images : bool
        Whether a site of the supercell and its own nearest image are such a pair, too.
    """
    first, second = fixed_atoms(space, one), fixed_atoms(space, other)
    if not len(first) or not len(second):
        return np.inf, 0.0
    apart = _in_supercell(space, first, second)
    count = len(space.cells.offsets)
    own = (second[:, None] * count + np.arange(count)).ravel() == first[:, None] * count
    longest = float(apart.max())
    apart[own] = _shortest_vector(space.lattice) if own_images else np.inf
    return float(apart.min()), longest


def _in_supercell(space: Space, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the distances of atoms of the first cell to those of all cells, Å, shape (n, m); zero to itself."""
    count = len(space.cells.offsets)
    to_fractional = np.linalg.inv(space.lattice)
    every = (other[:, None] * count + np.arange(count)).ravel()
    return _distances(
        space.lattice, space.positions[one * count] @ to_fractional, space.positions[every] @ to_fractional
    )


def _distances(
    lattice: NDArray[np.float64], one: NDArray[np.float64], other: NDArray[np.float64], *, same: bool = False
) -> NDArray[np.float64]:
    from pymatgen.core import Lattice

    distances: NDArray[np.float64] = Lattice(lattice).get_all_distances(one, other)
    if same:
        np.fill_diagonal(distances, _shortest_vector(lattice))
    return distances


def _shortest_vector(lattice: NDArray[np.float64]) -> float:
    from pymatgen.core import Lattice

    return float(min(Lattice(lattice).get_lll_reduced_lattice().abc))
