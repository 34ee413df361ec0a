"""Random configurations from spaces of any size, without enumerating them.

Uniform over inequivalent configurations: an operation is drawn with a probability proportional to the number of
configurations that it leaves as they are, and then one of those at random. An orbit is reached through each of its
members and each operation that keeps the member: as many pairs as the group has operations, the same for every orbit
(Burnside's lemma read backwards), so the draw is unbiased. By multiplicity: any configuration at random.

Where species are exchanged, pairs of an operation and an exchange that keeps the content are drawn instead.

Without repetition what was drawn before is drawn again; where a good part of the space is asked for, it is enumerated
and a part of it taken, which has the same distribution.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import rank
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.content_names import place_of_content
from matbench_defects.crystal.relabelling import exchanged_contents
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.burnside import class_weights, cycle_classes
from matbench_defects.enumeration.colourings import colour_cycles
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.configurations import Configurations, Part, encode
from matbench_defects.enumeration.counting import count_all, count_inequivalent
from matbench_defects.enumeration.cycles import cycles_of
from matbench_defects.enumeration.exchanging import pair_draws
from matbench_defects.enumeration.exclusion_cost import found_sooner
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.spec.spaces import Conditions

Weighting = Literal["uniform", "by-multiplicity"]

ENUMERATED = 4
"""Where fewer than this many times the wanted configurations exist, they are enumerated."""
LARGEST_ENUMERATED = 2_000_000
"""Spaces with conditions are enumerated up to this many configurations, since conditions may leave few."""
TRIES = 1000
"""How many draws one configuration may cost before the search is given up."""


def sample(
    space: Space,
    count: int,
    seed: int,
    weighting: Weighting = "uniform",
    *,
    distinct: bool = True,
    contents: list[Content] | None = None,
    where: Conditions | None = None,
) -> Configurations:
    """Draw configurations at random.

    Parameters
    ----------
    space : Space
        The space, of any kind.
    count : int
        How many.
    seed : int
        Seed; the same seed gives the same configurations.
    weighting : {"uniform", "by-multiplicity"}
        Whether each orbit is equally likely, or each decoration.
    distinct : bool
        Whether none may be drawn twice.
    contents : list of contents, optional
        Only these.
    where : Conditions, optional
        What each configuration must fulfil.

    Returns
    -------
    Configurations
        Canonical members in the order of the enumeration.

    Raises
    ------
    InputError
        If fewer distinct configurations exist, or the conditions leave too few to be found by drawing.
    """
    checks = Checks.of(space, where)
    source = _Source(space, checks)
    contents = [c for c in (space.contents() if contents is None else contents) if checks.content(c)]
    available = sum(map(source.count, contents))
    if not available or (distinct and available < count):
        reason = source.exclusions.reason(contents) if source.exclusions is not None and not available else ""
        raise InputError(f"{count} were asked for, but only {available} configurations differ{reason}")
    if distinct and available <= source.enumerated(count):
        return _from_all(enumerate_configurations(space, contents, where), count, seed, weighting)
    draws = source.draws(contents, random.Random(seed), weighting)
    found: list[Configuration] = []
    seen: set[Configuration] = set()
    for _, drawn in zip(range(TRIES * count), draws, strict=False):
        if checks.refused(drawn.canonical_occupation, drawn.stabiliser_order) or (distinct and drawn in seen):
            continue
        seen.add(drawn)
        found.append(drawn)
        if len(found) == count:
            break
    if len(found) < count:
        raise InputError(f"{len(found)} of {count} configurations were found in {TRIES * count} draws; loosen `where`")
    return collect(space, found)


def sample_each_content(
    space: Space,
    per_content: int,
    seed: int,
    weighting: Weighting = "uniform",
    *,
    where: Conditions | None = None,
) -> Configurations:
    """Draw equally many distinct configurations of each content, or all of a content that has no more.

    Parameters
    ----------
    space : Space
        The space.
    per_content : int
        How many of each content.
    seed : int
        Seed; the draw from one content does not depend on which others there are.
    weighting : {"uniform", "by-multiplicity"}
        Whether each orbit is equally likely, or each decoration.
    where : Conditions, optional
        What each configuration must fulfil.
    """
    checks = Checks.of(space, where)
    source = _Source(space, checks)
    parts: list[Part] = []
    for content in filter(checks.content, space.contents()):
        available = source.count(content)
        if not available:
            continue
        if available <= max(per_content, source.enumerated(0)):
            every = enumerate_configurations(space, [content], where)
            chosen = _from_all(every, min(per_content, len(every)), _seed(space, content, seed), weighting)
        else:
            chosen = sample(space, per_content, _seed(space, content, seed), weighting, contents=[content], where=where)
        parts.extend(chosen.parts)
    return Configurations(space, tuple(parts))


def _seed(space: Space, content: Content, seed: int) -> int:
    from matbench_defects.files import digest

    return int(digest([seed, space.content_name(content)]), 16)


def _from_all(every: Configurations, count: int, seed: int, weighting: Weighting) -> Configurations:
    if len(every) < count:
        raise InputError(f"{count} were asked for, but only {len(every)} configurations differ")
    return every.take(draw_positions(every.multiplicities, count, seed, weighting))


def draw_positions(multiplicities: NDArray[np.int64], count: int, seed: int, weighting: Weighting) -> NDArray[np.int64]:
    """Draw distinct positions among configurations that are all there, and return them increasing.

    Parameters
    ----------
    multiplicities : ndarray of int, shape (m,)
        How many equivalents each configuration has.
    count : int
        How many, at most m.
    seed : int
        Seed; the same seed gives the same positions.
    weighting : {"uniform", "by-multiplicity"}
        Whether each configuration is equally likely, or each of its equivalents.
    """
    if not len(multiplicities):
        return np.zeros(0, dtype=np.int64)
    generator = np.random.default_rng(seed)
    if weighting == "uniform":
        return np.sort(generator.permutation(len(multiplicities))[:count])
    weights = multiplicities / multiplicities.sum()
    return np.sort(generator.choice(len(multiplicities), count, replace=False, p=weights))


def collect(space: Space, found: Iterable[Configuration]) -> Configurations:
    """Return configurations compactly, in the order of the enumeration; one that is given twice is there twice.

    Parameters
    ----------
    space : Space
        The space.
    found : iterable of Configuration
        Configurations of it.
    """
    place = place_of_content(space)
    keyed = [(place(one.content), rank(space, one.canonical_occupation), one) for one in found]
    keyed.sort(key=lambda item: item[:2])
    parts = []
    for _, items in itertools.groupby(keyed, key=lambda item: item[0]):
        same = [one for *_, one in items]
        content, placed = encode(space, np.array([one.canonical_occupation for one in same]))
        multiplicities = np.array([one.multiplicity for one in same], dtype=np.int32)
        parts.append(Part(content, placed.astype(np.uint16 if space.size > 256 else np.uint8), multiplicities))
    return Configurations(space, tuple(parts))


class _Source:
    """How many configurations there are that keep their distances, and draws of them.

    Where placing a point comes first, distances are not counted but looked at in each draw.
    """

    def __init__(self, space: Space, checks: Checks) -> None:
        self.space = space
        self.checks = checks
        self.exclusions = checks.exclusions()
        self.own = self.exclusions is not None and self.exclusions is space.memory.get("exclusions")
        """Whether the distances are the space's own exclusions, and no conditions besides."""
        if self.exclusions is not None and not space.exclusions:
            wanted = [content for content in space.contents() if checks.content(content)]
            if sum(count_inequivalent(space, content) for content in wanted) <= LARGEST_ENUMERATED:
                self.exclusions = None  # enumerated
            else:
                try:
                    sum(map(self.exclusions.count_all, wanted))
                except InputError:  # distances that reach too far to be counted are looked at in each draw
                    self.exclusions = None

    def count(self, content: Content) -> int:
        """Return how many configurations of a content differ."""
        if self.exclusions is None or self.own:
            return count_inequivalent(self.space, content)
        return self.exclusions.count_inequivalent(content)

    def enumerated(self, count: int) -> int:
        """Return up to how many configurations all are enumerated to draw a number of them."""
        unsure = (
            self.checks.by_symmetry
            or self.checks.translations is not None
            or (self.checks.any and self.exclusions is None)
            or (self.own and found_sooner(self.space))
        )
        return max(ENUMERATED * count, LARGEST_ENUMERATED if unsure else 0)

    def draws(self, contents: list[Content], generator: random.Random, weighting: Weighting) -> Iterator[Configuration]:
        """Yield random configurations without end, not by their canonical members.

        Where only symmetric ones are wanted, those that some operation keeps are drawn, besides the identity.
        """
        if self.checks.smallest_order > 1:
            drawn = self._symmetric(contents, generator, weighting)
            return drawn if weighting == "by-multiplicity" else self._once_each(drawn, generator)
        if weighting == "by-multiplicity":
            return self._by_multiplicity(contents, generator)
        return (
            self._uniform_exchanged(contents, generator) if self.space.exchange else self._uniform(contents, generator)
        )

    def _once_each(self, drawn: Iterator[Configuration], generator: random.Random) -> Iterator[Configuration]:
        """Yield draws among orbits of the group as draws among those that exchanges of species make of them.

        One that is made of several in its content is met so many times as often, and kept so many times less often.
        """
        for one in drawn:
            if not self.space.exchange or generator.randrange(one.orbit.parts) == 0:
                yield one

    def _by_class(self, contents: list[Content]) -> tuple[_Row, list[bool], _Draw]:
        """Return how many configurations of a content the operations of each class keep, and how one of them is drawn.

        Besides, whether the operations of a class move anything.
        """
        space, exclusions = self.space, self.exclusions
        if exclusions is not None:
            classes = exclusions.classes
            moving = [_moves(one.operation) for one in classes]

            def draw(which: int, chosen: int, generator: random.Random) -> Configuration:
                occupation = exclusions.draw(classes[chosen].operation, contents[which], generator)
                return Configuration(space, occupation)

            return lambda which: exclusions.weights(contents[which]), moving, draw
        members = list(cycle_classes(space).values())

        def draw_coloured(which: int, chosen: int, generator: random.Random) -> Configuration:
            one = members[chosen]
            number = generator.randrange(len(one.operations))
            operation, point = space.group[one.operations[number]], int(one.points[number])
            return Configuration(space, _coloured(space, contents[which], operation, point, generator))

        moving = [_moves(space.group[one.operations[0]]) for one in members]
        return lambda which: class_weights(space, contents[which]), moving, draw_coloured

    def _uniform(self, contents: list[Content], generator: random.Random) -> Iterator[Configuration]:
        weights, _, draw = self._by_class(contents)
        # By Burnside's lemma the weights of a content add up to this; few of many contents are ever drawn.
        totals = [self.count(content) * len(self.space.group) for content in contents]
        for which, chosen in _pairs(totals, weights, generator):
            yield draw(which, chosen, generator)

    def _uniform_exchanged(self, contents: list[Content], generator: random.Random) -> Iterator[Configuration]:
        weights, draw = pair_draws(self.space, contents)
        for which, chosen in _pairs(list(map(sum, weights)), weights.__getitem__, generator):
            yield Configuration(self.space, draw(which, chosen, generator))

    def _by_multiplicity(self, contents: list[Content], generator: random.Random) -> Iterator[Configuration]:
        space, nothing = self.space, np.arange(self.space.size, dtype=np.int32)
        if self.exclusions is not None:
            every = [self.exclusions.count_all(content) for content in contents]
            for which, _ in _pairs(every, lambda which: [every[which]], generator):
                yield Configuration(space, self.exclusions.draw(nothing, contents[which], generator))
        points = space.kind.points
        totals = list(itertools.accumulate(count_all(space, c) for c in contents))
        while True:
            content = contents[pick(totals, generator)]
            # A draw among one would move on the generator, and with it everything that is drawn by a seed.
            point = generator.randrange(len(points)) if points.blocks else 0
            yield Configuration(space, _coloured(space, content, nothing, point, generator))

    def _symmetric(
        self, contents: list[Content], generator: random.Random, weighting: Weighting
    ) -> Iterator[Configuration]:
        """Yield what an operation keeps. An orbit is met more often, the more operations keep its members."""
        row_of, moving, draw = self._by_class(contents)
        rows = map(row_of, range(len(contents)))
        weights = [[w if moves else 0 for w, moves in zip(row, moving, strict=True)] for row in rows]
        if weighting == "by-multiplicity":  # each content stands for those that exchanges make of it
            numbers = [exchanged_contents(self.space.exchange, content) for content in contents]
            weights = [[w * number for w in row] for row, number in zip(weights, numbers, strict=True)]
        if not any(map(any, weights)):
            raise InputError(
                f"no configuration is kept by {self.checks.smallest_order * self.space.idle_operations} operations"
            )
        for which, chosen in _pairs(list(map(sum, weights)), weights.__getitem__, generator):
            drawn = draw(which, chosen, generator)
            order = drawn.stabiliser_order
            # Met order - 1 times as a decoration, (order - 1) / order times as an orbit, at least half a time.
            chance = 1 / (order - 1) if weighting == "by-multiplicity" else order / (order - 1) / 2
            if generator.random() < chance:
                yield drawn


_Row = Callable[[int], list[int]]
"""Gives how many configurations of a content, by its place, the operations of each class keep."""
_Draw = Callable[[int, int, random.Random], Configuration]
"""Draws a configuration of a content, by its place, that the operations of a class keep, by the class's place."""


def _moves(operation: NDArray[np.int32]) -> bool:
    return bool((operation != np.arange(len(operation))).any())


def _pairs(numbers: list[int], row_of: _Row, generator: random.Random) -> Iterator[tuple[int, int]]:
    """Yield rows and columns of a table of weights, each with a probability that its weight gives, exactly.

    What a row adds up to is given; the row itself is asked for when it is first met.
    """
    totals = list(itertools.accumulate(numbers))
    met: dict[int, list[int]] = {}
    while True:
        which = pick(totals, generator)
        if which not in met:
            met[which] = list(itertools.accumulate(row_of(which)))
            assert met[which][-1] == numbers[which]
        yield which, pick(met[which], generator)


def pick(totals: list[int], generator: random.Random) -> int:
    """Return a position with a probability that its step in the running totals gives, exactly."""
    number = generator.randrange(totals[-1])
    low, high = 0, len(totals) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if number < totals[middle] else (middle + 1, high)
    return low


def _coloured(
    space: Space, content: Content, operation: NDArray[np.int32], point: int, generator: random.Random
) -> NDArray[np.uint8]:
    """Return one of the configurations that an operation leaves as they are, and that have a point."""
    result = np.zeros(space.size, dtype=np.uint8)
    taken = np.zeros(space.size, dtype=bool)
    points = space.kind.points
    if points.blocks:
        blocked = points.sites[point]
        taken[blocked] = True
        result[blocked] = points.mark
    for where, counts in zip(space.ranges, space.placed(content), strict=True):
        colour_cycles(result, cycles_of(operation, where, taken), counts, generator)
    return result
