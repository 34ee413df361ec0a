"""A histogram of numbers that arrive in chunks, none of which is kept."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

DIGITS = 40
"""Bins are not finer than this many binary digits of the numbers: what lies beyond is rounding."""
SMALLEST = 1e-9
"""Numbers smaller than this are not told apart."""


class RunningHistogram:
    """Counts in bins whose width is the smallest power of two with which they are few enough.

    Widths only ever double, by joining neighbours, so the result does not depend on how the numbers are cut into
    chunks.

    Parameters
    ----------
    bins : int
        Most bins from the lowest number to the highest.
    """

    def __init__(self, bins: int = 200) -> None:
        self.bins = bins
        self._exponent = -1074
        self._first = 0
        self._counts = np.zeros((0, 2), dtype=np.int64)

    def add(self, values: NDArray[np.float64], weights: NDArray[np.integer]) -> None:
        """Count some numbers.

        Parameters
        ----------
        values : ndarray of float, shape (m,)
            Finite numbers.
        weights : ndarray of int, shape (m,)
            How often each counts in the second column.
        """
        if not len(values):
            return
        low, high = float(values.min()), float(values.max())
        if len(self._counts):
            low, high = min(low, float(self.edges[0])), max(high, float(self.edges[-2]))
        self._widen(low, high)
        first, last = math.floor(low / self.width), math.floor(high / self.width)
        counts = np.zeros((last + 1 - first, 2), dtype=np.int64)
        counts[self._first - first :][: len(self._counts)] = self._counts
        at = np.floor(values / self.width).astype(np.int64) - first
        np.add.at(counts, at, np.stack([np.ones(len(at), dtype=np.int64), weights.astype(np.int64)], axis=1))
        self._first, self._counts = first, counts

    @property
    def width(self) -> float:
        """Width of a bin."""
        return math.ldexp(1.0, self._exponent)

    @property
    def edges(self) -> NDArray[np.float64]:
        """Lower edge of each bin and the upper one of the last, shape (b + 1,)."""
        return np.asarray((self._first + np.arange(len(self._counts) + 1)) * self.width, dtype=np.float64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many numbers lie in each bin, and the sum of their weights, shape (b, 2)."""
        return self._counts

    def _widen(self, low: float, high: float) -> None:
        """Double the width until the numbers fit, and join the bins that there are."""
        finest = math.frexp(max(abs(low), abs(high), SMALLEST))[1] - DIGITS
        wanted = max(self._exponent, finest)
        while math.floor(math.ldexp(high, -wanted)) - math.floor(math.ldexp(low, -wanted)) >= self.bins:
            wanted += 1
        times = wanted - self._exponent
        self._exponent = wanted
        if not len(self._counts) or not times:
            return
        at = np.arange(self._first, self._first + len(self._counts)) >> min(times, 63)
        joined = np.zeros((int(at[-1] - at[0]) + 1, 2), dtype=np.int64)
        np.add.at(joined, at - at[0], self._counts)
        self._first, self._counts = int(at[0]), joined
