"""Sets of sites that differ under a group: the lexicographically smallest of each orbit, with what keeps it.

Little work is done here with numpy, one more site at a time for all sets at once. More is handed to a compiled search:
that of `pair_cosets`, whose work does not grow with the group, or for small groups on at most 64 sites that of `dense`.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import sys

import numpy as np
from numpy.typing import NDArray

from matbench_defects.enumeration import dense, pair_cosets
from matbench_defects.enumeration.site_sets import Subsets, site_type

STEP = 6e-8
"""Seconds that numpy takes for a set, each of its sites and each operation that brings one of them to a given place."""
LOADED, KEPT, UNCOMPILED = 0.002, 0.1, 1.0
"""From so many seconds of numpy's work on a compiled search is worth its start: where this process has begun one, where
it has been compiled before, and where it has to be compiled first, which takes several seconds, once."""
PAIR = 1e-4
"""Seconds in which `pair_cosets` gets ready for each two sites that differ under the group: many for a small group."""
FEW, FILTERED = 24, 2_000_000
"""Up to so many operations and images of sites it is quickest to compare all sets with all their images."""
WORD = 62
"""Sets among at most this many sites are compared as one 64-bit number."""
CHUNK = 4_000_000
"""Numbers that one step of numpy work holds at a time."""


def combinations(size: int, count: int) -> NDArray[np.unsignedinteger]:
    """Return all sets of `count` of `size` positions in lexicographic order, shape (count, sets)."""
    total = math.comb(size, count)
    kind = site_type(size)
    if count == 0:
        return np.zeros((0, 1), dtype=kind)
    columns = np.empty((count, total), dtype=kind)
    # Column by column: each prefix is followed by every larger position that leaves room for the rest.
    last = np.arange(size - count + 1)
    columns_so_far = [last]
    for j in range(1, count):
        room = size - count + j - last
        parents = np.repeat(np.arange(len(last)), room)
        starts = np.cumsum(room) - room
        following = np.arange(len(parents)) - starts[parents] + last[parents] + 1
        columns_so_far = [c[parents] for c in columns_so_far] + [following]
        last = following
    for j, column in enumerate(columns_so_far):
        columns[j] = column
    return columns


def canonical_subsets(action: NDArray[np.int32], count: int, allowed: NDArray[np.bool_] | None = None) -> Subsets:
    """Return the sets of `count` sites that are the smallest of their orbit.

    Parameters
    ----------
    action : ndarray of int, shape (h, n)
        Where each operation of a group sends each site; rows may repeat.
    count : int
        How many sites a set holds.
    allowed : ndarray of bool, shape (n, n), optional
        Which two sites may be in one set; symmetric, and unchanged by the group. The diagonal says which site may be
        in any.
    """
    order, size = action.shape
    kind = site_type(size)
    if count == 0:
        return Subsets(np.zeros((0, 1), dtype=kind), np.array([order], dtype=np.int32))
    if allowed is not None and not allowed.diagonal().all():
        return _among(action, count, allowed, np.flatnonzero(allowed.diagonal()))
    if order == 1 and allowed is None:
        columns = combinations(size, count)
        return Subsets(columns, np.ones(columns.shape[1], dtype=np.int32))
    if count == 1 or (order <= FEW and order * math.comb(size, count) * count <= FILTERED):
        return _filter(action, count, allowed)
    seconds = STEP * math.comb(size, count) / order * count * max(1.0, order / size)
    if count > 2 and seconds > LOADED:
        pairs = size > 64 or order >= count**2
        if pairs and seconds < PAIR * math.comb(size, 2) / order:
            return _grow(action, count, allowed)
        ready = pair_cosets.is_ready(size) if pairs else dense.is_ready()
        if seconds > (LOADED if "llvmlite" in sys.modules and ready else KEPT if ready else UNCOMPILED):
            with contextlib.suppress(ImportError):  # no numba for this Python
                return (pair_cosets.pair_coset_subsets if pairs else dense.dense_subsets)(action, count, allowed)
    return _grow(action, count, allowed)


def _among(action: NDArray[np.int32], count: int, allowed: NDArray[np.bool_], sites: NDArray[np.int64]) -> Subsets:
    """Return the sets among some sites, which the group keeps together: their order stays, and so what is smallest."""
    kind = site_type(action.shape[1])
    if len(sites) < count:
        return Subsets(np.zeros((count, 0), dtype=kind), np.zeros(0, dtype=np.int32))
    inside = allowed[np.ix_(sites, sites)]
    renamed = np.searchsorted(sites, action[:, sites]).astype(np.int32)
    found = canonical_subsets(renamed, count, None if inside.all() else inside)
    return Subsets(sites[found.sites].astype(kind), found.orders)


def _filter(action: NDArray[np.int32], count: int, allowed: NDArray[np.bool_] | None) -> Subsets:
    """Compare every set with its images: the quickest where sets and operations are few."""
    size = action.shape[1]
    columns = combinations(size, count)
    if allowed is not None:
        fine = np.ones(columns.shape[1], dtype=bool)
        for i, j in itertools.combinations(range(count), 2):
            fine &= allowed[columns[i], columns[j]]
        columns = columns[:, fine]
    images = action.astype(columns.dtype)
    orders = np.zeros(columns.shape[1], dtype=np.int32)
    own = list(columns)
    if count == 1:
        kept = images.min(axis=0)[columns[0]] == columns[0]
        return Subsets(columns[:, kept], (images == np.arange(size)).sum(axis=0, dtype=np.int32)[columns[0]][kept])
    kept = np.ones(columns.shape[1], dtype=bool)
    for image in images:
        smaller, same = _compare([image[c] for c in own], own, size)
        kept &= ~smaller
        orders += same
    return Subsets(columns[:, kept], orders[kept])


def _grow(action: NDArray[np.int32], count: int, allowed: NDArray[np.bool_] | None) -> Subsets:
    size = action.shape[1]
    kind = site_type(size)
    smallest = action.min(axis=0)  # of each site's orbit
    images = action.astype(kind)
    parts = []
    for first in np.flatnonzero(smallest == np.arange(size)).tolist():
        # Only an operation that sends a chosen site onto the first can give a smaller set.
        onto = _onto(action, first)
        columns = np.array([[first]], dtype=kind)
        orders = np.array([onto.shape[1]], dtype=np.int32)
        free = np.flatnonzero((smallest >= first) & (np.arange(size) > first))
        for length in range(2, count + 1):
            room = free[: len(free) - (count - length)] if count > length else free
            columns, orders = _one_more(columns, room, images, onto, smallest == first, allowed)
        parts.append((columns, orders))
    return Subsets(
        np.concatenate([c for c, _ in parts], axis=1) if parts else np.zeros((count, 0), dtype=kind),
        np.concatenate([o for _, o in parts]) if parts else np.zeros(0, dtype=np.int32),
    )


def _onto(action: NDArray[np.int32], first: int) -> NDArray[np.int64]:
    """Return the operations that send each site of the orbit of `first` onto it, shape (n, number); else -1."""
    operations, sites = np.nonzero(action == first)
    size = action.shape[1]
    number = int((action[:, first] == first).sum())
    table = np.full((size, number), -1, dtype=np.int64)
    by_site = np.argsort(sites, kind="stable")
    members = np.unique(sites)
    table[members] = operations[by_site].reshape(len(members), number)
    return table


def _one_more(
    columns: NDArray[np.unsignedinteger],
    room: NDArray[np.int64],
    images: NDArray[np.unsignedinteger],
    onto: NDArray[np.int64],
    in_orbit: NDArray[np.bool_],
    allowed: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int32]]:
    """Add one larger site to each set and keep what is canonical."""
    starts = np.searchsorted(room, columns[-1], side="right")
    numbers = len(room) - starts
    parents = np.repeat(np.arange(columns.shape[1]), numbers)
    offsets = np.cumsum(numbers) - numbers
    added = room[np.arange(len(parents)) - offsets[parents] + starts[parents]].astype(columns.dtype)
    candidates = np.concatenate([columns[:, parents], added[None]])
    if allowed is not None:
        fine = np.ones(candidates.shape[1], dtype=bool)
        for column in candidates[:-1]:
            fine &= allowed[column, candidates[-1]]
        candidates = candidates[:, fine]
    length = len(candidates)
    step = max(1, CHUNK // max(1, onto.shape[1] * length))
    found = [_test(candidates[:, i : i + step], images, onto, in_orbit) for i in range(0, candidates.shape[1], step)]
    kept = np.concatenate([k for k, _ in found]) if found else np.zeros(0, dtype=bool)
    orders = np.concatenate([o for _, o in found]) if found else np.zeros(0, dtype=np.int32)
    return candidates[:, kept], orders[kept]


def _test(
    sets: NDArray[np.unsignedinteger],
    images: NDArray[np.unsignedinteger],
    onto: NDArray[np.int64],
    in_orbit: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Return which sets no operation makes smaller, and how many operations keep each."""
    total = sets.shape[1]
    kept = np.ones(total, dtype=bool)
    orders = np.zeros(total, dtype=np.int32)
    for column in sets:
        here = np.flatnonzero(kept & in_orbit[column])
        if not len(here):
            continue
        operations = onto[column[here]]  # (sets, operations)
        own = sets[:, here]
        moved = [images[operations, row[:, None]] for row in own]
        smaller, same = _compare(moved, [row[:, None] for row in own], images.shape[1])
        kept[here] = ~smaller.any(axis=1)
        orders[here] += same.sum(axis=1, dtype=np.int32)
    return kept, orders


def _compare(
    moved: list[NDArray[np.unsignedinteger]], own: list[NDArray[np.unsignedinteger]], size: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each moved set, in any order of its sites, is smaller than its own, and whether it is the same."""
    if size <= WORD:
        weight = np.int64(1) << np.arange(size - 1, -1, -1, dtype=np.int64)
        left = np.add.reduce([weight[m] for m in moved])
        right = np.add.reduce([weight[o] for o in own])
        return np.greater(left, right), np.equal(left, right)
    moved = list(moved)
    for end, i in itertools.product(range(len(moved) - 1, 0, -1), range(len(moved) - 1)):
        if i < end:
            moved[i], moved[i + 1] = np.minimum(moved[i], moved[i + 1]), np.maximum(moved[i], moved[i + 1])
    smaller = np.zeros(moved[0].shape, dtype=bool)
    same = np.ones(moved[0].shape, dtype=bool)
    for m, o in zip(moved, own, strict=True):
        smaller |= same & (m < o)
        same &= m == o
    return smaller, same
