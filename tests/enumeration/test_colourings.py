"""The table of all colourings agrees with one colouring at a time, and both with brute force."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from matbench_defects.enumeration.counting import Colourings, colouring_table, colourings

CYCLES = st.lists(st.integers(1, 4), min_size=1, max_size=6).map(lambda x: tuple(sorted(Counter(x).items())))


def by_hand(cycles, counts):
    """Give every cycle a species in every way, and count those that hold the right numbers of sites."""
    lengths = [length for length, number in cycles for _ in range(number)]
    found = 0
    for species in itertools.product(range(len(counts)), repeat=len(lengths)):
        held = [sum(n for n, s in zip(lengths, species, strict=True) if s == k) for k in range(len(counts))]
        found += tuple(held) == counts
    return found


@given(CYCLES, st.integers(1, 3), st.randoms(use_true_random=False))
def test_all_three_agree(cycles, species, random):
    sites = sum(length * number for length, number in cycles)
    ways = Colourings(cycles)
    for _ in range(3):
        cuts = sorted(random.randint(0, sites) for _ in range(species - 1))
        counts = tuple(b - a for a, b in zip([0, *cuts], [*cuts, sites], strict=True))
        expected = by_hand(cycles, counts)
        assert colourings(cycles, counts) == ways(counts) == expected
        assert colouring_table(cycles, counts[:-1])[counts[:-1]] == expected
