"""Edges between neighbouring sites of a supercell, and which of them symmetry makes equal."""

from __future__ import annotations

import math
import string

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.kinds.kind import Points
from matbench_defects.crystal.limits import LARGEST_ACTION
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import nearest_images
from matbench_defects.errors import InputError

PAIRS_AT_A_TIME = 1_000_000
"""About so many neighbours are looked up together, some hundred bytes each."""


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


def edges_within(space: Space, sublattice: int, cutoff: float) -> NDArray[np.int64]:
    """Return the edges between the sites of one sublattice that are at most `cutoff` apart.

    Parameters
    ----------
    space : Space
        The space.
    sublattice : int
        Index of the sublattice.
    cutoff : float
        Largest distance, Å.

    Returns
    -------
    ndarray of int, shape (e, 2)
        Variable sites, the smaller first, in lexicographic order.

    Raises
    ------
    InputError
        As `neighbour_edges`, and if the cutoff lies so near a length that it parts edges that symmetry makes equal.
    """
    sites = space.sublattices[sublattice].sites
    most = LARGEST_ACTION / max(len(space.group), space.size)
    edges = neighbour_edges(space.lattice, space.positions[sites], cutoff, most)
    edges += space.ranges[sublattice].start
    images = np.sort(space.group[:, edges], axis=2).reshape(-1, 2).astype(np.int64)
    if not np.isin(images @ [space.size, 1], edges @ [space.size, 1]).all():
        raise InputError("parts edges that symmetry makes equal; move it away from their length")
    return edges


def edge_types(space: Space, edges: Points) -> list[str]:
    """Return the type of each edge, a letter for each orbit under the host's group.

    Letters go by increasing length of the edges, and by the first edge where lengths agree to 0.0001 Å.

    Parameters
    ----------
    space : Space
        The space.
    edges : Points
        The edges, points that block two sites each.

    Returns
    -------
    list of str, length e
    """
    first = edges.action(space.group).min(axis=0)
    one_each = np.unique(first)
    start, end = space.positions[space.variable_sites[edges.sites[one_each]]].transpose(1, 0, 2)
    lengths = np.linalg.norm(nearest_images(space.lattice, end - start), axis=1).round(4)
    order = [edge for _, edge in sorted(zip(lengths.tolist(), one_each.tolist(), strict=True))]
    letters = string.ascii_lowercase
    names = {edge: letters[i] if len(order) <= len(letters) else str(i + 1) for i, edge in enumerate(order)}
    return [names[edge] for edge in first.tolist()]
