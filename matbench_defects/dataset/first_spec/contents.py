"""Whole numbers of atoms nearest to the occupancies of a crystal, in a supercell that holds them well."""

from __future__ import annotations

import dataclasses
import functools
import heapq
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from matbench_defects.crystal.distances import TOO_NEAR
from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.space import Space, Sublattice
from matbench_defects.crystal.symmetry import Cells
from matbench_defects.dataset.first_spec.exclusions import NearSites
from matbench_defects.dataset.first_spec.sublattices import SuggestedSublattice
from matbench_defects.dataset.first_spec.supercell import Repeats
from matbench_defects.enumeration.conditions import exclusions_of
from matbench_defects.enumeration.counting import count_both
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import VACANCY

MOST_OFF = 0.02
"""A supercell holds occupancies well where no share of a sublattice's sites is farther from the file's than this."""
MOST_TRIED = 400
"""So many contents near the occupancies are asked whether the exclusions leave room for them."""
FEW_EACH = 12
"""So many numbers of each of several sublattices are combined."""
WIDTH = 3
"""How far a number may be from the occupancy times the sites, where the nearest ones do not fit."""

Counts = tuple[tuple[int, ...], ...]
"""How many of each species of each sublattice, in the order of its `shares`."""


@dataclass(frozen=True)
class Proposal:
    """Contents for the partly occupied sublattices of a supercell.

    Parameters
    ----------
    supercell : tuple of int
        Repeats of the parent's cell.
    sublattices : tuple of SuggestedSublattice
        The partly occupied ones.
    counts : tuple of tuple of int
        How many of each species each holds, in the order of its `shares`.
    exclusions : tuple of NearSites
        What was taken to be too near.
    near : tuple of NearSites
        What was asked to be; more, where that leaves no room for contents near the occupancies.
    every : int or None
        How many configurations there are; None where that cannot be counted.
    inequivalent : int or None
        How many of them differ.
    """

    supercell: Repeats
    sublattices: tuple[SuggestedSublattice, ...]
    counts: Counts
    exclusions: tuple[NearSites, ...] = ()
    near: tuple[NearSites, ...] = ()
    every: int | None = None
    inequivalent: int | None = None

    @property
    def off(self) -> float:
        """How far the share of a species is from that of the file, at most."""
        return max(
            abs(number / sum(numbers) - share)
            for sublattice, numbers in zip(self.sublattices, self.counts, strict=True)
            for number, share in zip(numbers, sublattice.shares.values(), strict=True)
        )

    @property
    def shared(self) -> dict[str, list[int]]:
        """The species that several of the sublattices hold, with which."""
        return {species: [i for i, _ in held] for species, held in _shared(self.sublattices).items()}


def proposed(
    parent: Parent,
    sublattices: Sequence[SuggestedSublattice],
    near: Sequence[NearSites],
    supercells: Iterable[Repeats],
) -> Proposal:
    """Return contents near the occupancies, in the first of some supercells that holds them well.

    Parameters
    ----------
    parent : Parent
        The crystal.
    sublattices : sequence of SuggestedSublattice
        Its partly occupied sublattices.
    near : sequence of NearSites
        What is too near to be filled together. Where this leaves room for no content near the occupancies, the farthest
        of these distances count as far enough, until there is room.
    supercells : iterable of tuple of int
        Repeats of the parent's cell, smallest first.

    Returns
    -------
    Proposal
        In a supercell whose `Proposal.off` is at most `MOST_OFF`, else that in which it is least.
    """
    best: Proposal | None = None
    for supercell in supercells:
        found = _in_supercell(parent, tuple(sublattices), tuple(near), supercell)
        if best is None or found.off < best.off - 1e-9:
            best = found
        if best.off <= MOST_OFF:
            break
    assert best is not None
    return best


def _in_supercell(
    parent: Parent, sublattices: tuple[SuggestedSublattice, ...], asked: tuple[NearSites, ...], supercell: Repeats
) -> Proposal:
    near = [one for one in asked if one.excluded]
    every = list(itertools.islice(_contents(sublattices, math.prod(supercell)), MOST_TRIED))
    while near:
        for some in (every[:1], every[1:]):
            space = _space(parent, sublattices, supercell, near, some)
            for counts in some:
                if _is_possible(space, counts):
                    return _counted(space, Proposal(supercell, sublattices, counts, tuple(near), asked))
        near = _without_the_farthest(near)
    space = _space(parent, sublattices, supercell, (), every[:1])
    return _counted(space, Proposal(supercell, sublattices, every[0], (), asked))


def _is_possible(space: Space, counts: Counts) -> bool:
    try:
        return exclusions_of(space).count_all(counts) > 0
    except InputError:  # it reaches too far to be counted
        return True


def _without_the_farthest(near: list[NearSites]) -> list[NearSites]:
    """Return what is too near, less the largest of its distances.

    Raises
    ------
    InputError
        If that is nearer than atoms ever are.
    """
    farthest = max(near, key=lambda one: one.excluded[-1][0])
    distance, where = farthest.excluded[-1]
    if distance < TOO_NEAR:
        raise InputError(
            f"its occupancies fill sites that are {distance:.2f} Å apart ({where}) more often than one at a time: no "
            "whole numbers of atoms near them are possible"
        )
    lower = dataclasses.replace(farthest, touching=distance)
    return [one if one is not farthest else lower for one in near if one is not farthest or lower.excluded]


def _shared(sublattices: Sequence[SuggestedSublattice]) -> dict[str, list[tuple[int, int]]]:
    """Return the species that several sublattices hold, with where."""
    found: dict[str, list[tuple[int, int]]] = {}
    for i, sublattice in enumerate(sublattices):
        for j, species in enumerate(sublattice.shares):
            if species != VACANCY:
                found.setdefault(species, []).append((i, j))
    return {species: held for species, held in found.items() if len(held) > 1}


def _contents(sublattices: Sequence[SuggestedSublattice], cells: int) -> Iterator[Counts]:
    """Yield contents, those first whose totals, and then whose numbers on each sublattice, are nearest."""
    wanted = [[share * s.count * cells for share in s.shares.values()] for s in sublattices]
    shared = _shared(sublattices)

    def distance(counts: Counts) -> tuple[float, float, Counts]:
        totals = sum(abs(sum(counts[i][j] - wanted[i][j] for i, j in held)) for held in shared.values())
        each = sum((n - w) ** 2 for ns, ws in zip(counts, wanted, strict=True) for n, w in zip(ns, ws, strict=True))
        return round(totals, 6), round(each, 6), counts

    most = MOST_TRIED if len(sublattices) == 1 else FEW_EACH
    near = [heapq.nsmallest(most, _numbers(w), key=functools.partial(_apart, w)) for w in wanted]
    every = itertools.islice(itertools.product(*near), FEW_EACH**4)
    yield from sorted(every, key=distance)


def _apart(wanted: Sequence[float], numbers: Sequence[int]) -> tuple[float, tuple[int, ...]]:
    return round(sum((n - w) ** 2 for n, w in zip(numbers, wanted, strict=True)), 6), tuple(numbers)


def _numbers(wanted: Sequence[float]) -> Iterator[tuple[int, ...]]:
    """Yield whole numbers near some others, with the same sum."""
    total = round(sum(wanted))
    ranges = [range(max(0, math.floor(w) - WIDTH), math.ceil(w) + WIDTH + 1) for w in wanted[:-1]]
    for numbers in itertools.islice(itertools.product(*ranges), 200_000):
        last = total - sum(numbers)
        if last >= 0:
            yield (*numbers, last)


def _space(
    parent: Parent,
    sublattices: Sequence[SuggestedSublattice],
    supercell: Repeats,
    near: Sequence[NearSites],
    every: Sequence[Counts],
) -> Space:
    """Return the space of some contents of the sublattices in a supercell."""
    cells = Cells.of(np.diag(supercell).astype(np.int64))
    count = len(cells.offsets)
    made = []
    for number, one in enumerate(sublattices):
        sites = np.array([i * count + k for i in one.atoms for k in range(count)], dtype=np.int64)
        contents = tuple(sorted({counts[number] for counts in every}))
        made.append(Sublattice(one.name, sites, tuple(one.shares), contents))
    exclusions = tuple((*one.between, one.closer_than) for one in near)
    return Space("first", parent, cells, tuple(made), exclusions=exclusions, meant=dict.fromkeys(every, ""))


def _counted(space: Space, proposal: Proposal) -> Proposal:
    try:
        every, inequivalent = count_both(space, proposal.counts)
    except InputError:  # the exclusions reach too far to be counted
        return proposal
    return dataclasses.replace(proposal, every=every, inequivalent=inequivalent)
