"""Counting and drawing choices that exclude each other, exactly, by deciding one after another.

A choice is what a cycle of sites holds; two choices may exclude each other. The choices are decided in a fixed order.
What is left to decide then depends only on which of the further choices are forbidden already: that is a state. There
are few of them where the exclusions are short, as distances between atoms are. The states of one place in the order
form a layer; each has one number for every content that what is decided may have, and the whole layer goes on at once.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.enumeration.deciding_order import deciding_order
from matbench_defects.errors import InputError

MOST_STATES = 10_000_000
"""States that are gone through, those of all layers together."""
MOST_SUMS = 500_000_000
"""Numbers that are added up to count by one chain, half a minute's work at most; a chain that has added up half of them
before half of its choices are decided is given up, since what is open then is most in the middle."""
LARGEST_HELD = 1_500_000_000
"""Bytes of the numbers that are held: of one layer to count, of all layers to draw."""
LAYERS = 50_000_000
"""Bytes up to which a count keeps where its values lead, for draws."""
DIGIT = 48
"""Bits of one digit of the numbers; the others of its 64 let sums be taken before digits are carried."""


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


@dataclass(frozen=True)
class _Place:
    """One place in the order: for each value a mask of the bits that forbid it and one of those that it sets.

    States, and so the masks, are one or more words. `own` are the bits of the place's own values, which nothing needs
    after it.
    """

    tests: NDArray[np.uint64]
    sets: NDArray[np.uint64]
    own: NDArray[np.uint64]


@dataclass(frozen=True)
class _Numbers:
    """In how many ways each state of a layer is reached or completed, by content.

    Parameters
    ----------
    contents : ndarray of int, shape (d, kinds)
        The contents.
    digits : ndarray of int64, shape (n, d, l)
        For each state and content the number, its digits from the lowest on; they may be too large until carried.
    bound : int
        No digit is larger.
    """

    contents: NDArray[np.int64]
    digits: NDArray[np.int64]
    bound: int

    def carried(self, times: int) -> _Numbers:
        """Return the same numbers such that so many of them can be added."""
        if self.bound * times < 2**62:
            return self
        columns = [self.digits[:, :, k] for k in range(self.digits.shape[2])]
        over: NDArray[np.int64] = np.zeros_like(columns[0])
        for k, column in enumerate(columns):
            column = column + over
            over = column >> DIGIT
            columns[k] = column & (1 << DIGIT) - 1
        if over.any():
            columns.append(over)
        return _Numbers(self.contents, np.stack(columns, axis=2), 1 << DIGIT)

    def of(self, state: int, content: int) -> int:
        """Return one of the numbers."""
        return sum(int(digit) << DIGIT * k for k, digit in enumerate(self.digits[state, content]))


class Chain:
    """All ways to choose that no two choices exclude each other, by what they add up to.

    Parameters
    ----------
    choices : sequence of Choice
        One for each cycle.
    excluded : ndarray of bool, shape (m, m)
        Which of the values, those of one choice after those of another, exclude each other; symmetric.
    near : ndarray of float, shape (choices, 3)
        Where each cycle is, for the order in which they are decided.
    least, most : tuple of int
        For each number that is counted, the smallest and the largest that is wanted; what leads elsewhere is dropped.
    """

    def __init__(
        self,
        choices: Sequence[Choice],
        excluded: NDArray[np.bool_],
        near: NDArray[np.float64],
        least: tuple[int, ...],
        most: tuple[int, ...],
    ) -> None:
        self.least = np.array(least, dtype=np.int64)
        self.most = np.array(most, dtype=np.int64)
        starts = np.cumsum([0, *(len(c.values) for c in choices)])
        owner = np.repeat(np.arange(len(choices)), np.diff(starts))
        touching = np.zeros((len(choices), len(choices)), dtype=bool)
        one, other = np.nonzero(excluded)
        touching[owner[one], owner[other]] = True
        self.order, self.expected_states = deciding_order(touching, near)
        self.choices = [choices[c] for c in self.order]
        """The choices in the order in which they are decided."""
        place = np.empty(len(choices), dtype=np.int64)
        place[self.order] = np.arange(len(choices))
        letters = [range(starts[c], starts[c + 1]) for c in self.order]
        later = [
            [np.flatnonzero(excluded[x] & (place[owner] > k)).tolist() for x in mine] for k, mine in enumerate(letters)
        ]
        self._places = _places(letters, later)
        self._words = len(self._places[0].own) if self._places else 1
        self.sums = 0
        """How many numbers were added up to count."""

    @functools.cached_property
    def _left(self) -> NDArray[np.int64]:
        """How many sites the choices from each place on have that can hold each kind, shape (places + 1, kinds)."""
        can = np.zeros((len(self.choices) + 1, len(self.most)), dtype=np.int64)
        for place, choice in enumerate(self.choices):
            for kind in {k for k in choice.kinds if k >= 0}:
                can[place, kind] = choice.length
        return can[::-1].cumsum(axis=0)[::-1]

    def _step(self, place: _Place, states: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        """Return to which state each value leads, shape (values, n), -1 for none; and the states, shape (m, words)."""
        fine = [np.flatnonzero(~(states & test).any(axis=1)) for test in place.tests]
        cleared = states & ~place.own
        every = np.concatenate([cleared[here] | sets for here, sets in zip(fine, place.sets, strict=True)])
        if every.shape[1] == 1:
            distinct, which = np.unique(every[:, 0], return_inverse=True)
            distinct = distinct[:, None]
        else:
            distinct, which = np.unique(every, axis=0, return_inverse=True)
        to = np.full((len(fine), len(states)), -1, dtype=np.int32)
        for row, here, part in zip(
            to, fine, np.split(which, np.cumsum([len(here) for here in fine])[:-1]), strict=True
        ):
            row[here] = part
        return to, distinct

    def _forward(self) -> Iterator[tuple[NDArray[np.int32], _Numbers]]:
        """Yield for each place where its values lead, as `_step` does, and in how many ways each state then is reached.

        States that no wanted content has are left out.
        """
        states = np.zeros((1, self._words), dtype=np.uint64)
        numbers = _nothing(len(self.most))
        gone_through = self.sums = 0
        for number, place in enumerate(self._places):
            to, states = self._step(place, states)
            gone_through += len(states)
            if gone_through > MOST_STATES:
                raise too_far(f"more than {MOST_STATES:,} states")
            most_met = int(np.bincount(to[to >= 0], minlength=1).max())
            numbers = numbers.carried(most_met)
            contents, moves = self._moves(self.choices[number], numbers.contents, self._left[number + 1])
            _check_size(len(states), len(contents), numbers)
            self.sums += len(states) * sum(len(there) for _, there in moves) * numbers.digits.shape[2]
            if self.sums * (2 if 2 * number < len(self.choices) else 1) > MOST_SUMS:
                raise too_far(f"{len(contents):,} contents of {len(states):,} states, and more to come")
            digits = np.zeros((len(states), len(contents), numbers.digits.shape[2]), dtype=np.int64)
            for row, (here, there) in zip(to, moves, strict=True):
                _add(digits, there, _gathered(row, _taken(numbers.digits, here), len(states)))
            numbers = _Numbers(contents, digits, numbers.bound * most_met)
            kept = digits.any(axis=(1, 2))
            if not kept.all():
                place_of = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
                to = np.where(to >= 0, place_of[to], np.int32(-1))
                states = states[kept]
                numbers = _Numbers(contents, digits[kept], numbers.bound)
            yield to, numbers
            if not len(states):
                return

    def _moves(
        self, choice: Choice, contents: NDArray[np.int64], left: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
        """Return the contents after a choice, and for each of its values which contents lead to which of them."""
        moved, came_from = [], []
        for kind in choice.kinds:
            after = contents.copy()
            if kind >= 0:
                after[:, kind] += choice.length
            here = np.flatnonzero((after <= self.most).all(axis=1) & (after + left >= self.least).all(axis=1))
            moved.append(after[here])
            came_from.append(here)
        distinct, which = np.unique(np.concatenate(moved), axis=0, return_inverse=True)
        there = np.split(which, np.cumsum([len(m) for m in moved])[:-1])
        return distinct, list(zip(came_from, there, strict=True))

    @functools.cached_property
    def total(self) -> dict[tuple[int, ...], int]:
        """In how many ways everything can be chosen, by content."""
        numbers = _nothing(len(self.most))
        held = 0
        self._layers: list[NDArray[np.int32]] | None = []
        for to, reached in self._forward():
            numbers = reached
            held += to.nbytes
            if held > LAYERS:
                self._layers = None
            elif self._layers is not None:
                self._layers.append(to)
        if not len(numbers.digits):
            return {}
        return {tuple(content): numbers.of(0, d) for d, content in enumerate(numbers.contents.tolist())}

    @functools.cached_property
    def _completed(self) -> list[tuple[NDArray[np.int32], _Numbers, dict[tuple[int, ...], int]]]:
        """For each place where its values lead, and in how many ways what follows it is completed, by what it adds."""
        assert self.total
        layers = self._layers if self._layers is not None else [to for to, _ in self._forward()]
        before = self._left[0] - self._left
        numbers = _nothing(len(self.most))
        found = []
        held = 0
        for number in range(len(layers) - 1, -1, -1):
            to = layers[number]
            found.append((to, numbers, {tuple(c): d for d, c in enumerate(numbers.contents.tolist())}))
            held += numbers.digits.nbytes + to.nbytes
            if held > LARGEST_HELD:
                raise too_far(f"more than {LARGEST_HELD:,} bytes to draw from")
            numbers = numbers.carried(len(to))
            contents, moves = self._moves(self.choices[number], numbers.contents, before[number])
            digits = np.zeros((to.shape[1], len(contents), numbers.digits.shape[2]), dtype=np.int64)
            for row, (here, there) in zip(to, moves, strict=True):
                fine = np.flatnonzero(row >= 0)
                digits[np.ix_(fine, there)] += _taken(numbers.digits, here)[row[fine]]
            numbers = _Numbers(contents, digits, numbers.bound * len(to))
        return found[::-1]

    def count(self, counts: Sequence[int]) -> int:
        """Return in how many ways the choices add up to some numbers, which must be wanted ones."""
        return self.total.get(tuple(counts), 0)

    def largest(self) -> int:
        """Return the largest number of the only species that is counted that any choices add up to."""
        states = np.zeros((1, self._words), dtype=np.uint64)
        best = np.zeros(1, dtype=np.int64)
        gone_through = 0
        for place, choice in zip(self._places, self.choices, strict=True):
            to, states = self._step(place, states)
            gone_through += len(states)
            if gone_through > MOST_STATES:
                raise too_far(f"more than {MOST_STATES:,} states")
            most = np.zeros(len(states), dtype=np.int64)
            for row, kind in zip(to, choice.kinds, strict=True):
                fine = np.flatnonzero(row >= 0)
                np.maximum.at(most, row[fine], best[fine] + (choice.length if kind >= 0 else 0))
            best = most
        return int(best[0])

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
        for place, (choice, (to, numbers, at)) in enumerate(zip(self.choices, self._completed, strict=True)):
            for value, (kind, after) in enumerate(zip(choice.kinds, to[:, state].tolist(), strict=True)):
                if after < 0:
                    continue
                if kind >= 0:
                    left[kind] -= choice.length
                content = at.get(tuple(left))
                ways = 0 if content is None else numbers.of(after, content)
                if number < ways:
                    chosen[self.order[place]] = choice.values[value]
                    state = after
                    break
                number -= ways
                if kind >= 0:
                    left[kind] += choice.length
        return chosen


def _places(letters: list[range], later: list[list[list[int]]]) -> list[_Place]:
    """Return the masks of each place.

    Parameters
    ----------
    letters : list of range
        The numbers of the values of each place.
    later : list of list of list of int
        Which values of later places each value of each place forbids.

    Notes
    -----
    A bit belongs to a value from where it can first be forbidden until it is decided, and then to another.
    """
    bit: dict[int, int] = {}
    free: list[int] = []
    opened = 0
    found = []
    for mine, forbidden in zip(letters, later, strict=True):
        tests = [bit.get(letter, -1) for letter in mine]
        free += [one for one in tests if one >= 0]
        for letter in sorted(set(itertools.chain.from_iterable(forbidden))):
            if letter not in bit:
                if free:
                    bit[letter] = free.pop()
                else:
                    bit[letter] = opened
                    opened += 1
        found.append((tests, [[bit[letter] for letter in row] for row in forbidden]))
    words = max(1, -(-opened // 64))

    def mask(bits: list[int]) -> list[int]:
        every = sum(1 << b for b in bits if b >= 0)
        return [every >> 64 * k & (1 << 64) - 1 for k in range(words)]

    return [
        _Place(
            np.array([mask([one]) for one in tests], dtype=np.uint64),
            np.array([mask(row) for row in sets], dtype=np.uint64),
            np.array(mask(tests), dtype=np.uint64),
        )
        for tests, sets in found
    ]


def _gathered(to: NDArray[np.int32], digits: NDArray[np.int64], states: int) -> NDArray[np.int64]:
    """Return the sums of the digits, shape (n, d, l), of all states that lead to the same one, shape (states, d, l)."""
    from scipy.sparse import csc_array

    fine = to >= 0
    starts = np.concatenate([[0], np.cumsum(fine)])
    links = csc_array((np.ones(int(starts[-1]), dtype=np.int64), to[fine], starts), shape=(states, len(to)))
    sums: NDArray[np.int64] = links @ digits.reshape(len(to), -1)
    return sums.reshape(states, *digits.shape[1:])


def _run(places: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Return increasing places as a slice where none is left out."""
    if len(places) and places[-1] - places[0] == len(places) - 1:
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def _taken(digits: NDArray[np.int64], contents: NDArray[np.int64]) -> NDArray[np.int64]:
    return digits[:, _run(contents)]


def _add(digits: NDArray[np.int64], contents: NDArray[np.int64], more: NDArray[np.int64]) -> None:
    digits[:, _run(contents)] += more


def _nothing(kinds: int) -> _Numbers:
    """Return the numbers of one state in which nothing has been chosen."""
    return _Numbers(np.zeros((1, kinds), dtype=np.int64), np.ones((1, 1, 1), dtype=np.int64), 1)


def _check_size(states: int, contents: int, numbers: _Numbers) -> None:
    if states * contents * numbers.digits.shape[2] * 8 > LARGEST_HELD:
        raise too_far(f"{states:,} states of {contents:,} contents to be held at a time")


class TooFarError(InputError):
    """Exclusions reach too far to be counted."""


def too_far(why: str) -> TooFarError:
    """Return that exclusions cannot be counted, and why."""
    return TooFarError(
        f"the exclusions reach too far for an exact treatment: {why}; a smaller supercell, a shorter distance or "
        "fewer contents are needed"
    )
