"""In how many ways cycles can be filled where what fills a cycle can do so in several ways, or not at all.

Two things lead here. An operation that also exchanges species leaves an arrangement as it is where the species change
along each cycle as the exchange says: a set of species that it carries into each other fills a cycle whose length is a
multiple of the number of these species, beginning with any of them. And a molecule fills a cycle in as many
orientations as come back to themselves once around it.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterator, Sequence

Kinds = tuple[tuple[int, tuple[int, ...], int], ...]
"""Cycles that are alike: their length, in how many ways each thing can fill one, and how many cycles there are."""


class WeightedColourings:
    """In how many ways cycles can be filled so that each thing takes so many sites.

    Parameters
    ----------
    kinds : tuple of (int, tuple of int, int)
        The cycles; lengths decreasing.

    Notes
    -----
    `weighted_colourings` gives one object for equal cycles.

    Examples
    --------
    Two cycles of two sites, each filled by a molecule in one of three orientations or left empty: one of both, in one
    of three ways.

    >>> weighted_colourings(((2, (3, 1), 2),))((2, 2))
    6
    """

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.known: dict[tuple[int, ...], int] = {}

    def __call__(self, needs: tuple[int, ...]) -> int:
        """Return the ways for how many sites each thing takes; they add up to the sites of the cycles."""
        if not self.kinds:
            return int(not any(needs))
        if needs not in self.known:
            rest = weighted_colourings(self.kinds[1:])
            self.known[needs] = sum(ways * rest(left) for _, left, ways in self.shares(needs))
        return self.known[needs]

    def shares(self, needs: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int]]:
        """Yield how the cycles of the first kind can be dealt out: shares, what is then needed, in how many ways."""
        (length, weights, number), later = self.kinds[0], self.kinds[1:]
        # What the cycles of each later kind can add to a thing is a multiple of the lengths it can fill.
        steps = [math.gcd(*(of for of, ways, _ in later if ways[k])) for k in range(len(needs))]

        def deal(k: int, left: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int]]:
            need, last = needs[k], k == len(needs) - 1
            most = min(left, need // length) if weights[k] else 0
            for taken in range(left if last else 0, most + 1):
                after = need - taken * length
                if after % steps[k] if steps[k] else after:
                    continue
                ways = math.comb(left, taken) * weights[k] ** taken
                if last:
                    yield (taken,), (after,), ways
                else:
                    yield from (
                        ((taken, *share), (after, *others), ways * more)
                        for share, others, more in deal(k + 1, left - taken)
                    )

        yield from deal(0, number)

    def draw(self, needs: tuple[int, ...], generator: random.Random) -> list[list[int]]:
        """Return what fills each cycle of each kind, every way to fill them being equally likely.

        Parameters
        ----------
        needs : tuple of int
            How many sites each thing takes; there must be a way.
        generator : random.Random
            What is drawn with.
        """
        if not self.kinds:
            return []
        rest = weighted_colourings(self.kinds[1:])
        number = generator.randrange(self(needs))
        dealt = self.shares(needs)
        while number >= 0:
            share, left, ways = next(dealt)
            number -= ways * rest(left)
        here = [thing for thing, taken in enumerate(share) for _ in range(taken)]
        generator.shuffle(here)
        return [here, *rest.draw(left, generator)]


@functools.lru_cache(maxsize=100_000)
def weighted_colourings(kinds: Kinds) -> WeightedColourings:
    """Return the counter for some cycles, the same one for equal cycles."""
    return WeightedColourings(kinds)


def alike(cycles: Sequence[tuple[int, tuple[int, ...]]]) -> tuple[Kinds, list[list[int]]]:
    """Return the kinds of some cycles, given by length and weights, and the numbers of the cycles of each kind."""
    members: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for number, cycle in enumerate(cycles):
        members.setdefault(cycle, []).append(number)
    kinds = sorted(members, reverse=True)
    return tuple((*kind, len(members[kind])) for kind in kinds), [members[kind] for kind in kinds]
