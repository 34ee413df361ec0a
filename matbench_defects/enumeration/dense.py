"""The compiled search for sets of sites that differ under a group, for sublattices of up to 64 sites.

Two threads work at it: since Burnside's lemma gives the number of sets beforehand, one fills the result from the front
and the other from the back, and they meet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.compiling import compiled_function, is_kept
from matbench_defects.enumeration.both_ends import fill_from_both_ends
from matbench_defects.enumeration.site_sets import Subsets, number_of_sets, site_type

TASKS = 400
"""About how many beginnings the work is cut into."""
PACKAGE = "matbench_defects.enumeration"
LOOP = (
    f"{PACKAGE}.dense_kernel",
    "walk_sets",
    (
        *("uint8*", "uint8*", "uint64*", "uint64*", "uint64*", "uint64*", "int64", "int64*"),
        *(("int64",) * 7),
        *("uint8*", "int32*", "int64*", "uint64*"),
    ),
    (f"{PACKAGE}.bits",),
)
"""The compiled loop, as `compiled_function` takes it."""


def is_ready() -> bool:
    """Return whether the search can begin without compiling anything, which takes longer than little work."""
    return is_kept(*LOOP)


def dense_subsets(action: NDArray[np.int32], count: int, allowed: NDArray[np.bool_] | None = None) -> Subsets:
    """Return the sets of `count` sites that are the smallest of their orbit.

    Parameters
    ----------
    action : ndarray of int, shape (h, n)
        Where each operation of a group sends each site, n at most 64; rows may repeat.
    count : int
        How many sites a set holds, at least 2.
    allowed : ndarray of bool, shape (n, n), optional
        Which two sites may be in one set; symmetric, and unchanged by the group.
    """
    size = action.shape[1]
    tables = _tables(action, allowed)
    depth, beginnings = 1, _beginnings(tables, 1, 0)
    while len(beginnings) < TASKS and depth < count - 2:
        depth += 1
        beginnings = _beginnings(tables, depth, count - depth)
    beginnings = beginnings[:, :depth]
    total = number_of_sets(action, count) if allowed is None else _count(tables, beginnings, count)
    sites = np.empty((count, total), dtype=site_type(size))
    orders = np.empty(total, dtype=np.int32)

    def walk() -> Callable[[NDArray[np.int64], int, int], int]:
        one = _Walk(tables, count)
        return lambda begin, direction, position: one(begin, sites, orders, direction, position)

    found = fill_from_both_ends(list(beginnings), total, walk)
    if found != total:
        raise AssertionError(f"{found} sets of {count} sites were found, Burnside says {total}")
    return Subsets(sites, orders)


def _tables(action: NDArray[np.int32], allowed: NDArray[np.bool_] | None) -> tuple[NDArray[Any], ...]:
    order, size = action.shape
    site = np.arange(size, dtype=np.uint64)
    bit = np.uint64(1) << site
    inverse = np.argsort(action, axis=1)
    preimage = bit[inverse]  # of each site, as a bit
    below = np.zeros((order, size + 1), dtype=np.uint64)  # sites whose image lies before d
    below[:, 1:] = np.bitwise_or.accumulate(preimage, axis=1)
    descending = np.bitwise_or.reduce(np.where(action < site.astype(np.int64), bit, np.uint64(0)), axis=1)
    still = np.bitwise_or.reduce(np.where(action == site.astype(np.int64), bit, np.uint64(0)), axis=1)
    conflict = np.zeros(size, dtype=np.uint64)
    if allowed is not None:
        conflict = np.bitwise_or.reduce(np.where(allowed, np.uint64(0), bit), axis=1)
    return (
        np.ascontiguousarray(action, np.uint8),
        np.ascontiguousarray(inverse, np.uint8),
        below,
        descending,
        still,
        conflict,
    )


class _Walk:
    """The compiled walk with the memory that it needs; one for each thread."""

    def __init__(self, tables: tuple[NDArray[Any], ...], count: int) -> None:
        self.walk = compiled_function(*LOOP)
        self.tables = tables
        self.order, self.size = tables[0].shape
        self.count = count
        self.numbers = np.zeros((count + 1) * (self.order + 3) + 64, dtype=np.int64)
        self.words = np.zeros((count + 1) * (3 * self.order + 2), dtype=np.uint64)

    def __call__(
        self,
        begin: NDArray[np.int64],
        sites: NDArray[np.uint8],
        orders: NDArray[np.int32],
        direction: int,
        position: int = 0,
        room: int = 0,
    ) -> int:
        """Write the sets that begin with some sites from a position on or before it, or count them (direction 0)."""
        return self.walk(
            *self.tables, self.order, begin, len(begin), self.count, self.size, room,
            direction, position, sites.shape[1], sites, orders, self.numbers, self.words,
        )  # fmt: skip


def _no_sets(count: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    return np.zeros((count, 0), dtype=np.uint8), np.zeros(0, dtype=np.int32)


def _beginnings(tables: tuple[NDArray[Any], ...], depth: int, room: int) -> NDArray[np.int64]:
    """Return canonical sets of `depth` sites that leave at least `room` sites after their last."""
    walk = _Walk(tables, depth)
    begin = np.zeros(0, dtype=np.int64)
    number = walk(begin, *_no_sets(depth), 0, room=room)
    sites = np.empty((depth, number), dtype=np.uint8)
    walk(begin, sites, np.empty(number, dtype=np.int32), 1, room=room)
    return np.ascontiguousarray(sites.T).astype(np.int64)


def _count(tables: tuple[NDArray[Any], ...], beginnings: NDArray[np.int64], count: int) -> int:
    walk = _Walk(tables, count)
    return sum(walk(begin, *_no_sets(count), 0) for begin in beginnings)
