"""The compiled search for sets of sites that differ under a group, for sublattices of up to 64 sites.

Two threads work at it: since Burnside's lemma gives the number of sets beforehand, one fills the result from the front
and the other from the back, and they meet.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.enumeration.site_sets import Subsets, number_of_sets, site_type

TASKS = 400
"""About how many beginnings the work is cut into."""

_loaded = False


def loaded() -> bool:
    """Return whether this process has compiled or loaded the search, which takes longest of little work."""
    return _loaded


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
    global _loaded
    from matbench_defects.enumeration.search import walk_sets  # numba is imported only where it is needed

    _loaded = True

    size = action.shape[1]
    tables = _tables(action, allowed)
    depth, beginnings = 1, _beginnings(walk_sets, tables, size, 1, 0)
    while len(beginnings) < TASKS and depth < count - 2:
        depth += 1
        beginnings = _beginnings(walk_sets, tables, size, depth, count - depth)
    beginnings = beginnings[:, :depth]
    total = number_of_sets(action, count) if allowed is None else _count(walk_sets, tables, beginnings, count)
    sites = np.empty((count, total), dtype=site_type(size))
    orders = np.empty(total, dtype=np.int32)
    _fill(walk_sets, tables, beginnings, count, sites, orders)
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
    return action.astype(np.uint8), inverse.astype(np.uint8), below, descending, still, conflict


def _beginnings(
    walk_sets: Any, tables: tuple[NDArray[Any], ...], size: int, depth: int, room: int
) -> NDArray[np.int64]:
    """Return canonical sets of `depth` sites that leave at least `room` sites after their last."""
    begin = np.zeros(0, dtype=np.int64)
    number = walk_sets(*tables, begin, depth, size, room, 0, 0, np.zeros((depth, 0), np.uint8), np.zeros(0, np.int32))
    sites = np.empty((depth, number), dtype=np.uint8)
    orders = np.empty(number, dtype=np.int32)
    walk_sets(*tables, begin, depth, size, room, 1, 0, sites, orders)
    return np.ascontiguousarray(sites.T).astype(np.int64)


def _count(walk_sets: Any, tables: tuple[NDArray[Any], ...], beginnings: NDArray[np.int64], count: int) -> int:
    size = len(tables[-1])
    empty, none = np.zeros((count, 0), dtype=np.uint8), np.zeros(0, np.int32)
    return sum(walk_sets(*tables, begin, count, size, 0, 0, 0, empty, none) for begin in beginnings)


def _fill(
    walk_sets: Any,
    tables: tuple[NDArray[Any], ...],
    beginnings: NDArray[np.int64],
    count: int,
    sites: NDArray[Any],
    orders: NDArray[np.int32],
) -> None:
    size = len(tables[-1])
    lock = threading.Lock()
    waiting = [0, len(beginnings)]  # the next beginning from the front, and the one after the next from the back
    filled = [0, 0]

    def work(back: int) -> None:
        position = sites.shape[1] if back else 0
        while True:
            with lock:
                if waiting[0] == waiting[1]:
                    return
                waiting[back] += -1 if back else 1
                begin = beginnings[waiting[1] if back else waiting[0] - 1]
            found = walk_sets(*tables, begin, count, size, 0, -1 if back else 1, position, sites, orders)
            position += -found if back else found
            filled[back] += found

    helper = threading.Thread(target=work, args=(1,)) if (os.cpu_count() or 1) > 1 else None
    if helper is not None:
        helper.start()
    work(0)
    if helper is not None:
        helper.join()
    if sum(filled) != sites.shape[1]:
        raise AssertionError(f"{sum(filled)} sets of {count} sites were found, Burnside says {sites.shape[1]}")
