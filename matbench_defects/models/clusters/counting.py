"""How many clusters of each orbit a configuration has, straight from its occupation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.models.clusters.orbits import Cluster, defect_kinds, parent_clusters

PAIRS = 9.0
"""Longest pair where none is said, Å."""


@dataclass(frozen=True)
class ClusterCounts:
    """The clusters of one space's supercell, ready to be counted in occupations.

    Parameters
    ----------
    names : tuple of Cluster
        The orbits, in the order of the columns.
    nodes : ndarray of int, shape (n, species)
        Number of the node (site with a defect) that each species on each variable site makes; -1 where it is none.
    tables : tuple of ndarray
        Orbit of each node, then pairs and triplets by their first nodes, as the compiled loop reads them.
    """

    names: tuple[Cluster, ...]
    nodes: NDArray[np.int64]
    tables: tuple[NDArray[np.int64], ...]

    def counts(self, occupations: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return how many clusters of each orbit the whole supercell has, shape (m, f)."""
        f = len(self.names)
        return self._run(occupations, np.arange(f), np.ones(f), f)

    def weighted(self, occupations: NDArray[np.uint8], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the counts times one weight an orbit, summed, shape (m,): no table of features is made.

        Parameters
        ----------
        occupations : ndarray of uint8, shape (m, n)
            Configurations of the space.
        weights : ndarray of float, shape (f,)
            Such as the coefficients of a linear model.
        """
        f = len(self.names)
        return self._run(occupations, np.zeros(f, dtype=np.int64), np.asarray(weights, dtype=np.float64), 1)[:, 0]

    def defects(self, occupations: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return how many variable sites hold a defect, shape (m,)."""
        result = np.zeros(len(occupations), dtype=np.int64)
        for site in range(self.nodes.shape[0]):
            result += (self.nodes[site] >= 0)[occupations[:, site]]
        return result

    def _run(
        self, occupations: NDArray[np.uint8], column: NDArray[np.int64], weight: NDArray[np.float64], width: int
    ) -> NDArray[np.float64]:
        from matbench_defects.models.clusters.kernel import add  # numba is imported only where it is needed

        result = np.zeros((len(occupations), width))
        add(np.ascontiguousarray(occupations), self.nodes, *self.tables, column, weight, result)
        return result


def cluster_counts(space: Space, pairs: float = PAIRS, triplets: float = 0.0) -> ClusterCounts:
    """Return the clusters of a space, with periodic images, ready to be counted.

    Parameters
    ----------
    space : Space
        The space; sites that a configuration's point blocks, such as the ends of a pathway, count like defects.
    pairs : float
        Longest pair, Å.
    triplets : float
        Longest side of a triplet, Å; zero for none.

    Raises
    ------
    InputError
        If a cutoff makes too many clusters.
    """
    key = f"clusters to {pairs!r} and {triplets!r}"
    if key not in space.memory:
        space.memory[key] = _cluster_counts(space, pairs, triplets)
    found: ClusterCounts = space.memory[key]
    return found


def features(
    space: Space, occupations: NDArray[np.uint8], pairs: float = PAIRS, triplets: float = 0.0
) -> NDArray[np.float64]:
    """Return symmetry-averaged correlations of occupations: clusters of each orbit per formula unit.

    Rows do not depend on each other, so millions are done in chunks. No structure is built. For the columns' names and
    for sums without a table see `cluster_counts`.

    Parameters
    ----------
    space : Space
        The space.
    occupations : ndarray of uint8, shape (m, n)
        Configurations as the index stores them: of each variable site, which species of its sublattice it holds.
    pairs : float
        Longest pair, Å.
    triplets : float
        Longest side of a triplet, Å; zero for none.

    Returns
    -------
    ndarray of float, shape (m, f)
        In the order of ``cluster_counts(space, pairs, triplets).names``.
    """
    return cluster_counts(space, pairs, triplets).counts(occupations) / space.formula_units


def _cluster_counts(space: Space, pairs: float, triplets: float) -> ClusterCounts:
    found = parent_clusters(space, pairs, triplets)
    nodes, node_of = _nodes(space)
    count = len(space.cells.offsets)
    by_order: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
    for order, points in found.points.items():
        cells = space.cells.index(points[:, None, :, 1:4] + space.cells.offsets[None, :, None, :])
        sites = points[:, None, :, 0] * count + cells  # cluster, cell, point
        of_point = node_of[sites, points[:, None, :, 4]].reshape(-1, order)
        orbit = np.repeat(found.orbits[order], count)
        of_point = np.sort(of_point, axis=1)
        sequence = np.lexsort(of_point.T[::-1])
        by_order[order] = of_point[sequence], orbit[sequence]
    number = int(nodes.max()) + 1
    first, orbit = by_order[1]
    point = np.empty(number, dtype=np.int64)
    point[first[:, 0]] = orbit
    pair, pair_orbit = by_order[2]
    triplet, triplet_orbit = by_order[3]
    new = np.ones(len(triplet), dtype=bool)
    new[1:] = (triplet[1:, :2] != triplet[:-1, :2]).any(axis=1)
    groups = triplet[new]
    tables = (
        point,
        np.searchsorted(pair[:, 0], np.arange(number + 1)),
        pair[:, 1],
        pair_orbit,
        np.searchsorted(groups[:, 0], np.arange(number + 1)),
        groups[:, 1],
        np.append(np.flatnonzero(new), len(triplet)),
        triplet[:, 2],
        triplet_orbit,
    )
    return ClusterCounts(found.names, nodes, tuple(np.ascontiguousarray(t, dtype=np.int64) for t in tables))


def _nodes(space: Space) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the node of each species on each variable site, and of each kind of defect on each supercell site."""
    kinds = defect_kinds(space)
    labels = [kind for of_one in kinds for kind in of_one]
    width = max(len(s.species) for s in space.sublattices) + 1
    nodes = np.full((space.size, width), -1, dtype=np.int64)
    node_of = np.full((len(space.positions), len(labels)), -1, dtype=np.int64)
    number = 0
    for i, (sublattice, where) in enumerate(zip(space.sublattices, space.ranges, strict=True)):
        species = [f"{sublattice.name}.{s}" for s in sublattice.species]
        for kind in kinds[i]:
            # The mark of a point is one number more than the sublattice has species.
            value = species.index(kind) if kind in species else len(species)
            numbers = number + np.arange(len(sublattice.sites))
            nodes[where, value] = numbers
            node_of[sublattice.sites, labels.index(kind)] = numbers
            number += len(sublattice.sites)
    return nodes, node_of
