"""How alike two configurations are: the sites that differ, under the operation that makes them fewest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space

LARGEST_COMPARISON = 500
"""Test rows compared with the training part; evenly spaced ones where there are more."""


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
        if position not in self._known:
            sites = np.flatnonzero(self._rare[position])
            shared = np.zeros((len(self._group), len(self._occupations)), dtype=np.int16)
            for site in sites:
                shared += self._shared[int(self._occupations[position, site])][self._group[:, site]]
            self._known[position] = len(sites) + self._rare.sum(axis=1) - shared.max(axis=0)
        return self._known[position]

    def nearest(self, test: list[int], train: list[int]) -> list[int]:
        """Return by how many sites each test row, or an even choice of many, differs from the most alike training row.

        Parameters
        ----------
        test, train : list of int
            Positions of the configurations; neither may be empty.
        """
        step = -(-len(test) // LARGEST_COMPARISON)
        return [int(self.differences(i)[train].min()) for i in test[::step]]
