"""Species that are exchanged as a symmetry: which contents, and which arrangements of one content, are then the same.

Exchanging changes what all sites of a sublattice hold, such as spin up and down, and moves nothing; so it commutes with
every operation of the group. Of contents that an exchange carries into each other the smallest stands for all.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Exchange = tuple[tuple[int, tuple[int, ...]], ...]
"""Sets of species that are exchanged: the sublattice, and the species in its list, increasing."""
Counts = tuple[tuple[int, ...], ...]
"""How many of each species on each sublattice."""
Relabelling = tuple[NDArray[np.uint8], ...]
"""For each sublattice, what takes the place of each species."""
LARGEST_EXCHANGE = 720
"""Ways to exchange species that are handled: those of six."""


def representative(exchange: Exchange, content: Counts) -> Counts:
    """Return the smallest of the contents that exchanges make of one."""
    found = [list(counts) for counts in content]
    for i, members in exchange:
        for species, number in zip(members, sorted(content[i][k] for k in members), strict=True):
            found[i][species] = number
    return tuple(map(tuple, found))


def exchanged_contents(exchange: Exchange, content: Counts) -> int:
    """Return how many contents exchanges make of one, itself included."""
    number = 1
    for i, members in exchange:
        equal = Counter(content[i][k] for k in members).values()
        number *= math.factorial(len(members)) // math.prod(map(math.factorial, equal))
    return number


def to_representative(exchange: Exchange, content: Counts) -> Relabelling:
    """Return an exchange that makes a content the one that stands for all."""
    tables = _nothing(content)
    for i, members in exchange:
        by_number = sorted(members, key=lambda k: content[i][k])
        tables[i][by_number] = members
    return tuple(tables)


def interchangeable(exchange: Exchange, content: Counts) -> dict[tuple[int, int], list[int]]:
    """Return, by sublattice and species, the species that can take its place while the content stays as it is.

    Only species that are there and have such others, themselves among these.
    """
    found = {}
    for i, members in exchange:
        for k in members:
            same = [other for other in members if content[i][other] == content[i][k]]
            if content[i][k] and len(same) > 1:
                found[i, k] = same
    return found


def completed(exchange: Exchange, content: Counts, forerunners: Mapping[tuple[int, int], int]) -> Relabelling:
    """Return the exchange that keeps a content, from what all species but one of each sublattice were before."""
    tables = _nothing(content)
    for (i, now), same in interchangeable(exchange, content).items():
        if (i, now) in forerunners:
            tables[i][forerunners[i, now]] = now
        else:
            others = [forerunners[i, k] for k in same if k != now]
            tables[i][next(k for k in same if k not in others)] = now
    return tuple(tables)


def keeping_content(exchange: Exchange, content: Counts) -> Iterator[Relabelling]:
    """Yield every exchange that keeps a content, first the one that changes nothing; absent species stay out of it."""
    equal = sorted({(i, tuple(same)) for (i, _), same in interchangeable(exchange, content).items()})
    for orders in itertools.product(*(itertools.permutations(same) for _, same in equal)):
        tables = _nothing(content)
        for (i, same), order in zip(equal, orders, strict=True):
            tables[i][list(same)] = order
        yield tuple(tables)


def number_keeping(exchange: Exchange, content: Counts) -> int:
    """Return how many exchanges `keeping_content` yields."""
    number = 1
    for i, members in exchange:
        equal = Counter(content[i][k] for k in members if content[i][k])
        number *= math.prod(map(math.factorial, equal.values()))
    return number


def cycles_of_species(table: Sequence[int] | NDArray[np.uint8]) -> list[list[int]]:
    """Return the cycles that an exchange makes of the species of one sublattice, by their first species."""
    seen: set[int] = set()
    cycles = []
    for species in range(len(table)):
        cycle = []
        while species not in seen:
            seen.add(species)
            cycle.append(species)
            species = int(table[species])
        if cycle:
            cycles.append(cycle)
    return cycles


def relabelled(
    occupations: NDArray[np.uint8], ranges: tuple[slice, ...], relabelling: Relabelling
) -> NDArray[np.uint8]:
    """Return occupations, shape (..., n), with species exchanged; `ranges` says where each sublattice's sites stand."""
    result = np.empty_like(occupations)
    for where, table in zip(ranges, relabelling, strict=True):
        result[..., where] = table[occupations[..., where]]
    return result


def _nothing(content: Counts) -> list[NDArray[np.uint8]]:
    return [np.arange(len(counts), dtype=np.uint8) for counts in content]
