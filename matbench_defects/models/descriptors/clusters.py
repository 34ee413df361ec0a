"""Correlations of clusters of defects, straight from occupations. Cluster expansions are linear models on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.crystal.space import Space
from matbench_defects.errors import NotServedError
from matbench_defects.models.clusters import Cluster, ClusterCounts, cluster_counts
from matbench_defects.models.clusters.orbits import EDGE
from matbench_defects.models.descriptors.descriptor import Descriptor
from matbench_defects.models.model import ModelSettings, State
from matbench_defects.models.per import occupation_divisors
from matbench_defects.models.rows import Rows
from matbench_defects.spec.fields import VACANCY

EMPTY = "empty"
"""The feature that is the same for all rows of a host, where the training rows are of several."""
CONTENT = "content"
"""What stands for the host in features that all hosts share, where the training rows are of several."""


def _empty(space: Space) -> Cluster:
    return Cluster(space.parent.digest(), (EMPTY,), (), 0)


def _content(point: Cluster) -> Cluster:
    return Cluster(CONTENT, point.defects, (), 0)


class ClusterExpansionSettings(ModelSettings):
    """Settings of the pair cluster expansion."""

    cutoff: Annotated[float, Field(gt=0, le=30)] = 9.0
    """Pairs up to this distance count, Å."""


class PairCorrelations(Descriptor):
    """How many points and pairs of each kind a configuration has, per what the target is per.

    Clusters of different hosts are different features. Where the training rows are of several hosts, each host has a
    constant of its own, and contents are features that hosts share, so that a new host gets at least those.
    """

    Settings: ClassVar[type[ModelSettings]] = ClusterExpansionSettings
    title: ClassVar[str] = "Pair correlations"
    description: ClassVar[str] = "symmetry-averaged point and pair correlations of the occupation"
    references: ClassVar[tuple[str, ...]] = ("10.1016/0378-4371(84)90096-7",)

    def __init__(self, settings: Any, device: str = "cpu") -> None:
        super().__init__(settings, device)
        self._features: list[Cluster] = []
        self._column: dict[Cluster, int] = {}

    def learn(self, rows: Rows) -> None:
        """Take the clusters that the training rows have."""
        found: dict[Cluster, None] = {}
        hosts = {rows.background.spaces[name].parent.digest() for name in set(rows.column("space"))}
        for name in sorted(set(rows.column("space"))):
            space = rows.background.spaces[name]
            clusters = self._clusters(space)
            present = np.asarray(clusters.counts(rows.occupations(name)[1]).any(axis=0))
            found.update({cluster: None for cluster, there in zip(clusters.names, present, strict=True) if there})
            if len(hosts) > 1:
                points = [c for c in found if len(c.defects) == 1 and c.parent == space.parent.digest()]
                found[_empty(space)] = None
                found.update({_content(cluster): None for cluster in points})
        self._take(list(found))

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the clusters per what the target is per; those that the training part did not have are left out."""
        result = np.zeros((len(rows), len(self._features)))
        for name in sorted(set(rows.column("space"))):
            where, occupations = rows.occupations(name)
            result[where] = self.occupation_features(
                rows.background.spaces[name], occupations, rows.background.quantity.per
            )
        return result

    def occupation_features(self, space: Space, occupations: NDArray[np.uint8], per: str) -> NDArray[np.float64]:
        """Return the features straight from occupations of one space, shape (m, f).

        Parameters
        ----------
        space : Space
            The space.
        occupations : ndarray of uint8, shape (m, n)
            Configurations of it.
        per : str
            What the target is per.

        Raises
        ------
        InputError
            If one holds an element that no training row had as a defect.
        """
        clusters = self._checked(space, occupations)
        counts = clusters.counts(occupations)
        result = np.zeros((len(occupations), len(self._features)))
        for i, column in self._columns(clusters):
            result[:, column] += counts[:, i]
        empty = self._column.get(_empty(space))
        if empty is not None:
            result[:, empty] = space.formula_units
        return np.asarray(result / occupation_divisors(space, occupations, per)[:, None])

    def weighted(
        self, space: Space, occupations: NDArray[np.uint8], per: str, coefficients: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the features times one coefficient each, summed, without a table of them: millions in seconds.

        Parameters
        ----------
        space, occupations, per
            As in `occupation_features`.
        coefficients : ndarray of float, shape (f,)
            Such as those of a linear model.

        Returns
        -------
        ndarray of float, shape (m,)
        """
        clusters = self._checked(space, occupations)
        weights = np.zeros(len(clusters.names))
        for i, column in self._columns(clusters):
            weights[i] += coefficients[column]
        total = clusters.weighted(occupations, weights)
        empty = self._column.get(_empty(space))
        if empty is not None:
            total = total + space.formula_units * coefficients[empty]
        return total / occupation_divisors(space, occupations, per)

    def points(self) -> NDArray[np.bool_]:
        """Return which features are of single sites, contents and hosts: together they are linear in composition."""
        return np.array([len(cluster.defects) <= 1 for cluster in self._features], dtype=bool)

    def names(self) -> list[str]:
        """Return the clusters; of several hosts, each with the beginning of its host's digest."""
        several = len({c.parent for c in self._features}) > 1
        return [f"{cluster.parent[:6]}: {cluster}" if several else str(cluster) for cluster in self._features]

    def state(self) -> State:
        """Return the cluster of each feature."""
        return {"clusters": [[c.parent, list(c.defects), list(c.distances), c.number] for c in self._features]}

    def restore(self, state: State) -> None:
        """Take these clusters for features."""
        self._take([Cluster(p, tuple(d), tuple(lengths), n) for p, d, lengths, n in state["clusters"]])

    def _take(self, features: Sequence[Cluster]) -> None:
        self._features = list(features)
        self._column = {cluster: i for i, cluster in enumerate(self._features)}

    def _clusters(self, space: Space) -> ClusterCounts:
        return cluster_counts(space, self.settings.cutoff)

    def _columns(self, clusters: ClusterCounts) -> list[tuple[int, int]]:
        """Return which clusters of a space add to which features; those of no feature are left out."""
        meant = [(i, cluster) for i, cluster in enumerate(clusters.names)]
        meant += [(i, _content(cluster)) for i, cluster in meant if len(cluster.defects) == 1]
        return [(i, self._column[cluster]) for i, cluster in meant if cluster in self._column]

    def _checked(self, space: Space, occupations: NDArray[np.uint8]) -> ClusterCounts:
        """Return the clusters of a space, after a look at whether its configurations hold known elements only."""
        counts = self._clusters(space)
        known = {kind.rpartition(".")[2] for cluster in self._features for kind in cluster.defects}
        for sublattice, where in zip(space.sublattices, space.ranges, strict=True):
            nodes = counts.nodes[where]
            for number, species in enumerate(sublattice.species):
                if species in known or species in (VACANCY, EDGE) or (nodes[:, number] < 0).all():
                    continue
                if (occupations[:, where] == number).any():
                    raise NotServedError(
                        f"{space.name}: no training row had {species} where the host has something else"
                    )
        return counts


class TripletSettings(ClusterExpansionSettings):
    """Settings of the cluster expansion with triplets."""

    triplets: Annotated[float, Field(gt=0, le=15)] = 6.0
    """Triplets whose three sides are up to this long count, Å."""


class TripletCorrelations(PairCorrelations):
    """The same with triplets."""

    Settings: ClassVar[type[ModelSettings]] = TripletSettings
    title: ClassVar[str] = "Pair and triplet correlations"
    description: ClassVar[str] = "symmetry-averaged point, pair and triplet correlations of the occupation"

    def _clusters(self, space: Space) -> ClusterCounts:
        return cluster_counts(space, self.settings.cutoff, self.settings.triplets)
