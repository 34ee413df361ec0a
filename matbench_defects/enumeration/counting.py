"""Exact counts by Burnside's lemma: how many configurations, and how many of them differ."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space


def count_all(space: Space, content: Content) -> int:
    """Return how many configurations have this content, equivalent ones counted each.

    Parameters
    ----------
    space : Space
        The space.
    content : tuple of tuple of int
        How many of each species on each sublattice.
    """
    total = 1
    for counts in content:
        total *= math.factorial(sum(counts))
        for n in counts:
            total //= math.factorial(n)
    return total


def count_inequivalent(space: Space, content: Content) -> int:
    """Return how many symmetry-inequivalent configurations have this content.

    By Burnside's lemma it is the mean, over the group, of the number of configurations that an operation leaves as
    they are: those whose every cycle of sites holds one species.

    Parameters
    ----------
    space : Space
        The space.
    content : tuple of tuple of int
        How many of each species on each sublattice.
    """
    fixed = 0
    memory: dict[tuple[tuple[tuple[int, int], ...], tuple[int, ...]], int] = {}
    for cycles, times in _cycle_types(space).items():
        product = times
        for lengths, counts in zip(cycles, content, strict=True):
            key = (lengths, counts)
            if key not in memory:
                memory[key] = _colourings(lengths, counts)
            product *= memory[key]
            if not product:
                break
        fixed += product
    orbits, left = divmod(fixed, len(space.group))
    assert left == 0
    return orbits


def _cycle_types(space: Space) -> Counter[tuple[tuple[tuple[int, int], ...], ...]]:
    """Return how many operations share each set of cycle lengths: (length, number) pairs for each sublattice."""
    smallest = _smallest_in_cycle(space.group)
    order, size = smallest.shape
    flat = smallest + np.arange(order)[:, None] * size
    length = np.bincount(flat.ravel(), minlength=order * size).reshape(order, size)
    types: Counter[tuple[tuple[tuple[int, int], ...], ...]] = Counter()
    for row in length:
        types[tuple(tuple(sorted(Counter(row[r][row[r] > 0].tolist()).items())) for r in space.ranges)] += 1
    return types


def _smallest_in_cycle(group: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return, for each operation and site, the smallest site of its cycle; by repeated doubling."""
    power = group
    smallest = np.broadcast_to(np.arange(group.shape[1], dtype=group.dtype), group.shape)
    for _ in range(group.shape[1].bit_length()):
        smallest = np.minimum(smallest, np.take_along_axis(smallest, power, axis=1))
        power = np.take_along_axis(power, power, axis=1)
    return smallest


def _colourings(cycles: tuple[tuple[int, int], ...], counts: tuple[int, ...]) -> int:
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
