"""Exact counts by Burnside's lemma: how many configurations, and how many of them differ."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space

Cycles = tuple[tuple[int, int], ...]
"""How many cycles of each length, as (length, number) pairs, lengths increasing."""


def count_all(space: Space, content: Content) -> int:
    """Return how many configurations, or pathways, have this content, equivalent ones counted each.

    Parameters
    ----------
    space : Space
        The space.
    content : tuple of tuple of int
        How many of each species on each sublattice.
    """
    total = 1 if space.pathway is None else len(space.pathway.edges)
    contents = space.placed(content)
    if any(n < 0 for counts in contents for n in counts):
        return 0
    for counts in contents:
        total *= math.factorial(sum(counts))
        for n in counts:
            total //= math.factorial(n)
    return total


def count_inequivalent(space: Space, content: Content) -> int:
    """Return how many symmetry-inequivalent configurations, or pathways, have this content.

    By Burnside's lemma it is the mean, over the group, of the number of configurations that an operation leaves as
    they are: those whose every cycle of sites holds one species. A pathway is left as it is where its edge is, and the
    cycles of the sites outside the edge hold one species each.

    Parameters
    ----------
    space : Space
        The space. Its cycle types are found once and kept with it.
    content : tuple of tuple of int
        How many of each species on each sublattice.
    """
    fixed = 0
    memory: dict[tuple[Cycles, tuple[int, ...]], int] = {}
    contents = space.placed(content)
    if any(n < 0 for counts in contents for n in counts):
        return 0  # a pathway needs an ion and a vacancy
    for cycles, times in cycle_types(space).items():
        product = times
        for lengths, counts in zip(cycles, contents, strict=True):
            key = (lengths, counts)
            if key not in memory:
                memory[key] = colourings(lengths, counts)
            product *= memory[key]
            if not product:
                break
        fixed += product
    orbits, left = divmod(fixed, len(space.group))
    assert left == 0
    return orbits


def cycle_types(space: Space) -> Counter[tuple[Cycles, ...]]:
    """Return how many operations share each set of cycle lengths on each sublattice.

    In a space of pathways it is how many pairs of an operation and an edge that it keeps, the cycles of the edge's
    ends left out.
    """
    if space.memory.get("cycle types") is None:
        space.memory["cycle types"] = _pathway_types(space) if space.pathway else _site_types(space)
    found: Counter[tuple[Cycles, ...]] = space.memory["cycle types"]
    return found


def _site_types(space: Space) -> Counter[tuple[Cycles, ...]]:
    types: Counter[tuple[Cycles, ...]] = Counter()
    if not len(space.group[0]):
        return Counter({(): 1})
    lengths, times = np.unique(cycle_lengths(space.group), axis=0, return_counts=True)
    for row, number in zip(lengths, times.tolist(), strict=True):
        types[tuple(_pairs(row[r]) for r in space.ranges)] += number
    return types


def _pathway_types(space: Space) -> Counter[tuple[Cycles, ...]]:
    assert space.pathway is not None
    types: Counter[tuple[Cycles, ...]] = Counter()
    lengths = cycle_lengths(space.group)
    kept, edges = np.nonzero(edge_action(space) == np.arange(len(space.pathway.edges)))
    rows = lengths[kept]
    # A kept edge has both ends fixed, or exchanged in one cycle of two: its sites, and nothing else, go.
    np.put_along_axis(rows, space.pathway.edges[edges], 0, axis=1)
    distinct, times = np.unique(rows, axis=0, return_counts=True)
    for row, number in zip(distinct, times.tolist(), strict=True):
        types[tuple(_pairs(row[r]) for r in space.ranges)] += number
    return types


def edge_action(space: Space) -> NDArray[np.int64]:
    """Return where each operation sends each edge of the pathways, shape (order, edges)."""
    assert space.pathway is not None
    ends = np.sort(space.group[:, space.pathway.edges].astype(np.int64), axis=2)
    codes = space.pathway.edges[:, 0].astype(np.int64) * space.size + space.pathway.edges[:, 1]
    return np.searchsorted(codes, ends[:, :, 0] * space.size + ends[:, :, 1])


def _pairs(lengths: NDArray[np.int64]) -> Cycles:
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
    smallest = _smallest_in_cycle(group)
    order, size = smallest.shape
    flat = smallest + np.arange(order)[:, None] * size
    return np.bincount(flat.ravel(), minlength=order * size).reshape(order, size)


def _smallest_in_cycle(group: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return, for each operation and site, the smallest site of its cycle; by repeated doubling."""
    power = group
    smallest = np.broadcast_to(np.arange(group.shape[1], dtype=group.dtype), group.shape)
    for _ in range(group.shape[1].bit_length()):
        smallest = np.minimum(smallest, np.take_along_axis(smallest, power, axis=1))
        power = np.take_along_axis(power, power, axis=1)
    return smallest


def colourings(cycles: tuple[tuple[int, int], ...], counts: tuple[int, ...]) -> int:
    """Return in how many ways cycles can be given species so that the species' site counts come out."""
    ways: dict[tuple[int, ...], int] = {tuple(counts[:-1]): 1}  # what is left of each species but the last
    for length, number in cycles:
        after: dict[tuple[int, ...], int] = {}
        for left, times in ways.items():
            for taken, choices in _shares(number, [n // length for n in left]):
                rest = tuple(n - t * length for n, t in zip(left, taken, strict=True))
                after[rest] = after.get(rest, 0) + times * choices
        ways = after
    return ways.get((0,) * (len(counts) - 1), 0)


def _shares(number: int, most: list[int]) -> list[tuple[tuple[int, ...], int]]:
    """Return each way of giving `number` equal cycles to species, the last taking what is left, with its weight."""
    shares: list[tuple[tuple[int, ...], int]] = [((), 1)]
    for limit in most:
        shares = [
            ((*taken, k), weight * math.comb(number - sum(taken), k))
            for taken, weight in shares
            for k in range(min(limit, number - sum(taken)) + 1)
        ]
    return shares
