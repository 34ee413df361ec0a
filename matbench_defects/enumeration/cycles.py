"""The cycles that operations of a group make of its sites."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from matbench_defects.compiling import compiled_function
from matbench_defects.enumeration.colourings import Cycles

COMPILED = 300_000
"""From this many sites times operations on, loading the compiled loop is sooner done than numpy's work."""
MOST_TYPES = 4000
"""Types of cycles that the compiled loop sorts into."""


def cycle_types(action: NDArray[np.int32], ends: tuple[int, ...]) -> dict[tuple[Cycles, ...], int]:
    """Return how many operations have which cycle lengths on each part of the sites.

    Parameters
    ----------
    action : ndarray of int, shape (order, n)
        Where each operation sends each site; no cycle leaves its part.
    ends : tuple of int
        Where each part of the sites ends.
    """
    if action.size >= COMPILED:
        found = _compiled_types(action, ends)
        if found is not None:
            return found
    lengths = cycle_lengths(action).astype(np.uint16)
    starts = (0, *ends[:-1])
    for start, end in zip(starts, ends, strict=True):
        lengths[:, start:end].sort(axis=1)
    distinct, times = np.unique(lengths, axis=0, return_counts=True)
    parts = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
    rows = [tuple(pairs(row[part]) for part in parts) for row in distinct]
    return dict(zip(rows, times.tolist(), strict=True))


def _compiled_types(action: NDArray[np.int32], ends: tuple[int, ...]) -> dict[tuple[Cycles, ...], int] | None:
    """Return the same by the compiled loop; None where that cannot be had, or there are more types than expected."""
    integers = "int32*"
    try:
        sort = compiled_function(
            "matbench_defects.enumeration.cycle_kernel",
            "sort_by_cycles",
            (integers, "int64", "int64", "int64*", "int64", integers, integers, "int64", integers),
        )
    except ImportError:
        return None
    order, size = action.shape
    types = np.empty((MOST_TYPES + 1, size + len(ends)), dtype=np.int32)
    members = np.empty(order, dtype=np.int32)
    number = sort(
        np.ascontiguousarray(action, dtype=np.int32), order, size, np.array(ends, dtype=np.int64), len(ends),
        np.empty(size, dtype=np.int32), types, MOST_TYPES, members,
    )  # fmt: skip
    if number < 0:
        return None
    times = np.bincount(members, minlength=number).tolist()
    parts = [(start + p, end + p) for p, (start, end) in enumerate(zip((0, *ends), ends, strict=False))]
    found = {}
    for row, operations in zip(types[:number], times, strict=True):
        cycles = [[(length, n) for length, n in enumerate(row[a:b].tolist(), 1) if n] for a, b in parts]
        found[tuple(map(tuple, cycles))] = operations
    return found


def pairs(lengths: NDArray[np.unsignedinteger]) -> Cycles:
    """Return how many cycles of each length there are, zeros left out."""
    return tuple(sorted(Counter(lengths[lengths > 0].tolist()).items()))


def cycle_lengths(group: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the length of each cycle of each operation at the cycle's smallest site, and zero at its other sites.

    Parameters
    ----------
    group : ndarray of int, shape (order, n)
        One permutation a row.

    Returns
    -------
    ndarray of int, shape (order, n)
    """
    smallest = smallest_in_cycle(group)
    order, size = smallest.shape
    flat = smallest + np.arange(order)[:, None] * size
    return np.bincount(flat.ravel(), minlength=order * size).reshape(order, size)


def smallest_in_cycle(group: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return, for each operation and site, the smallest site of its cycle; by repeated doubling."""
    power = group
    smallest = np.broadcast_to(np.arange(group.shape[1], dtype=group.dtype), group.shape)
    for _ in range(group.shape[1].bit_length()):
        before, smallest = smallest, np.minimum(smallest, np.take_along_axis(smallest, power, axis=1))
        if np.array_equal(before, smallest):
            break  # twice as far along the cycle lies nothing smaller, so nothing does anywhere on it
        power = np.take_along_axis(power, power, axis=1)
    return smallest


def cycles_of(operation: NDArray[np.int32], where: slice, skipped: NDArray[np.bool_] | None = None) -> list[list[int]]:
    """Return the cycles that an operation makes of some sites, in the order of their first sites.

    Parameters
    ----------
    operation : ndarray of int, shape (n,)
        Where it sends each site.
    where : slice
        The sites.
    skipped : ndarray of bool, shape (n,), optional
        Sites that are left out.
    """
    image = operation.tolist()
    seen = np.zeros(len(operation), dtype=bool) if skipped is None else skipped.copy()
    cycles = []
    for site in range(where.start, where.stop):
        cycle = []
        while not seen[site]:
            seen[site] = True
            cycle.append(site)
            site = image[site]
        if cycle:
            cycles.append(cycle)
    return cycles
