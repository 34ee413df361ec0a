"""Molecules on sites: exact numbers, the enumeration, draws and names of what sits where, and how it is turned.

A *letter* is a species on a site in one orientation; an atom has one orientation, a molecule several. A site holds one
letter or none, and the group acts on letters: it moves sites and turns what sits on them. So orbits of arrangements are
orbits of sets of letters, no two of one site.

- Numbers are Burnside's: an operation leaves an arrangement as it is where each cycle of sites is empty, or holds one
  species in an orientation that comes back to itself once around the cycle.
- The enumeration places one species after another on its letters, as atoms are placed on sites; letters of one site
  exclude each other.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import Stage, smallest_images
from matbench_defects.crystal.space import Space, Sublattice
from matbench_defects.crystal.symmetry import distinct_rows
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.cycles import cycles_of, smallest_in_cycle
from matbench_defects.enumeration.distance_limits import Limit
from matbench_defects.enumeration.orderly import place
from matbench_defects.enumeration.sampling import pick
from matbench_defects.enumeration.stabilisers import Stabilisers
from matbench_defects.enumeration.weighted_colourings import Kinds, alike, weighted_colourings

Numbers = tuple[int, ...]
"""How many sites each species holds; the others are empty."""


@dataclass(frozen=True)
class Type:
    """Operations whose cycles are alike.

    Parameters
    ----------
    operations : list of int
        Rows of the group.
    kinds : Kinds
        Their cycles of sites; each can be filled by every species in some orientations, and in one way be left empty.
    """

    operations: list[int]
    kinds: Kinds


class Letters:
    """Arrangements of letters under a group.

    Parameters
    ----------
    sites : sequence of int, length n
        The site of each letter.
    species : sequence of int, length n
        The species of each letter, counted from 0. What is most numerous, such as the host's own atom, is best left
        out: it sits where no letter does.
    group : ndarray of int, shape (order, n)
        Where each operation of a group sends each letter; rows may repeat.

    Raises
    ------
    ValueError
        If a row is no permutation, or carries letters of one site to several, or to another species.

    Examples
    --------
    Two sites, a molecule that lies in one of two ways, and a group that exchanges the sites or turns everything:

    >>> group = np.array([[0, 1, 2, 3], [2, 3, 0, 1], [1, 0, 3, 2], [3, 2, 1, 0]])
    >>> letters = Letters([0, 0, 1, 1], [0, 0, 0, 0], group)
    >>> letters.count((1,)), letters.count((2,))
    ((4, 1), (4, 2))
    >>> [(found.tolist(), numbers.tolist()) for found, numbers in letters.enumerate((2,))]
    [([[0, 2], [0, 3]], [2, 2])]
    """

    def __init__(self, sites: Sequence[int], species: Sequence[int], group: NDArray[np.integer]) -> None:
        self.sites = np.unique(np.asarray(sites, dtype=np.int64), return_inverse=True)[1]
        self.species = np.asarray(species, dtype=np.int64)
        self.group = distinct_rows(np.asarray(group, dtype=np.int32))
        every = np.arange(len(self.sites))
        if self.group.shape[1] != len(every) or (np.sort(self.group, axis=1) != every).any():
            raise ValueError("every operation permutes the letters")
        if (self.species[self.group] != self.species).any():
            raise ValueError("no operation makes one species of another")
        self._first_letter = np.unique(self.sites, return_index=True)[1]
        self.site_action = self.sites[self.group[:, self._first_letter]].astype(np.int32)
        """Where each operation sends each site, shape (order, sites)."""
        if (self.sites[self.group] != self.site_action[:, self.sites]).any():
            raise ValueError("the letters of one site stay on one site")

    @functools.cached_property
    def numbers(self) -> int:
        """How many species there are."""
        return int(self.species.max(initial=-1)) + 1

    # Exact numbers.

    def _returning(self, operation: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which letters come back to themselves when their site first does, shape (n,)."""
        around_letters, around_sites = _around(operation), _around(self.site_action_of(operation))
        returning: NDArray[np.bool_] = around_letters == around_sites[self.sites]
        return returning

    def site_action_of(self, operation: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return where an operation on letters sends each site."""
        return self.sites[operation[self._first_letter]].astype(np.int32)

    def _cycles(self, operation: NDArray[np.int32]) -> tuple[list[list[int]], list[tuple[int, Numbers]]]:
        """Return the cycles of sites, and of each its length and the ways to fill it: by every species, and by none."""
        cycles = cycles_of(self.site_action_of(operation), slice(0, len(self._first_letter)))
        ways = np.zeros((len(self._first_letter), self.numbers + 1), dtype=np.int64)
        ways[:, -1] = 1
        returning = self._returning(operation)
        np.add.at(ways, (self.sites[returning], self.species[returning]), 1)
        return cycles, [(len(cycle), tuple(ways[cycle[0]].tolist())) for cycle in cycles]

    @functools.cached_property
    def types(self) -> list[Type]:
        """The operations by their cycles."""
        found: dict[Kinds, list[int]] = {}
        for number, operation in enumerate(self.group):
            found.setdefault(alike(self._cycles(operation)[1])[0], []).append(number)
        return [Type(operations, kinds) for kinds, operations in found.items()]

    def _needs(self, content: Numbers) -> Numbers:
        if len(content) != self.numbers:
            raise ValueError(f"{self.numbers} numbers were expected, one of each species, not {len(content)}")
        return (*content, len(self._first_letter) - sum(content))

    def _weights(self, content: Numbers) -> list[int]:
        needs = self._needs(content)
        if min(needs) < 0:
            return [0] * len(self.types)
        return [len(one.operations) * weighted_colourings(one.kinds)(needs) for one in self.types]

    def count(self, content: Numbers) -> tuple[int, int]:
        """Return how many arrangements there are, equivalent ones counted each, and how many differ.

        Parameters
        ----------
        content : tuple of int
            How many sites each species holds.
        """
        needs = self._needs(content)
        if min(needs) < 0:
            return 0, 0
        everywhere = alike(self._cycles(self._identity)[1])[0]
        orbits, left = divmod(sum(self._weights(content)), len(self.group))
        assert left == 0
        return weighted_colourings(everywhere)(needs), orbits

    @functools.cached_property
    def _identity(self) -> NDArray[np.int32]:
        return np.arange(len(self.sites), dtype=np.int32)

    # The enumeration: each species has its letters for sites.

    @functools.cached_property
    def _own(self) -> list[NDArray[np.int64]]:
        return [np.flatnonzero(self.species == k) for k in range(self.numbers)]

    @functools.cached_property
    def _placements(self) -> Stabilisers:
        order = np.concatenate(self._own)
        where = np.argsort(order)
        ends = np.cumsum([0, *map(len, self._own)])
        sublattices = tuple(
            Sublattice(str(k), np.arange(start, end), (f"letter {k}", f"no letter {k}"), ())
            for k, (start, end) in enumerate(itertools.pairwise(ends.tolist()))
        )
        space = Space("letters", cast(Any, None), cast(Any, None), sublattices)
        vars(space)["group"] = np.ascontiguousarray(where[self.group[:, order]].astype(np.int32))
        sites = self.sites[order]
        apart = (sites[:, None] != sites) | np.eye(len(sites), dtype=bool)
        limits = [
            Limit(f"letter {k}", f"letter {other}", apart, "two species on one site")
            for k, other in itertools.combinations_with_replacement(range(self.numbers), 2)
            if not apart[space.ranges[k], space.ranges[other]].all()
        ]
        return Stabilisers(space, Checks(space, limits))

    def _stages(self, content: Numbers) -> list[Stage]:
        """Return the placements: species with the fewest sets of letters first."""
        self._needs(content)
        found = [
            Stage(k, 0, number, len(own), math.comb(len(own), number))
            for k, (number, own) in enumerate(zip(content, self._own, strict=True))
            if number
        ]
        return sorted(found, key=lambda stage: (stage.ways, stage.sublattice))

    def enumerate(
        self, content: Numbers, rows: int | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield every arrangement that differs, as its canonical member, in pieces, keys increasing.

        The key of an arrangement is its letters, those of one species after those of another, increasing in each;
        species with the fewest sets of letters come first. Canonical is the smallest key of an orbit.

        Parameters
        ----------
        content : tuple of int
            How many sites each species holds.
        rows : int, optional
            About how many a piece holds; one piece holds all where left out.

        Yields
        ------
        letters : ndarray of int, shape (m, k)
            The keys.
        multiplicities : ndarray of int, shape (m,)
            How many arrangements each orbit holds.
        """
        if min(self._needs(content)) < 0:
            return
        placements = self._stages(content)
        own = np.concatenate([np.repeat(s.sublattice, s.count) for s in placements] or [np.zeros(0, dtype=np.int64)])
        table = np.full((self.numbers, max(map(len, self._own), default=0)), -1)
        for k, letters in enumerate(self._own):
            table[k, : len(letters)] = letters
        for placed, multiplicities in place(self._placements, placements, rows):
            if len(multiplicities):
                yield table[own, placed.T.astype(np.int64)], multiplicities.astype(np.int64)

    def canonical(self, letters: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int32], int]:
        """Return the canonical arrangement of an orbit, an operation that leads to it, and the orbit's multiplicity.

        Parameters
        ----------
        letters : sequence of int
            The letters of any member, in any order.

        Returns
        -------
        letters : ndarray of int, shape (k,)
            The key of the canonical member.
        operation : ndarray of int, shape (n,)
            Where a row of the group sends each letter of the given member.
        multiplicity : int
            How many arrangements the orbit holds.
        """
        given = np.asarray(letters, dtype=np.int64)
        if len(np.unique(self.sites[given])) < len(given):
            raise ValueError("a site holds one letter")
        content = tuple(np.bincount(self.species[given], minlength=self.numbers).tolist())
        operations = self.group
        key: list[NDArray[np.int64]] = []
        for stage in self._stages(content):
            smallest, operations = smallest_images(operations, given[self.species[given] == stage.sublattice])
            key.append(smallest.astype(np.int64))
        found = np.concatenate(key) if key else given
        return found, operations[0], len(self.group) // len(operations)

    def draw(
        self,
        content: Numbers,
        generator: random.Random,
        weighting: Literal["uniform", "by-multiplicity"] = "uniform",
    ) -> NDArray[np.int64]:
        """Return the letters of one arrangement at random, by no means the canonical member of its orbit.

        Parameters
        ----------
        content : tuple of int
            How many sites each species holds; `count` must not be zero.
        generator : random.Random
            What is drawn with.
        weighting : {"uniform", "by-multiplicity"}
            Whether each orbit is equally likely, or each arrangement.
        """
        operation = self._identity
        if weighting == "uniform":
            one = self.types[pick(list(itertools.accumulate(self._weights(content))), generator)]
            operation = self.group[one.operations[generator.randrange(len(one.operations))]]
        cycles, described = self._cycles(operation)
        kinds, members = alike(described)
        filled = weighted_colourings(kinds).draw(self._needs(content), generator)
        returning = self._returning(operation)
        chosen: list[int] = []
        for numbers, things in zip(members, filled, strict=True):
            for number, thing in zip(numbers, things, strict=True):
                if thing == self.numbers:
                    continue
                cycle = cycles[number]
                fine = np.flatnonzero((self.sites == cycle[0]) & (self.species == thing) & returning)
                letter = int(fine[generator.randrange(len(fine))])
                for _ in cycle:
                    chosen.append(letter)
                    letter = int(operation[letter])
        return np.sort(np.array(chosen, dtype=np.int64))


def _around(operation: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the length of the cycle on which each thing lies."""
    first = smallest_in_cycle(operation[None])[0]
    lengths: NDArray[np.int64] = np.bincount(first, minlength=len(first))[first]
    return lengths
