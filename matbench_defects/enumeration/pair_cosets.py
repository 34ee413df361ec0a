"""Canonical sets under large groups: only operations that send two sites of a set onto its first two are looked at.

A set that is the smallest of its orbit begins with the smallest site of an orbit of sites, `first`, and then has the
smallest site, `second`, that can stand beside it. For any two sites of the set, the operations that send one onto
`first` bring the other no further down than `second`, or an image would be smaller: two sites that break this are in
conflict and never in one set. Where they bring it onto `second` exactly, the two are tied, and only the operations that
do so have to be compared with the set; all others make it larger, whatever comes after. So a set of k sites is compared
with at most k² cosets of the operations that keep `first` and `second`, and not with the group.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.compiling import compiled_function, is_kept
from matbench_defects.enumeration.both_ends import fill_from_both_ends
from matbench_defects.enumeration.site_sets import Subsets, number_of_sets, site_type

PACKAGE = "matbench_defects.enumeration"
LARGE = 300_000
"""From this many sets on, two threads look for them."""


def pair_coset_subsets(action: NDArray[np.int32], count: int, allowed: NDArray[np.bool_] | None = None) -> Subsets:
    """Return the sets of `count` sites that are the smallest of their orbit, in lexicographic order.

    Parameters
    ----------
    action : ndarray of int, shape (h, n)
        Where each operation of a group sends each site; rows may repeat, all equally often.
    count : int
        How many sites a set holds, three or more.
    allowed : ndarray of bool, shape (n, n), optional
        Which two sites may be in one set; symmetric, and unchanged by the group.
    """
    search = _Search(action, count, allowed)
    total = number_of_sets(action, count) if allowed is None else search.count_sets()
    sites = np.empty((count, total), dtype=site_type(action.shape[1]))
    orders = np.empty(total, dtype=np.int32)
    found = search.fill(sites, orders)
    if found != total:
        raise AssertionError(f"{found} sets of {count} sites, {total} were expected")
    return Subsets(sites, orders)


@dataclass(frozen=True)
class _Pair:
    """The first two sites of sets, and the tables for them."""

    first: int
    second: int
    tables: tuple[Any, ...]


class _Search:
    def __init__(self, action: NDArray[np.int32], count: int, allowed: NDArray[np.bool_] | None) -> None:
        self.size = action.shape[1]
        self.count = count
        self.words = (self.size + 63) // 64
        self.kind = np.dtype(site_type(self.size))
        self.prepare = compiled_function(*_loop(self.kind.name, "prepare"))
        self.walk = compiled_function(*_loop(self.kind.name, "walk"))
        self.times = self._tabulate(action)
        if self.times > 1:
            self._tabulate(np.unique(action, axis=0))
        self.smallest = action.min(axis=0)
        self.forbidden = np.zeros((self.size, self.words), dtype=np.uint64) if allowed is None else self._sets(~allowed)
        self.allowed = allowed

    def _tabulate(self, action: NDArray[np.int32]) -> int:
        self.order = len(action)
        self.action = np.empty(action.shape, dtype=self.kind)
        self.inverse = np.empty_like(self.action)
        self.descending, self.still = (np.empty((self.order, self.words), dtype=np.uint64) for _ in range(2))
        return compiled_function(*_loop(self.kind.name, "tabulate"))(
            np.ascontiguousarray(action, dtype=np.int32), self.order, self.size, self.words,
            self.action, self.inverse, self.descending, self.still,
        )  # fmt: skip

    def _sets(self, table: NDArray[np.bool_]) -> NDArray[np.uint64]:
        """Return sets of sites as rows of words."""
        wide = np.zeros((len(table), self.words * 64), dtype=bool)
        wide[:, : self.size] = table
        return np.packbits(wide, axis=1, bitorder="little").view(np.uint64)

    def pairs(self) -> list[_Pair]:
        """Return the two sites that canonical sets can begin with, in order, each with its tables."""
        found = []
        for first in np.flatnonzero(self.smallest == np.arange(self.size)).tolist():
            excluded = self._sets((self.smallest < first)[None])[0]
            onto_first = np.ascontiguousarray(self.inverse[:, first])
            nearest = self.action[onto_first == first].min(axis=0)
            # For two sites, the least image of the second under operations that send the first onto `first`.
            least = np.full((self.size, self.size), self.size, dtype=np.int32)
            orbit, operations = np.unique(onto_first, return_index=True)
            least[orbit] = nearest[self.action[operations]]
            for second in range(first + 1, self.size - self.count + 2):
                if nearest[second] != second or self.smallest[second] < first or least[second, first] < second:
                    continue
                if self.allowed is None or self.allowed[first, second]:
                    tables = self._tables_of(first, second, onto_first, least)
                    found.append(_Pair(first, second, (*tables, excluded)))
        return found

    def _tables_of(
        self, first: int, second: int, onto_first: NDArray[np.unsignedinteger], least: NDArray[np.int32]
    ) -> tuple[Any, ...]:
        n = self.size
        blocks, starts = np.empty((n, n), dtype=np.int32), np.empty((n, n), dtype=np.int32)
        members = np.empty(self.order, dtype=np.int32)
        conflict, ties = (np.empty((n, self.words), dtype=np.uint64) for _ in range(2))
        nearest = np.empty(n, dtype=np.uint16)
        onto_second = np.ascontiguousarray(self.inverse[:, second])
        block = self.prepare(
            self.action, onto_first, onto_second, least, self.order, n, self.words, first, second,
            blocks, members, starts, conflict, ties, nearest,
        )  # fmt: skip
        return blocks, members, block, conflict | self.forbidden, ties, nearest

    def count_sets(self) -> int:
        """Return how many sets there are."""
        walk = self._walk(np.empty((self.count, 0), dtype=self.kind), np.empty(0, dtype=np.int32))
        return sum(walk((pair, 0, self.size), 0, 0) for pair in self.pairs())

    def fill(self, sites: NDArray[np.unsignedinteger], orders: NDArray[np.int32]) -> int:
        """Write all sets and what keeps each, and return how many there are."""
        total = sites.shape[1]
        alone = total < LARGE
        tasks = [
            (pair, *piece)
            for pair in self.pairs()
            for piece in ([(0, self.size)] if alone else _pieces(pair.second + 1, self.size))
        ]
        return fill_from_both_ends(tasks, total, lambda: self._walk(sites, orders), alone=alone)

    def _walk(
        self, sites: NDArray[np.unsignedinteger], orders: NDArray[np.int32]
    ) -> Callable[[tuple[_Pair, int, int], int, int], int]:
        numbers = np.zeros(4 * self.count + 3 * self.order * self.count, dtype=np.int64)
        sets = np.zeros((4 * self.count + 3) * self.words, dtype=np.uint64)
        image = np.zeros(self.words, dtype=np.uint64)

        def walk(task: tuple[_Pair, int, int], direction: int, position: int) -> int:
            pair, begin, end = task
            return self.walk(
                self.action, self.inverse, self.descending, self.still, self.order, self.size, self.words,
                *pair.tables, pair.first, pair.second, begin, end, self.count,
                direction, position, sites.shape[1], sites, orders, self.times, numbers, sets, image,
            )  # fmt: skip

        return walk


def _pieces(begin: int, end: int) -> list[tuple[int, int]]:
    """Return ranges of third sites, the longer the further back they lie: few sets begin there."""
    cuts = [begin]
    while cuts[-1] < end:
        cuts.append(min(end, cuts[-1] + 1 + (cuts[-1] - begin) // 2))
    return list(itertools.pairwise(cuts))


def is_ready(size: int) -> bool:
    """Return whether the search can begin without compiling anything, for so many sites."""
    return is_kept(*_loop(np.dtype(site_type(size)).name, "walk"))


def _loop(kind: str, name: str) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """Return a compiled loop for a type of site numbers, as `compiled_function` takes it."""
    number, sites, integers, masks, short = "int64", f"{kind}*", "int32*", "uint64*", "uint16*"
    arguments = {
        "tabulate": (integers, number, number, number, sites, sites, masks, masks),
        "prepare": (sites, sites, sites, integers, *(number,) * 5, integers, integers, integers, masks, masks, short),
        "walk": (
            *(sites, sites, masks, masks, *(number,) * 3),
            *(integers, integers, number, masks, masks, short, masks),
            *((number,) * 8),
            *(sites, integers, number, "int64*", masks, masks),
        ),
    }
    return f"{PACKAGE}.pair_coset_kernel", name, arguments[name], (f"{PACKAGE}.bits",)
