"""How alike two configurations are: the sites that differ, under the operation that makes them fewest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space

LARGEST_COMPARISON = 500
"""Test rows compared with the training part; evenly spaced ones where there are more."""


FEW = 20_000
"""Of up to so many configurations the differences are kept, and as many compared as are asked for."""
MOST_IMAGES = 4_000_000_000
"""Images of configurations under the group that are compared at most where there are more than `FEW`."""
AT_A_TIME = 10_000_000
"""So many are held together."""


class Similarity:
    """The configurations of one space, compared with each other as far as they are asked for.

    Only the rarer species are looked at: where n and m sites of two configurations hold another species than the
    commonest, s sites of both do, and e of these hold the same, n + m - s - e sites differ.

    Parameters
    ----------
    space : Space
        The space.
    occupations : ndarray of uint8, shape (m, n)
        Its configurations.
    """

    def __init__(self, space: Space, occupations: NDArray[np.uint8]) -> None:
        self._group = space.group
        self._occupations = occupations
        commonest = np.empty(space.size, dtype=np.uint8)
        for where in space.ranges:
            commonest[where] = np.bincount(occupations[:, where].ravel()).argmax()
        self._rare = occupations != commonest
        # By species: what a site of each configuration adds to s + e, shape (n, m).
        self._shared = {
            int(k): (self._rare.astype(np.int16) + (self._rare & (occupations == k))).T for k in np.unique(occupations)
        }
        self._known: dict[int, NDArray[np.int64]] = {}

    def differences(self, position: int) -> NDArray[np.int64]:
        """Return by how many sites one configuration differs from each, shape (m,).

        Parameters
        ----------
        position : int
            Which configuration.
        """
        if position in self._known:
            return self._known[position]
        found = np.empty(len(self._occupations), dtype=np.int64)
        sites = np.flatnonzero(self._rare[position])
        rows = max(1, AT_A_TIME // len(self._group))
        for i in range(0, len(found), rows):
            here = slice(i, i + rows)
            shared = np.zeros((len(self._group), len(found[here])), dtype=np.int16)
            for site in sites:
                shared += self._shared[int(self._occupations[position, site])][:, here][self._group[:, site]]
            found[here] = len(sites) + self._rare[here].sum(axis=1) - shared.max(axis=0)
        if len(found) <= FEW:
            self._known[position] = found
        return found

    def nearest(self, test: Sequence[int], train: Sequence[int] | NDArray[np.int64]) -> list[int]:
        """Return by how many sites each test row, or an even choice of many, differs from the most alike training row.

        Of very many configurations fewer are compared.

        Parameters
        ----------
        test, train : sequence of int
            Positions of the configurations; neither may be empty.
        """
        most = LARGEST_COMPARISON
        if len(self._occupations) > FEW:
            most = min(most, max(20, MOST_IMAGES // (len(self._group) * len(self._occupations))))
        step = -(-len(test) // most)
        return [int(self.differences(i)[train].min()) for i in test[::step]]
