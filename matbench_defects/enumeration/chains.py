"""Counting and drawing choices that exclude each other, exactly, by deciding one after another.

A choice is what a cycle of sites holds; two choices may exclude each other. The choices are decided in a fixed order.
What is left to decide then depends only on which of the further choices are forbidden already: that is a state. There
are few of them where the exclusions are short, as distances between atoms are. How a state can be completed is a
polynomial, one coefficient for each content; of one species it is one large integer, which is added and shifted.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import InputError

MOST_STATES = 1_000_000
"""States that are gone through to count; those of one place in the order are held at a time."""
MOST_HELD = 500_000
"""States that are held to draw, where all of them are."""
LARGEST_HELD = 2_000_000_000
"""Bytes of the polynomials that are held."""

Contents = int | dict[tuple[int, ...], int]
"""In how many ways each content occurs."""


@dataclass(frozen=True)
class Choice:
    """What can be chosen for one cycle of sites.

    Parameters
    ----------
    kinds : tuple of int
        The species that can be chosen, each by a number that is counted; -1 for one that is not.
    values : tuple of int
        The species' indices on the sublattice.
    length : int
        How many sites the cycle has.
    """

    kinds: tuple[int, ...]
    values: tuple[int, ...]
    length: int


class Chain:
    """All ways to choose that no two choices exclude each other, by what they add up to.

    Parameters
    ----------
    choices : sequence of Choice
        One for each cycle.
    excluded : ndarray of bool, shape (m, m)
        Which of the values, those of one choice after those of another, exclude each other; symmetric.
    most : tuple of int
        For each number that is counted, the largest that is possible.
    near : ndarray of float, shape (choices, 3)
        Where each cycle is, for the order in which they are decided.
    """

    def __init__(
        self, choices: Sequence[Choice], excluded: NDArray[np.bool_], most: tuple[int, ...], near: NDArray[np.float64]
    ) -> None:
        self.choices = list(choices)
        self.starts = np.cumsum([0, *(len(c.values) for c in choices)])
        self.most = most
        owner = np.repeat(np.arange(len(choices)), np.diff(self.starts))
        touching = np.zeros((len(choices), len(choices)), dtype=bool)
        one, other = np.nonzero(excluded)
        touching[owner[one], owner[other]] = True
        self.order = best_order(touching, near)
        place = np.empty(len(choices), dtype=np.int64)
        place[self.order] = np.arange(len(choices))
        # Values are numbered by when they are decided; each has a mask of the later ones that it forbids.
        self._bit: list[list[int]] = []
        self._own: list[int] = []
        number = 0
        bits = np.empty(len(owner), dtype=np.int64)
        for c in self.order:
            letters = range(self.starts[c], self.starts[c + 1])
            self._bit.append([number + k for k in range(len(letters))])
            self._own.append(sum(1 << k for k in self._bit[-1]))
            bits[self.starts[c] : self.starts[c + 1]] = self._bit[-1]
            number += len(letters)
        self._forbids: list[list[int]] = []
        for c in self.order:
            row = []
            for letter in range(self.starts[c], self.starts[c + 1]):
                later = np.flatnonzero(excluded[letter] & (place[owner] > place[c]))
                row.append(sum(1 << int(bits[x]) for x in later))
            self._forbids.append(row)
        self.width = math.ceil(sum(math.log2(max(1, len(c.values))) for c in choices)) + 2
        self.bits = self.width * (math.prod(limit + 1 for limit in most))

    # How often contents occur: one number that is counted is the place in one large integer, several are keys.

    def _nothing_chosen(self) -> Contents:
        return 1 if len(self.most) == 1 else {(0,) * len(self.most): 1}

    def _with(self, contents: Contents, place: int, value: int) -> Contents:
        """Return contents with what a value adds; those that have too many of something are left out."""
        choice = self.choices[self.order[place]]
        kind = choice.kinds[value]
        if kind < 0:
            return contents
        if isinstance(contents, int):
            return (contents << choice.length * self.width) & ((1 << self.bits) - 1)
        more = {}
        for counts, ways in contents.items():
            if counts[kind] + choice.length <= self.most[kind]:
                more[(*counts[:kind], counts[kind] + choice.length, *counts[kind + 1 :])] = ways
        return more

    def _sum(self, several: Iterable[Contents]) -> Contents:
        if len(self.most) == 1:
            return sum(several)  # type: ignore[arg-type]
        total: dict[tuple[int, ...], int] = {}
        for contents in several:
            for counts, ways in contents.items():  # type: ignore[union-attr]
                total[counts] = total.get(counts, 0) + ways
        return total

    def _number(self, contents: Contents, counts: Sequence[int]) -> int:
        if any(n < 0 for n in counts):
            return 0
        if isinstance(contents, int):
            return contents >> counts[0] * self.width & ((1 << self.width) - 1)
        return contents.get(tuple(counts), 0)

    def _ways(self, place: int, state: int) -> list[tuple[int, int]]:
        """Return which values can be chosen at a place in the order, and to which state each leads."""
        bits = self._bit[place]
        own = self._own[place]
        return [
            (value, (state | self._forbids[place][value]) & ~own)
            for value, bit in enumerate(bits)
            if not state >> bit & 1
        ]

    def _check(self, states: int, held: int, most: int) -> None:
        if states > most or held * self.bits // 8 > LARGEST_HELD:
            raise InputError(
                f"the exclusions reach too far for an exact treatment: {states:,} states, {held:,} of them held, were "
                "not enough; a smaller supercell or a shorter distance is needed"
            )

    @functools.cached_property
    def total(self) -> Contents:
        """In how many ways everything can be chosen, by content."""
        if "completions" in self.__dict__:
            return self.completions[0][0]
        states: dict[int, Contents] = {0: self._nothing_chosen()}
        number = 0
        for place in range(len(self.order)):
            after: dict[int, list[Contents]] = {}
            for state, contents in states.items():
                for value, following in self._ways(place, state):
                    after.setdefault(following, []).append(self._with(contents, place, value))
            number += len(after)
            self._check(number, len(after), MOST_STATES)
            states = {state: self._sum(several) for state, several in after.items()}
        return states.get(0, self._sum([]))

    @functools.cached_property
    def layers(self) -> list[dict[int, list[tuple[int, int]]]]:
        """For each place in the order, the states that are met there, and to which state each value leads."""
        layers: list[dict[int, list[tuple[int, int]]]] = []
        states = {0}
        number = 0
        for place in range(len(self.order)):
            layer = {state: self._ways(place, state) for state in states}
            number += len(layer)
            self._check(number, number, MOST_HELD)
            layers.append(layer)
            states = {after for ways in layer.values() for _, after in ways}
        return layers

    @functools.cached_property
    def completions(self) -> list[dict[int, Contents]]:
        """For each place and state, in how many ways it can be completed, by content."""
        found: list[dict[int, Contents]] = [{0: self._nothing_chosen()}]
        for place in range(len(self.layers) - 1, -1, -1):
            after = found[-1]
            found.append(
                {
                    state: self._sum(self._with(after[following], place, value) for value, following in ways)
                    for state, ways in self.layers[place].items()
                }
            )
        return found[::-1]

    def count(self, counts: Sequence[int]) -> int:
        """Return in how many ways the choices add up to some numbers."""
        if any(n > limit for n, limit in zip(counts, self.most, strict=True)):
            return 0
        return self._number(self.total, counts)

    def largest(self) -> int:
        """Return the largest number of the only species that is counted that any choices add up to."""
        total = self.total
        assert isinstance(total, int)
        return (total.bit_length() - 1) // self.width

    def draw(self, counts: Sequence[int], generator: random.Random) -> list[int]:
        """Return what is chosen for each cycle, all ways that add up to some numbers being equally likely.

        Parameters
        ----------
        counts : sequence of int
            The numbers; there must be a way.
        generator : random.Random
            What is drawn with.
        """
        number = generator.randrange(self.count(counts))
        left = list(counts)
        chosen = [0] * len(self.choices)
        state = 0
        for place, layer in enumerate(self.layers):
            choice = self.choices[self.order[place]]
            for value, after in layer[state]:
                kind = choice.kinds[value]
                if kind >= 0:
                    left[kind] -= choice.length
                ways = self._number(self.completions[place + 1][after], left)
                if number < ways:
                    chosen[self.order[place]] = choice.values[value]
                    state = after
                    break
                number -= ways
                if kind >= 0:
                    left[kind] += choice.length
        return chosen


def best_order(touching: NDArray[np.bool_], near: NDArray[np.float64]) -> list[int]:
    """Return an order of choices in which few of those that are open touch what is decided.

    Parameters
    ----------
    touching : ndarray of bool, shape (n, n)
        Which choices exclude something of each other.
    near : ndarray of float, shape (n, 3)
        Where they are; sweeps along the axes are tried, and walks that always take the choice that touches least more.
    """
    n = len(touching)
    if not n:
        return []
    touching = touching & ~np.eye(n, dtype=bool)
    orders = [
        np.lexsort((near[:, (axis + 2) % 3], near[:, (axis + 1) % 3], near[:, axis])).tolist() for axis in range(3)
    ]
    starts = dict.fromkeys([order[0] for order in orders] + [int(touching.sum(axis=1).argmin())])
    orders += [_walk(touching, start) for start in starts]
    return min(orders, key=lambda order: _cost(touching, order))


def _walk(touching: NDArray[np.bool_], start: int) -> list[int]:
    order = [start]
    decided = np.zeros(len(touching), dtype=bool)
    decided[start] = True
    boundary = touching[start].copy()
    while len(order) < len(touching):
        # How many choices each one would newly put on the boundary, less itself where it is there already.
        more = (touching & ~(boundary | decided)).sum(axis=1) - boundary
        more[decided] = len(touching) + 1
        following = int(more.argmin())
        order.append(following)
        decided[following] = True
        boundary = (boundary | touching[following]) & ~decided
    return order


def _cost(touching: NDArray[np.bool_], order: list[int]) -> float:
    decided = np.zeros(len(touching), dtype=bool)
    cost = 0.0
    for choice in order:
        decided[choice] = True
        across = touching[np.ix_(decided, ~decided)]
        cost += 2.0 ** min(int(across.any(axis=1).sum()), int(across.any(axis=0).sum()))
    return cost
