"""Configurations that an exchange of species makes equal, among those that no operation does.

Generation yields the smallest configuration of each orbit of the group. Exchanges carry whole orbits into each other,
so one is the smallest of all where no operation makes any of its exchanged ones smaller.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from matbench_defects.compiling import INTEGER, compiled_function
from matbench_defects.crystal.canonical import stages
from matbench_defects.crystal.relabelling import Relabelling, exchanged_contents, keeping_content, number_keeping
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.burnside import CycleClass, cycle_classes
from matbench_defects.enumeration.configurations import decode
from matbench_defects.enumeration.cycles import cycles_of
from matbench_defects.enumeration.exchanged_cycles import exchanged_kinds, exchanged_sets, ways_to_fill
from matbench_defects.enumeration.weighted_colourings import weighted_colourings

COMPILED = 300_000
"""From this many images on, loading the compiled loop is sooner done than numpy's work."""
SLICE = 65_536
"""Configurations that are compared at a time."""


def merge_exchanged(
    space: Space, content: Content, placed: NDArray[np.unsignedinteger], multiplicities: NDArray[np.int32]
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int32]]:
    """Keep one configuration of those that exchanges make equal, with the number of all that it stands for.

    Parameters
    ----------
    space : Space
        The space.
    content : Content
        The content of all; the smallest of those that exchanges make of it.
    placed : ndarray of uint8 or wider, shape (k, m)
        The smallest configuration of each orbit of the group, compactly.
    multiplicities : ndarray of int32, shape (m,)
        How many configurations each orbit holds.
    """
    parts = np.zeros(len(multiplicities), dtype=np.int32)
    for i in range(0, len(multiplicities), SLICE):
        here = slice(i, i + SLICE)
        parts[here] = _parts(space, content, decode(space, content, placed[:, here]))
    kept = parts > 0
    return placed[:, kept], multiplicities[kept] * parts[kept] * np.int32(exchanged_contents(space.exchange, content))


def _parts(space: Space, content: Content, occupations: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return how many orbits of the group each one stands for; zero where it is not the smallest of these."""
    smaller = np.zeros(len(occupations), dtype=np.uint8)
    keeping = np.ones(len(occupations), dtype=np.int32)
    placements, _ = stages(space, content)
    for exchange in itertools.islice(keeping_content(space.exchange, content), 1, None):
        # An image holds what a placement puts down where the species before the exchange sits.
        compared = [
            (site, stage.species, int(np.flatnonzero(exchange[stage.sublattice] == stage.species)[0]))
            for stage in placements
            for site in range(space.ranges[stage.sublattice].start, space.ranges[stage.sublattice].stop)
        ]
        same = np.zeros(len(occupations), dtype=np.uint8)
        if len(occupations) * len(space.group) < COMPILED or not _compare_compiled(
            occupations, space.group, compared, smaller, same
        ):
            _compare(occupations, space.group, compared, smaller, same)
        keeping += same
    parts: NDArray[np.int32] = np.where(smaller, 0, number_keeping(space.exchange, content) // keeping).astype(np.int32)
    return parts


_Compared = list[tuple[int, int, int]]


def _compare_compiled(
    occupations: NDArray[np.uint8],
    group: NDArray[np.int32],
    compared: _Compared,
    smaller: NDArray[np.uint8],
    same: NDArray[np.uint8],
) -> bool:
    """Mark what is smaller or the same by the compiled loop; return whether it can be had."""
    with contextlib.suppress(ImportError):  # no numba for this Python
        loop = compiled_function(
            "matbench_defects.enumeration.exchange_kernel",
            "compare_images",
            ("uint8*", INTEGER, INTEGER, "int32*", INTEGER, "int32*", "uint8*", "uint8*", INTEGER, "uint8*", "uint8*"),
        )
        sites, species, before = (np.array(column) for column in zip(*compared, strict=True))
        loop(
            np.ascontiguousarray(occupations), *occupations.shape, np.ascontiguousarray(group), len(group),
            sites.astype(np.int32), species.astype(np.uint8), before.astype(np.uint8), len(compared), smaller, same,
        )  # fmt: skip
        return True
    return False


def _compare(
    occupations: NDArray[np.uint8],
    group: NDArray[np.int32],
    compared: _Compared,
    smaller: NDArray[np.uint8],
    same: NDArray[np.uint8],
) -> None:
    """Mark what is smaller or the same by numpy: all configurations at once, one operation and site after another."""
    by_site = np.ascontiguousarray(occupations.T)
    for operation in group:
        rows = np.flatnonzero(smaller == 0)
        for site, species, before in compared:
            if not len(rows):
                break
            image = by_site[operation[site], rows] == before
            differ = image != (by_site[site, rows] == species)
            smaller[rows[differ & image]] = 1
            rows = rows[~differ]
        same[rows] = 1


def pair_weights(space: Space, content: Content) -> list[tuple[Relabelling, CycleClass, int]]:
    """Return, for the exchanges that keep a content with each cycle class, how many configurations the pairs keep."""
    found = []
    for exchange in keeping_content(space.exchange, content):
        sets = [[(len(one), need) for one, need in here] for here in exchanged_sets(exchange, content)]
        for cycles, members in cycle_classes(space).items():
            ways = [ways_to_fill(lengths, here) for lengths, here in zip(cycles, sets, strict=True)]
            found.append((exchange, members, len(members.operations) * math.prod(ways)))
    return found


def pair_draws(
    space: Space, contents: list[Content]
) -> tuple[list[list[int]], Callable[[int, int, random.Random], NDArray[np.uint8]]]:
    """Return how often pairs of an operation and an exchange are to be drawn, and how one of what they keep is.

    Each configuration is kept by as many pairs as its orbit in its content is smaller than all pairs are many, so what
    such draws yield is uniform over orbits; contents of which fewer exchanges keep one have their pairs more often.

    Returns
    -------
    weights : list of list of int
        By content, the configurations that the pairs of a class keep, added up.
    draw : callable
        Returns a configuration of a content, by its place, that pairs of a class keep, by the class's place.
    """
    every = math.prod(math.factorial(len(members)) for _, members in space.exchange)
    classes = [pair_weights(space, content) for content in contents]
    weights = [
        [weight * (every // number_keeping(space.exchange, content)) for *_, weight in found]
        for content, found in zip(contents, classes, strict=True)
    ]

    def draw(which: int, chosen: int, generator: random.Random) -> NDArray[np.uint8]:
        exchange, members, _ = classes[which][chosen]
        operation = space.group[members.operations[generator.randrange(len(members.operations))]]
        result = np.empty(space.size, dtype=np.uint8)
        for where, sets in zip(space.ranges, exchanged_sets(exchange, contents[which]), strict=True):
            cycles = cycles_of(operation, where)
            kinds, alike = exchanged_kinds([len(cycle) for cycle in cycles], [len(species) for species, _ in sets])
            filled = weighted_colourings(kinds).draw(tuple(need for _, need in sets), generator)
            for numbers, things in zip(alike, filled, strict=True):
                for number, thing in zip(numbers, things, strict=True):
                    species = sets[thing][0]
                    start = generator.randrange(len(species))
                    for j, site in enumerate(cycles[number]):
                        result[site] = species[(start + j) % len(species)]
        return result

    return weights, draw
