"""Pathways: edges between neighbouring sites of a mobile ion, one end filled and the other vacant."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import InputError

PAIRS_AT_A_TIME = 1_000_000
"""About so many neighbours are looked up together, some hundred bytes each."""


@dataclass(frozen=True)
class Pathway:
    """The edges along which one species of a space can jump.

    Parameters
    ----------
    sublattice : int
        Index of the sublattice on which it moves.
    mobile : int
        Index of the mobile species in that sublattice's list.
    vacancy : int
        Index of the vacancy there.
    edges : ndarray of int, shape (e, 2)
        Variable sites that each edge joins, the smaller first, edges in lexicographic order.
    """

    sublattice: int
    mobile: int
    vacancy: int
    edges: NDArray[np.int64]


def neighbour_edges(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], cutoff: float, most: float = math.inf
) -> NDArray[np.int64]:
    """Return the pairs of sites that are at most `cutoff` apart.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Vectors of the supercell as rows, Å.
    positions : ndarray of float, shape (n, 3)
        Cartesian positions of the sites, Å.
    cutoff : float
        Largest distance, Å.
    most : float
        How many pairs are handled.

    Returns
    -------
    ndarray of int, shape (e, 2)
        Each pair once, the smaller site first, in lexicographic order.

    Raises
    ------
    InputError
        If there is none, there are more than `most`, or the supercell is so small that a site neighbours its own image
        or one pair has two edges: two occupied ends would then not say which edge is meant.
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres  # compiled, and light to import

    points, box = np.ascontiguousarray(positions), np.ascontiguousarray(lattice)
    nearby = len(points) / abs(np.linalg.det(box)) * 4 / 3 * math.pi * (cutoff + 2) ** 3
    together = max(1, int(PAIRS_AT_A_TIME / nearby))
    found, number = [], 0
    for first in range(0, len(points), together):
        centres, neighbours, _, distances = find_points_in_spheres(
            points, points[first : first + together], r=cutoff, pbc=np.ones(3, dtype=np.int64), lattice=box, tol=1e-8
        )
        apart = distances > 1e-6
        centres, neighbours = centres[apart] + first, neighbours[apart]
        if (centres == neighbours).any():
            raise InputError(f"a site has its own image within {cutoff} Å; take a larger supercell or a smaller cutoff")
        pairs = np.stack([centres, neighbours], axis=1)[centres < neighbours].astype(np.int64)
        found.append(np.unique(pairs, axis=0))
        if len(found[-1]) < len(pairs):
            raise InputError(f"two edges up to {cutoff} Å join the same pair of sites; take a larger supercell")
        number += len(pairs)
        if number > most:
            raise InputError(
                f"there are more than the {int(most):,} edges up to {cutoff} Å that are handled in a supercell of this "
                "size; take a smaller one or a smaller cutoff"
            )
    if not number:
        raise InputError(f"no two sites are within {cutoff} Å of each other")
    return np.concatenate(found)
