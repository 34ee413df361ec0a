"""Configurations in which some species may not sit on some pairs of sites: how many there are, and draws among them.

Burnside's lemma holds as without exclusions: the number of orbits is the mean number of configurations that an
operation leaves as they are. Each cycle of sites then holds one species; a species that excludes itself along the cycle
cannot be held, and what two cycles hold excludes each other where it does on any of their sites. Operations of a
conjugacy class leave equally many as they are, so one of each is counted, by a `Chain` over its cycles.
"""

from __future__ import annotations

import functools
import itertools
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.chains import MOST_SUMS, Chain, Choice, too_far
from matbench_defects.enumeration.colourings import Colourings, colour_cycles, colourings_of
from matbench_defects.enumeration.cycles import cycle_lengths, cycles_of, pairs, smallest_in_cycle
from matbench_defects.enumeration.distance_limits import Limits

CONJUGATIONS = 30
"""Random operations that connect others to conjugacy classes; classes that stay in two parts are counted as two."""


@dataclass(frozen=True)
class OperationClass:
    """Operations that leave equally many configurations as they are, by one of them.

    Parameters
    ----------
    operation : ndarray of int, shape (n,)
        Where it sends each variable site.
    number : int
        How many operations there are.
    """

    operation: NDArray[np.int32]
    number: int


class Exclusions:
    """The exclusions of one space.

    Parameters
    ----------
    space : Space
        A space of structures.
    limits : list of Limit
        For two species, which pairs of variable sites they may hold; what the group leaves unchanged. The diagonal says
        whether a site may hold the species at all.
    """

    def __init__(self, space: Space, limits: Limits) -> None:
        self.space = space
        sizes = [len(s.sites) * len(s.species) for s in space.sublattices]
        self._starts = np.cumsum([0, *sizes])
        self.excluded = np.zeros((self._starts[-1], self._starts[-1]), dtype=bool)
        for one, other, fine, _ in limits:
            for (i, a), (j, b) in itertools.product(self._holding(one), self._holding(other)):
                bad = ~fine[space.ranges[i], space.ranges[j]]
                rows, columns = self._letters(i, a), self._letters(j, b)
                self.excluded[rows, columns] |= bad
                self.excluded[columns, rows] |= bad.T
        self.groups = self._coupled()
        """Sublattices that exclude something of each other, together; those without exclusions are not among them."""
        self.free = [i for i in range(len(space.sublattices)) if not any(i in group for group in self.groups)]

    def _holding(self, species: str) -> list[tuple[int, int]]:
        return [(i, s.species.index(species)) for i, s in enumerate(self.space.sublattices) if species in s.species]

    def _letters(self, sublattice: int, species: int) -> slice:
        """Return where the letters of one species on one sublattice stand: site by site, each in turn."""
        count = len(self.space.sublattices[sublattice].sites)
        start = int(self._starts[sublattice]) + species * count
        return slice(start, start + count)

    def _coupled(self) -> list[tuple[int, ...]]:
        from scipy.sparse.csgraph import connected_components

        number = len(self.space.sublattices)
        touching = np.zeros((number, number), dtype=bool)
        for i, j in itertools.product(range(number), repeat=2):
            block = self.excluded[self._starts[i] : self._starts[i + 1], self._starts[j] : self._starts[j + 1]]
            touching[i, j] = block.any()
        _, labels = connected_components(touching, directed=False)
        groups = [tuple(np.flatnonzero(labels == k).tolist()) for k in range(labels.max() + 1)]
        return [group for group in groups if touching[np.ix_(group, group)].any()]

    @functools.cached_property
    def _wanted(self) -> tuple[list[list[int]], list[list[int]]]:
        """How many of each species any content has at least and at most, by sublattice."""
        contents = self.space.contents()
        each = [np.array([content[i] for content in contents]) for i in range(len(self.space.sublattices))]
        return [counts.min(axis=0).tolist() for counts in each], [counts.max(axis=0).tolist() for counts in each]

    @functools.cached_property
    def classes(self) -> list[OperationClass]:
        """Operations by conjugacy."""
        return operation_classes(self.space.group)

    def count_all(self, content: Content) -> int:
        """Return how many configurations have a content, equivalent ones counted each."""
        return self._fixed(np.arange(self.space.size, dtype=np.int32), content)

    def count_inequivalent(self, content: Content) -> int:
        """Return how many configurations of a content differ."""
        orbits, left = divmod(sum(self.weights(content)), len(self.space.group))
        assert left == 0
        return orbits

    def weights(self, content: Content) -> list[int]:
        """Return how many configurations the operations of each class leave as they are, added up over the class."""
        found = []
        sums = 0
        for one in self.classes:
            found.append(one.number * self._fixed(one.operation, content))
            sums += sum(chain.sums for chain, _, _ in self._counters(one.operation.tobytes())[0])
            if sums > MOST_SUMS:
                raise too_far(f"more than {MOST_SUMS:,} numbers to be added up for the operations of the group")
        return found

    def expected_numbers(self) -> float:
        """Return about how many numbers count all configurations, at most: states of the chains times contents."""
        chains, _ = self._counters(np.arange(self.space.size, dtype=np.int32).tobytes())
        return sum(chain.expected_states for chain, _, _ in chains) * len(self.space.contents())

    def reason(self, contents: list[Content]) -> str:
        """Return, for a message, which of their numbers no configuration can have: ``; at most 48 Li fit``."""
        found = {}
        for content, group in itertools.product(contents, self.groups):
            for i in group:
                for k, name in enumerate(self.space.sublattices[i].species):
                    if content[i][k] > (most := self._largest(i, k)):
                        found[name] = most
        return "".join(f"; at most {most} {name} fit" for name, most in sorted(found.items()))

    @functools.cache  # noqa: B019 - lives as long as the space
    def _largest(self, sublattice: int, species: int) -> int:
        """Return how many sites of a sublattice a species can hold, the others holding what excludes nothing."""
        letters = self._letters(sublattice, species)
        excluded = self.excluded[letters, letters]
        count = len(excluded)
        choices, kept = [], []
        for site in range(count):
            possible = [-1] if excluded[site, site] else [-1, 0]
            choices.append(Choice(tuple(possible), tuple(possible), 1))
            kept.append(len(possible) == 2)
        size = sum(len(c.values) for c in choices)
        table = np.zeros((size, size), dtype=bool)
        ends = np.cumsum([len(c.values) for c in choices]) - 1
        here = np.flatnonzero(kept)
        table[np.ix_(ends[here], ends[here])] = excluded[np.ix_(here, here)] & ~np.eye(len(here), dtype=bool)
        return Chain(choices, table, self._near(self.space.ranges[sublattice]), (0,), (count,)).largest()

    def _near(self, where: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        positions = self.space.positions[self.space.variable_sites[where]]
        return np.asarray(positions @ np.linalg.inv(self.space.lattice))

    def _fixed(self, operation: NDArray[np.int32], content: Content) -> int:
        """Return how many configurations of a content one operation leaves as they are."""
        chains, free = self._counters(operation.tobytes())
        total = 1
        for i, ways in zip(self.free, free, strict=True):
            total *= ways(content[i])
            if not total:
                return 0
        for group, (chain, counted, _) in zip(self.groups, chains, strict=True):
            total *= chain.count([content[i][k] for i, k in counted]) if self._adds_up(group, content) else 0
        return total

    def _adds_up(self, group: tuple[int, ...], content: Content) -> bool:
        return all(sum(content[i]) == len(self.space.sublattices[i].sites) for i in group)

    @functools.cache  # noqa: B019 - lives as long as the space
    def _counters(
        self, operation: bytes
    ) -> tuple[list[tuple[Chain, list[tuple[int, int]], list[NDArray[np.int64]]]], list[Colourings]]:
        """Return what counts for one operation: a chain for each group of sublattices, and the free ones' cycles.

        With each chain go the sublattices and species that it counts, and the sites of its cycles.
        """
        image = np.frombuffer(operation, dtype=np.int32)
        lengths = cycle_lengths(image[None])[0]
        free = [colourings_of(pairs(lengths[self.space.ranges[i]])) for i in self.free]
        first = smallest_in_cycle(image[None])[0]
        return [self._chain(group, first) for group in self.groups], free

    def _chain(
        self, group: tuple[int, ...], first: NDArray[np.int64]
    ) -> tuple[Chain, list[tuple[int, int]], list[NDArray[np.int64]]]:
        counted: list[tuple[int, int]] = []
        for i in group:
            names = self.space.sublattices[i].species
            harmless = [k for k in range(len(names)) if not self.excluded[self._letters(i, k)].any()]
            rest = harmless[-1] if harmless else len(names) - 1
            counted += [(i, k) for k in range(len(names)) if k != rest]
        numbers = {place: n for n, place in enumerate(counted)}
        cycles: list[NDArray[np.int64]] = []
        choices: list[Choice] = []
        letters: list[NDArray[np.int64]] = []  # of each value, where its letters stand
        for i in group:
            where = self.space.ranges[i]
            here = first[where]
            for site in np.unique(here).tolist():
                sites = np.flatnonzero(here == site)
                values, kinds = [], []
                for k in range(len(self.space.sublattices[i].species)):
                    own = self._letters(i, k).start + sites
                    if not self.excluded[np.ix_(own, own)].any():
                        values.append(k)
                        kinds.append(numbers.get((i, k), -1))
                        letters.append(own)
                choices.append(Choice(tuple(kinds), tuple(values), len(sites)))
                cycles.append(sites + where.start)
        owner = np.full(len(self.excluded), -1)
        for number, own in enumerate(letters):
            owner[own] = number
        table = np.zeros((len(letters), len(letters)), dtype=bool)
        one, other = np.nonzero(self.excluded)
        one, other = owner[one], owner[other]
        fine = (one >= 0) & (other >= 0)
        table[one[fine], other[fine]] = True
        near = self._near(np.array([sites[0] for sites in cycles], dtype=np.int64))
        least, most = (tuple(limit[i][k] for i, k in counted) for limit in self._wanted)
        return Chain(choices, table, near, least, most), counted, cycles

    def draw(self, operation: NDArray[np.int32], content: Content, generator: random.Random) -> NDArray[np.uint8]:
        """Return one of the configurations of a content that an operation leaves as they are, all equally likely."""
        result = np.zeros(self.space.size, dtype=np.uint8)
        chains, _ = self._counters(operation.tobytes())
        for chain, counted, cycles in chains:
            chosen = chain.draw([content[i][k] for i, k in counted], generator)
            for value, sites in zip(chosen, cycles, strict=True):
                result[sites] = value
        for i in self.free:
            where = self.space.ranges[i]
            colour_cycles(result, cycles_of(operation, where), content[i], generator)
        return result


def operation_classes(group: NDArray[np.int32]) -> list[OperationClass]:
    """Return the conjugacy classes of a group, or parts of them.

    Parameters
    ----------
    group : ndarray of int, shape (order, n)
        Where each operation sends each site; every row once.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    order = len(group)
    place = {row.tobytes(): i for i, row in enumerate(group)}
    chosen = np.random.default_rng(0).choice(order, min(order, CONJUGATIONS), replace=False)
    one, other = [], []
    for s in group[chosen]:
        back = np.argsort(s)
        images = np.ascontiguousarray(s[group[:, back]])
        one.append(np.arange(order))
        other.append(np.array([place[row.tobytes()] for row in images]))
    links = (np.ones(order * len(chosen)), (np.concatenate(one), np.concatenate(other)))
    _, labels = connected_components(coo_array(links, shape=(order, order)), directed=False)
    firsts, numbers = np.unique(labels, return_index=True, return_counts=True)[1:]
    return [OperationClass(group[i], int(n)) for i, n in zip(firsts, numbers, strict=True)]
