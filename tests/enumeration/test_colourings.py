"""Colourings of cycles agree with brute force, with each other by shares, and with numbers that are known."""

from __future__ import annotations

import itertools
import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from matbench_defects.enumeration.colourings import colourings_of, shares

CYCLES = st.lists(st.integers(1, 4), min_size=1, max_size=6).map(lambda x: tuple(sorted(Counter(x).items())))


def by_hand(cycles, counts):
    """Give every cycle a species in every way, and count those that hold the right numbers of sites."""
    lengths = [length for length, number in cycles for _ in range(number)]
    found = 0
    for species in itertools.product(range(len(counts)), repeat=len(lengths)):
        held = [sum(n for n, s in zip(lengths, species, strict=True) if s == k) for k in range(len(counts))]
        found += tuple(held) == counts
    return found


@given(CYCLES, st.integers(1, 4), st.randoms(use_true_random=False))
def test_as_by_hand(cycles, species, random):
    sites = sum(length * number for length, number in cycles)
    for _ in range(3):
        cuts = sorted(random.randint(0, sites) for _ in range(species - 1))
        counts = tuple(b - a for a, b in zip([0, *cuts], [*cuts, sites], strict=True))
        assert colourings_of(cycles)(counts) == by_hand(cycles, counts)


@given(st.integers(0, 6), st.integers(1, 3), st.lists(st.integers(0, 12), min_size=1, max_size=4), st.integers(0, 3))
def test_shares_are_all_that_fit(number, length, needs, step):
    """In lexicographic order, each with the number of ways to choose the cycles."""
    expected = []
    for taken in itertools.product(range(number + 1), repeat=len(needs)):
        left = [n - t * length for n, t in zip(needs, taken, strict=True)]
        if sum(taken) == number and min(left) >= 0 and not any(n % step if step else n for n in left):
            ways = math.factorial(number) // math.prod(map(math.factorial, taken))
            expected.append((taken, ways))
    assert list(shares(number, length, tuple(needs), step)) == expected
