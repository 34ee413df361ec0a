"""What an operation leaves as it is that also exchanges species: the species change along each cycle of sites.

Species s_1 to s_l that an exchange carries into each other fill a cycle of L sites where l divides L: L / l sites each,
in l ways, for any of them may sit on the first site.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

from matbench_defects.crystal.relabelling import Counts, Exchange, Relabelling, cycles_of_species, keeping_content
from matbench_defects.enumeration.colourings import Colourings, Cycles, colourings_of
from matbench_defects.enumeration.weighted_colourings import Kinds, alike, weighted_colourings


def fixed_by_exchanges(exchange: Exchange, content: Counts, types: Iterable[tuple[tuple[Colourings, ...], int]]) -> int:
    """Return how many configurations of a content stay as they are under pairs of an operation and an exchange.

    Parameters
    ----------
    exchange : Exchange
        The species that are exchanged; those exchanges count that keep the content and change something.
    content : tuple of tuple of int
        The content.
    types : iterable of (tuple of Colourings, int)
        For each sublattice the cycles of operations, and how many operations have them.
    """
    patterns = Counter(
        tuple(tuple(sorted((len(species), need) for species, need in sets)) for sets in exchanged_sets(one, content))
        for one in itertools.islice(keeping_content(exchange, content), 1, None)
    )
    total = 0
    for pattern, times in patterns.items():
        for colourings, number in types:
            ways = times * number
            for cycles, sets in zip(colourings, pattern, strict=True):
                ways *= ways_to_fill(cycles.cycles, sets) if ways else 0
            total += ways
    return total


def exchanged_sets(relabelling: Relabelling, content: Counts) -> list[list[tuple[list[int], int]]]:
    """Return, by sublattice, the species that an exchange carries into each other, and how many sites they take."""
    return [
        [(species, len(species) * counts[species[0]]) for species in cycles_of_species(table) if counts[species[0]]]
        for table, counts in zip(relabelling, content, strict=True)
    ]


def exchanged_kinds(lengths: Sequence[int], sizes: Sequence[int]) -> tuple[Kinds, list[list[int]]]:
    """Return the kinds of cycles of some lengths, filled by sets of so many species that are exchanged along them."""
    return alike([(length, tuple(0 if length % size else size for size in sizes)) for length in lengths])


def ways_to_fill(cycles: Cycles, sets: Sequence[tuple[int, int]]) -> int:
    """Return in how many ways sets of so many species, which take so many sites together, fill cycles."""
    sizes, needs = zip(*sets, strict=True)
    if max(sizes) == 1:
        return colourings_of(cycles)(needs)
    lengths = [length for length, number in cycles for _ in range(number)]
    return weighted_colourings(exchanged_kinds(lengths, sizes)[0])(needs)
