"""Clusters of a parent crystal: points, pairs and triplets of sites with a species on each, one orbit a feature.

A *defect* here is a variable site that holds another species than the one its sublattice usually has. Clusters are made
of defects alone, as in a lattice gas: the usual species is what the others leave, so it would add nothing, and in a
dilute configuration few clusters are left to look at.

Neither icet nor smol is used. icet (Mozilla licence) builds its features from structures, one at a time, and smol
likewise, so a million occupations would take hours; neither knows what sits on two sites at once, as a pathway does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.symmetry import parent_action
from matbench_defects.errors import NotServedError

SAME_LENGTH = 3
"""Distances that agree to this many decimals of an ångström are one in a cluster's name."""
MOST_CLUSTERS = 2_000_000
"""Clusters of one parent cell, at most, before symmetry puts them together."""
EDGE = "edge"
"""What the sites that a point blocks are called, such as both ends of a pathway's edge."""
_REACH = 128
"""Lattice vectors inside a cluster have components below this."""


@dataclass(frozen=True, order=True)
class Cluster:
    """An orbit of clusters of defects: all that the parent's symmetry carries into each other.

    Parameters
    ----------
    parent : str
        Digest of the parent; clusters of different hosts are different.
    defects : tuple of str
        Sublattice and species of each point, such as ``Li.vacancy``, sorted.
    distances : tuple of float
        Between the points, Å, sorted; none for a point, one for a pair, three for a triplet.
    number : int
        Counts orbits that agree in all of this.
    """

    parent: str
    defects: tuple[str, ...]
    distances: tuple[float, ...]
    number: int

    def __str__(self) -> str:
        shown = " - ".join(self.defects)
        lengths = f" {' '.join(f'{d:.2f}' for d in self.distances)} Å" if self.distances else ""
        return f"{shown}{lengths}{f' ({self.number + 1})' if self.number else ''}"


@dataclass(frozen=True)
class ParentClusters:
    """Every cluster of one parent cell, each once up to translation.

    Parameters
    ----------
    points : dict of int to ndarray of int, shape (c, order, 5)
        By number of points: site of the parent, lattice vector, and kind of defect.
    orbits : dict of int to ndarray of int, shape (c,)
        Position of each cluster's orbit in `names`.
    names : tuple of Cluster
        The orbits.
    """

    points: dict[int, NDArray[np.int64]]
    orbits: dict[int, NDArray[np.int64]]
    names: tuple[Cluster, ...]


def usual_species(space: Space) -> list[str]:
    """Return for each sublattice the species that is no defect: the host's, or the last where it has none of them."""
    result = []
    for sublattice, counts in zip(space.sublattices, space.host_contents, strict=True):
        most = max(range(len(counts)), key=lambda k: counts[k])
        result.append(sublattice.species[most if counts[most] else -1])
    return result


def defect_kinds(space: Space) -> list[list[str]]:
    """Return what may be a defect on each sublattice; the sites that a point blocks are of a kind of their own."""
    kinds = [
        sorted(s for s in sublattice.species if s != usual)
        for sublattice, usual in zip(space.sublattices, usual_species(space), strict=True)
    ]
    if space.kind.points.blocks:
        kinds[space.kind.points.sublattice].append(EDGE)
    return [[f"{s.name}.{kind}" for kind in found] for s, found in zip(space.sublattices, kinds, strict=True)]


def parent_clusters(space: Space, pairs: float, triplets: float) -> ParentClusters:
    """Return the clusters of a space's parent up to two cutoffs.

    Parameters
    ----------
    space : Space
        The space; spaces that share parent and sublattices share the result.
    pairs : float
        Longest pair, Å.
    triplets : float
        Longest side of a triplet, Å; zero for none.

    Raises
    ------
    InputError
        If there are too many of them.
    """
    parent, kinds = space.parent, defect_kinds(space)
    count = len(space.cells.offsets)
    sublattice = np.full(len(parent.species), -1)
    for i, s in enumerate(space.sublattices):
        sublattice[s.sites // count] = i
    key = ("clusters", tuple(map(tuple, kinds)), sublattice.tobytes(), pairs, triplets)
    if key not in parent.memory:
        parent.memory[key] = _parent_clusters(parent, sublattice, kinds, pairs, triplets)
    found: ParentClusters = parent.memory[key]
    return found


def _parent_clusters(
    parent: Parent, sublattice: NDArray[np.int64], kinds: list[list[str]], pairs: float, triplets: float
) -> ParentClusters:
    labels = [kind for of_one in kinds for kind in of_one]
    starts = np.cumsum([0, *(len(of_one) for of_one in kinds)])
    sites = np.flatnonzero(sublattice >= 0)
    points = {1: np.stack([sites, *3 * [np.zeros_like(sites)]], axis=1)[:, None, :]}
    points[2], neighbours = _pairs(parent, sites, max(pairs, triplets))
    points[3] = _triplets(parent, points[2], neighbours, triplets)
    points[2] = points[2][_sides(parent, points[2])[:, 0] <= pairs]
    actions = _actions(parent, sublattice)
    digest = parent.digest()
    decorated: dict[int, NDArray[np.int64]] = {}
    orbits: dict[int, NDArray[np.int64]] = {}
    names: list[Cluster] = []
    for order, bare in points.items():
        decorated[order] = _decorated(bare, sublattice, starts)
        smallest = _smallest_images(parent, decorated[order], actions, len(labels))
        rows, where = np.unique(smallest, axis=0, return_inverse=True)
        first = np.full(len(rows), len(smallest))
        np.minimum.at(first, where.ravel(), np.arange(len(smallest)))
        orbits[order] = where.ravel() + len(names)
        sides = np.sort(np.round(_sides(parent, decorated[order][first]), SAME_LENGTH), axis=1)
        seen: dict[tuple[tuple[str, ...], tuple[float, ...]], int] = {}
        for cluster, lengths in zip(decorated[order][first], sides.tolist(), strict=True):
            like = tuple(sorted(labels[kind] for kind in cluster[:, 4])), tuple(lengths)
            seen[like] = seen.get(like, -1) + 1
            names.append(Cluster(digest, *like, seen[like]))
    return ParentClusters(decorated, orbits, tuple(names))


def _pairs(
    parent: Parent, sites: NDArray[np.int64], cutoff: float
) -> tuple[NDArray[np.int64], dict[int, NDArray[np.int64]]]:
    """Return every pair once, and the neighbours of each site in the home cell as rows of site and lattice vector."""
    from pymatgen.optimization.neighbors import find_points_in_spheres  # compiled, and light to import

    positions = np.ascontiguousarray((parent.positions @ parent.lattice)[sites])
    first, second, images, distance = find_points_in_spheres(
        positions,
        positions,
        r=cutoff,
        pbc=np.ones(3, dtype=np.int64),
        lattice=np.ascontiguousarray(parent.lattice),
        tol=1e-8,
    )
    apart = distance > 1e-6
    first, second, images = sites[first[apart]], sites[second[apart]], np.round(images[apart]).astype(np.int64)
    ends = np.column_stack([second, images])
    neighbours = {int(site): ends[first == site] for site in sites}
    begins = np.column_stack([first, np.zeros((len(first), 3), dtype=np.int64)])
    return _once(np.stack([begins, ends], axis=1).reshape(-1, 2, 4)), neighbours


def _triplets(
    parent: Parent, pairs: NDArray[np.int64], neighbours: dict[int, NDArray[np.int64]], cutoff: float
) -> NDArray[np.int64]:
    """Return every triplet once whose sides are all within a cutoff."""
    found = [np.zeros((0, 3, 4), dtype=np.int64)]
    for pair in pairs[_sides(parent, pairs)[:, 0] <= cutoff]:
        third = neighbours[int(pair[0, 0])]
        candidates = np.concatenate([np.broadcast_to(pair, (len(third), 2, 4)), third[:, None, :]], axis=1)
        sides = _sides(parent, candidates)
        found.append(candidates[((sides <= cutoff) & (sides > 1e-6)).all(axis=1)])
        if sum(map(len, found)) > MOST_CLUSTERS:
            raise NotServedError(f"more than {MOST_CLUSTERS:,} triplets are within {cutoff} Å; take a smaller cutoff")
    return _once(np.concatenate(found))


def _sides(parent: Parent, clusters: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the distances between the points of each cluster, Å, shape (c, number of pairs)."""
    at = (parent.positions[clusters[..., 0]] + clusters[..., 1:4]) @ parent.lattice
    first, second = np.triu_indices(clusters.shape[1], 1)
    sides: NDArray[np.float64] = np.linalg.norm(at[:, first] - at[:, second], axis=2)
    return sides


def _decorated(
    clusters: NDArray[np.int64], sublattice: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return clusters with every choice of defects on their points."""
    result = np.concatenate([clusters, np.full((*clusters.shape[:2], 1), -1)], axis=2)
    for point in range(clusters.shape[1]):
        here = sublattice[result[:, point, 0]]
        number = starts[here + 1] - starts[here]
        repeated = np.repeat(result, number, axis=0)
        within = np.arange(len(repeated)) - np.repeat(np.cumsum(number) - number, number)
        repeated[:, point, 4] = np.repeat(starts[here], number) + within
        result = repeated
        if len(result) > MOST_CLUSTERS:
            raise NotServedError(f"there are more than {MOST_CLUSTERS:,} clusters; take a smaller cutoff")
    return result


def _actions(parent: Parent, sublattice: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], ...]]:
    """Return rotation, images of atoms and their shifts of each operation that keeps the sublattices."""
    atoms, shifts = parent_action(parent)
    keeps = (sublattice[atoms] == sublattice).all(axis=1)
    return list(zip(parent.rotations[keeps], atoms[keeps], shifts[keeps], strict=True))


def _smallest_images(
    parent: Parent, clusters: NDArray[np.int64], actions: list[tuple[NDArray[np.int64], ...]], kinds: int
) -> NDArray[np.int64]:
    """Return of each cluster the smallest of its images in a fixed order, so that orbits have equal rows."""
    best: NDArray[np.int64] | None = None
    for rotation, atoms, shifts in actions:
        image = clusters.copy()
        image[..., 0] = atoms[clusters[..., 0]]
        image[..., 1:4] = clusters[..., 1:4] @ rotation.T + shifts[clusters[..., 0]]
        code = _codes(image, kinds)
        best = code if best is None else np.where(_before(code, best)[:, None], code, best)
    assert best is not None
    return best


def _codes(clusters: NDArray[np.int64], kinds: int = 1) -> NDArray[np.int64]:
    """Return clusters as sorted numbers, one a point; of all shifts that bring a point home, the smallest row."""
    best: NDArray[np.int64] | None = None
    for origin in range(clusters.shape[1]):
        code = clusters[..., 0].copy()
        for axis in (1, 2, 3):
            code = code * (2 * _REACH) + (clusters[..., axis] - clusters[:, [origin], axis] + _REACH)
        if clusters.shape[2] > 4:
            code = code * kinds + clusters[..., 4]
        code = np.sort(code, axis=1)
        best = code if best is None else np.where(_before(code, best)[:, None], code, best)
    assert best is not None
    return best


def _once(clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return clusters without those that are translations of each other."""
    if not len(clusters):
        return clusters
    first = np.unique(_codes(clusters), axis=0, return_index=True)[1]
    return clusters[first]


def _before(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows of `a` stand before those of `b` in lexicographic order."""
    result = np.zeros(len(a), dtype=bool)
    for column in range(a.shape[1] - 1, -1, -1):
        result = (a[:, column] < b[:, column]) | ((a[:, column] == b[:, column]) & result)
    return result
