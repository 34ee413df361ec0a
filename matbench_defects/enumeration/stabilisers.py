"""The subgroups that keep what has been placed, and the sets of sites that differ under each.

Sets that differ under a stabiliser are found once for each stabiliser and number of sites, on the whole sublattice, and
those that meet sites already taken are left out later: a stabiliser keeps the taken sites together, so what is left is
canonical.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import Stage
from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.site_sets import Subsets, site_type
from matbench_defects.enumeration.subsets import canonical_subsets

_Key = tuple[int, int, int, int]


class Stabilisers:
    """The stabilisers met while configurations of a space are generated, each with a number.

    Parameters
    ----------
    space : Space
        The space.
    checks : Checks
        Conditions on the sets.
    """

    def __init__(self, space: Space, checks: Checks) -> None:
        self.space = space
        self.checks = checks
        self._groups: list[NDArray[np.int64]] = []  # rows of the space's group
        self._numbers: dict[bytes, int] = {}
        self._sets: dict[_Key, Subsets] = {}
        self._keeping: dict[_Key, NDArray[np.int64]] = {}
        identity = (space.group == np.arange(space.size)).all(axis=1)
        self.whole = self._number(np.arange(len(space.group)))
        self.trivial = self._number(np.flatnonzero(identity))

    def orders(self) -> NDArray[np.int64]:
        """Return the order of each stabiliser, by its number."""
        return np.array([len(group) for group in self._groups])

    def _number(self, rows: NDArray[np.int64]) -> int:
        key = rows.tobytes()
        if key not in self._numbers:
            self._numbers[key] = len(self._groups)
            self._groups.append(rows)
        return self._numbers[key]

    def _key(self, stage: Stage, group: int) -> _Key:
        distinguished = self.checks.any or stage.point
        return stage.sublattice, group, stage.count, stage.species if distinguished else -1

    def sets(self, stage: Stage, group: int) -> Subsets:
        """Return the sets that a placement may choose and that differ under a stabiliser."""
        key = self._key(stage, group)
        if key not in self._sets:
            self._sets[key] = self._find(stage, group)
        return self._sets[key]

    def keeping(self, stage: Stage, group: int) -> NDArray[np.int64]:
        """Return the number of the subgroup of a stabiliser that keeps each of those sets, shape (t,)."""
        key = self._key(stage, group)
        if key not in self._keeping:
            self._keeping[key] = self._find_keeping(stage, group, self.sets(stage, group))
        return self._keeping[key]

    def _find(self, stage: Stage, group: int) -> Subsets:
        where = self.space.ranges[stage.sublattice]
        action = self.space.group[self._groups[group], where] - np.int32(where.start)
        limits = self.checks.within(stage)
        if not stage.point:
            return canonical_subsets(action, stage.count, limits)
        points = self.space.kind.points
        images = points.action(self.space.group[self._groups[group]])
        numbers = np.arange(len(points))
        kept = images.min(axis=0) == numbers
        sites = points.sites - where.start
        if limits is not None:
            for one, other in itertools.combinations(sites.T, 2):
                kept &= limits[one, other]
        orders = (images[:, kept] == numbers[kept]).sum(axis=0)
        return Subsets(sites[kept].T.astype(site_type(where.stop - where.start)), orders.astype(np.int32))

    def _find_keeping(self, stage: Stage, group: int, table: Subsets) -> NDArray[np.int64]:
        """Return the number of the subgroup that keeps each set of a table."""
        result = np.full(len(table.orders), self.trivial, dtype=np.int64)
        rows = self._groups[group]
        where = self.space.ranges[stage.sublattice]
        action = self.space.group[rows, where] - where.start
        for i in np.flatnonzero(table.orders > 1).tolist():
            chosen = table.sites[:, i].astype(np.int64)
            inside = np.zeros(action.shape[1], dtype=bool)
            inside[chosen] = True
            result[i] = self._number(rows[inside[action[:, chosen]].all(axis=1)])
        return result
