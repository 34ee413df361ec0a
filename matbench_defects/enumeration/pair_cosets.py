"""Canonical sets under large groups: only operations that send two sites of a set onto its first two are looked at.

A set that is the smallest of its orbit begins with the smallest site of an orbit of sites, `first`, and with the smallest
site, `second`, that can stand beside it. For any two sites of the set, the operations that send one onto `first` bring
the other no further down than `second`, or an image would be smaller: two sites that break this are in conflict and
never in one set. Where they bring it onto `second` exactly, the two are tied, and only the operations that do so have to
be compared with the set; all others make it larger, whatever comes after. So a set of k sites is compared with at most
k² cosets of the operations that keep `first` and `second`, and not with the group.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.compiled_objects import compiled_function
from matbench_defects.enumeration.site_sets import Subsets, number_of_sets, site_type

KERNEL, BITS = "matbench_defects.enumeration.pair_coset_kernel", "matbench_defects.enumeration.bits"
LARGE = 300_000
"""From this many sets on, two threads look for them."""


def pair_coset_subsets(
    action: NDArray[np.int32], count: int, allowed: NDArray[np.bool_] | None = None
) -> Subsets:
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
    total = number_of_sets(action, count) if allowed is None else search.run(None, None)
    sites = np.empty((count, total), dtype=site_type(action.shape[1]))
    orders = np.empty(total, dtype=np.int32)
    found = search.run(sites, orders)
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
        self.times = int((action == np.arange(action.shape[1])).all(axis=1).sum())
        distinct = action if self.times == 1 else np.unique(action, axis=0)
        self.order, self.size = distinct.shape
        self.count = count
        self.words = (self.size + 63) // 64
        kind = site_type(self.size)
        self.action = np.ascontiguousarray(distinct.astype(kind))
        sites = np.arange(self.size, dtype=kind)
        self.inverse = np.empty_like(self.action)
        np.put_along_axis(self.inverse, distinct, sites[None], axis=1)
        self.descending, self.still = self._sets(self.action < sites), self._sets(self.action == sites)
        self.smallest = self.action.min(axis=0).astype(np.int64)
        self.forbidden = np.zeros((self.size, self.words), dtype=np.uint64) if allowed is None else self._sets(~allowed)
        self.allowed = allowed
        pointer = f"{np.dtype(kind)}*"
        masks, integers = "uint64*", "int32*"
        number = "int64"
        self.prepare = compiled_function(
            KERNEL,
            "prepare",
            (pointer, pointer, integers, number, number, number, number, number, integers, integers, integers)
            + (masks,) * 4 + (integers,),
            (BITS,),
        )  # fmt: skip
        self.walk = compiled_function(
            KERNEL,
            "walk",
            (pointer, pointer, masks, masks, number, number, number, integers, integers, number)
            + (masks,) * 5 + (number,) * 8 + (pointer, integers, number, "int64*", masks, masks),
            (BITS,),
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
            keeping = self.action[self.action[:, first] == first]
            nearest = keeping.min(axis=0).astype(np.int32)
            # For two sites, the least image of the second under operations that send the first onto `first`.
            least = np.full((self.size, self.size), self.size, dtype=np.int32)
            orbit, operations = np.unique(self.inverse[:, first], return_index=True)
            least[orbit] = nearest[self.action[operations]]
            for second in range(first + 1, self.size - self.count + 2):
                if nearest[second] != second or self.smallest[second] < first or least[second, first] < second:
                    continue
                if self.allowed is None or self.allowed[first, second]:
                    found.append(self._prepared(first, second, least))
        return found

    def _prepared(self, first: int, second: int, least: NDArray[np.int32]) -> _Pair:
        n, words = self.size, self.words
        blocks = np.empty(n * n, dtype=np.int32)
        members = np.empty(self.order, dtype=np.int32)
        conflict, ties, onto = (np.empty((n, words), dtype=np.uint64) for _ in range(3))
        lower = np.empty((n + 1, words), dtype=np.uint64)
        block = self.prepare(
            self.action, self.inverse, least, self.order, n, words, first, second, blocks, members,
            np.empty(n * n, dtype=np.int32), conflict, ties, lower, onto, np.empty(n, dtype=np.int32),
        )  # fmt: skip
        conflict |= self.forbidden
        excluded = self._sets((self.smallest < first)[None])[0]
        return _Pair(first, second, (blocks, members, block, conflict, ties, lower, onto, excluded))

    def run(self, sites: NDArray[np.unsignedinteger] | None, orders: NDArray[np.int32] | None) -> int:
        """Write all sets, or only count them; return how many there are."""
        total = 0 if sites is None else sites.shape[1]
        pairs = self.pairs()
        helped = total > LARGE and (os.cpu_count() or 1) > 1
        tasks = [
            (pair, *piece)
            for pair in pairs
            for piece in (_pieces(pair.second + 1, self.size) if helped else [(pair.second + 1, self.size)])
        ]
        lock = threading.Lock()
        waiting = [0, len(tasks)]  # the next task from the front, and the one after the next from the back
        filled = [0, 0]
        if sites is None or orders is None:
            sites, orders = np.empty((self.count, 0), dtype=self.action.dtype), np.empty(0, dtype=np.int32)
            direction = 0
        else:
            direction = 1

        def work(back: int) -> None:
            numbers = np.zeros(4 * self.count + 3 * self.order * self.count, dtype=np.int64)
            sets = np.zeros((4 * self.count + 3) * self.words, dtype=np.uint64)
            image = np.zeros(self.words, dtype=np.uint64)
            while True:
                with lock:
                    if waiting[0] == waiting[1]:
                        return
                    waiting[back] += -1 if back else 1
                    pair, begin, end = tasks[waiting[1] if back else waiting[0] - 1]
                position = total - filled[1] if back else filled[0]
                filled[back] += self.walk(
                    self.action, self.inverse, self.descending, self.still, self.order, self.size, self.words,
                    *pair.tables, pair.first, pair.second, begin, end, self.count,
                    -direction if back else direction, position, total, sites, orders, self.times,
                    numbers, sets, image,
                )  # fmt: skip

        helper = threading.Thread(target=work, args=(1,)) if helped else None
        if helper is not None:
            helper.start()
        work(0)
        if helper is not None:
            helper.join()
        return sum(filled)


def _pieces(begin: int, end: int) -> list[tuple[int, int]]:
    """Return the third sites one by one."""
    return [(site, site + 1) for site in range(begin, end)]
