"""In how many ways the cycles of an operation can each be given one species, exactly and for many species."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Cycles = tuple[tuple[int, int], ...]
"""How many cycles of each length, as (length, number) pairs, lengths increasing."""


class Colourings:
    """In how many ways cycles can be given species so that each species holds so many sites.

    The cycles are dealt out from the longest to the shortest. What is left to do after one length depends only on how
    many sites each species still needs, and not on which species needs them, so the needs are sorted and equal ones
    are merged; with few lengths, as in a crystal, few different needs are met, however many species there are.

    Parameters
    ----------
    cycles : tuple of (int, int)
        How many cycles of each length, lengths increasing.

    Notes
    -----
    `colourings_of` gives one object for equal cycles, so that all that count with them share what was found.

    Examples
    --------
    Four cycles of two sites and two sites that stay, with two species of five sites each: each species gets one of the
    two sites, and two of the four cycles.

    >>> colourings_of(((1, 2), (2, 4)))((5, 5))
    12
    """

    def __init__(self, cycles: Cycles) -> None:
        self.cycles = cycles
        self.shorter = colourings_of(cycles[:-1]) if len(cycles) > 1 else None
        self.step = math.gcd(*(length for length, _ in cycles[:-1]))
        """What the shorter cycles fill is a multiple of it."""
        self.known: dict[tuple[int, ...], int] = {}

    def __call__(self, counts: tuple[int, ...]) -> int:
        """Return the ways for how many sites each species holds; they add up to the sites of the cycles."""
        needs = sorted(counts)
        while needs and not needs[0]:
            needs.pop(0)
        if len(needs) < 2:
            return 1
        if needs[0] < 0:
            return 0
        key = tuple(needs)
        ways = self.known.get(key)
        if ways is None:
            ways = self.known[key] = self._find(key)
        return ways

    def _find(self, needs: tuple[int, ...]) -> int:
        length, number = self.cycles[-1]
        if self.shorter is None:
            if any(need % length for need in needs):
                return 0
            return multinomial(number, tuple(need // length for need in needs))
        # One species after another takes some of the longest cycles: (cycles left, sites still needed) -> ways.
        states: dict[tuple[int, tuple[int, ...]], int] = {(number, ()): 1}
        stride = self.step // math.gcd(length, self.step)  # of the numbers that leave what shorter cycles can fill
        room = sum(need // length for need in needs)
        for need in needs[:-1]:
            offset = next((t for t in range(stride) if not (need - t * length) % self.step), None)
            if offset is None:
                return 0
            most = need // length
            room -= most
            after: dict[tuple[int, tuple[int, ...]], int] = {}
            for (left, open_needs), times in states.items():
                least = max(0, left - room)
                for taken in range(least + (offset - least) % stride, min(left, most) + 1, stride):
                    state = (left - taken, tuple(sorted((*open_needs, need - taken * length))))
                    after[state] = after.get(state, 0) + times * math.comb(left, taken)
            states = after
        return sum(
            times * self.shorter((*open_needs, needs[-1] - left * length))
            for (left, open_needs), times in states.items()
        )


@functools.lru_cache(maxsize=100_000)
def colourings_of(cycles: Cycles) -> Colourings:
    """Return the counter for some cycles, the same one for equal cycles."""
    return Colourings(cycles)


def multinomial(number: int, shares: tuple[int, ...]) -> int:
    """Return in how many ways a number of things can be dealt out, so many to each; zero for a negative share.

    Parameters
    ----------
    number : int
        The things.
    shares : tuple of int
        How many each gets; they add up to `number`.
    """
    if min(shares, default=0) < 0:
        return 0
    ways, left = 1, number
    for share in shares:
        ways *= math.comb(left, share)
        left -= share
    return ways


def shares(number: int, length: int, needs: tuple[int, ...], step: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield each way of dealing out cycles of one length to species, in lexicographic order, with its weight.

    Parameters
    ----------
    number, length : int
        How many cycles, and how many sites each has.
    needs : tuple of int
        How many sites each species still needs.
    step : int
        What is left of each need must be a multiple of it; 0 if nothing may be left.
    """
    if len(needs) == 1:
        left = needs[0] - number * length
        if left >= 0 and not (left % step if step else left):
            yield (number,), 1
        return
    need, *others = needs
    room = sum(other // length for other in others)
    for taken in range(max(0, number - room), min(number, need // length) + 1):
        left = need - taken * length
        if left % step if step else left:
            continue
        for rest, ways in shares(number - taken, length, tuple(others), step):
            yield (taken, *rest), ways * math.comb(number, taken)


def colour_cycles(
    result: NDArray[np.uint8], cycles: list[list[int]], counts: tuple[int, ...], generator: random.Random
) -> None:
    """Give each cycle a species so that the numbers of sites come out, all ways being equally likely.

    Parameters
    ----------
    result : ndarray of uint8, shape (n,)
        Filled at the sites of the cycles.
    cycles : list of list of int
        The sites of each cycle.
    counts : tuple of int
        How many sites each species holds.
    generator : random.Random
        What is drawn with.
    """
    by_length: dict[int, list[list[int]]] = {}
    for cycle in cycles:
        by_length.setdefault(len(cycle), []).append(cycle)
    left = counts
    remaining = sorted(by_length)
    while remaining:
        length = remaining[0]
        here = by_length[length]
        every = colourings_of(tuple((n, len(by_length[n])) for n in remaining))
        remaining.pop(0)
        rest = colourings_of(tuple((n, len(by_length[n])) for n in remaining)) if remaining else None
        number = generator.randrange(every(left))
        for share, choices in shares(len(here), length, left, math.gcd(*remaining)):
            after = tuple(n - s * length for n, s in zip(left, share, strict=True))
            number -= choices * rest(after) if rest else choices
            if number < 0:
                break
        left = after
        species = [kind for kind, taken in enumerate(share) for _ in range(taken)]
        generator.shuffle(species)
        for kind, cycle in zip(species, here, strict=True):
            result[cycle] = kind
