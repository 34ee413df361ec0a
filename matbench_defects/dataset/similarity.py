"""How alike two configurations are: the sites that differ, under the operation that makes them fewest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space

LARGEST_COMPARISON = 500
"""Test rows compared with the training part; evenly spaced ones where there are more."""
_AT_ONCE = 1 << 24


class Similarity:
    """The configurations of one space, compared with each other as far as they are asked for.

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
        kinds = np.arange(int(occupations.max(initial=0)) + 1, dtype=np.uint8)
        # One number a site and species: the product of two such rows counts the sites that agree.
        self._marked = (occupations[:, :, None] == kinds).reshape(len(occupations), -1).astype(np.float32)
        self._kinds = kinds
        self._known: dict[int, NDArray[np.int64]] = {}

    def differences(self, position: int) -> NDArray[np.int64]:
        """Return by how many sites one configuration differs from each, shape (m,).

        Parameters
        ----------
        position : int
            Which configuration.
        """
        if position not in self._known:
            images = np.unique(self._occupations[position][self._group], axis=0)
            agreeing = np.zeros(len(self._marked), dtype=np.float32)
            step = max(1, _AT_ONCE // self._marked.shape[1])
            for start in range(0, len(images), step):
                here = (images[start : start + step, :, None] == self._kinds).astype(np.float32)
                agreeing = np.maximum(agreeing, (here.reshape(len(here), -1) @ self._marked.T).max(axis=0))
            self._known[position] = self._occupations.shape[1] - agreeing.astype(np.int64)
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
