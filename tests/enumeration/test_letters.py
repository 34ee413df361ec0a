"""Molecules on sites: exact numbers, the enumeration and draws against known numbers and brute force."""

from __future__ import annotations

import doctest
import itertools
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from matbench_defects.enumeration import letters as letters_module
from matbench_defects.enumeration import weighted_colourings
from matbench_defects.enumeration.letters import Letters


def turned(positions, cell, directions, operations):
    """Letters of one molecule on sites of a cell: each operation moves sites and turns directions."""
    fractional = positions @ np.linalg.inv(cell)
    letters = [(i, d) for i in range(len(positions)) for d in range(len(directions))]
    group = []
    for rotation, shift in operations:
        moved = (positions @ rotation.T + shift) @ np.linalg.inv(cell)
        away = moved[:, None] - fractional
        where = np.abs(away - np.round(away)).sum(axis=2).argmin(axis=1)
        onto = np.linalg.norm((directions @ rotation.T)[:, None] - directions, axis=2)
        assert onto.min(axis=1).max() < 1e-6
        to = onto.argmin(axis=1)
        group.append([where[i] * len(directions) + to[d] for i, d in letters])
    return Letters([i for i, _ in letters], [0] * len(letters), np.array(group))


def hydroxyl(azimuth):
    """OH on top of the four atoms of fcc(111) p(2x2); azimuths from a close-packed row on; operations of the slab."""
    lattice = np.array([[1.0, 0], [0.5, np.sqrt(0.75)]])
    positions = np.array([i * lattice[0] + j * lattice[1] for i in range(2) for j in range(2)])
    angles = np.deg2rad(azimuth + 60 * np.arange(6))
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    operations = []
    for third in np.deg2rad([0, 120, 240]):
        turn = np.array([[np.cos(third), -np.sin(third)], [np.sin(third), np.cos(third)]])
        for mirror in (np.eye(2), np.diag([-1, 1])):  # the mirrors of fcc(111) are normal to close-packed rows
            operations += [(turn @ mirror, shift) for shift in positions]
    return turned(positions, 2 * lattice, directions, operations)


def perovskite():
    """A molecule along one of twelve <110> directions on each A site of a 2x2x2 perovskite."""
    positions = np.array(list(itertools.product(range(2), repeat=3)), dtype=float)
    directions = np.array([v for v in itertools.product((-1, 0, 1), repeat=3) if np.abs(v).sum() == 2], dtype=float)
    rotations = [
        np.eye(3)[list(order)] * np.array(signs)[:, None]
        for order in itertools.permutations(range(3))
        for signs in itertools.product((-1, 1), repeat=3)
    ]
    return turned(positions, 2 * np.eye(3), directions, list(itertools.product(rotations, positions)))


@pytest.mark.parametrize(("azimuth", "numbers"), [(0, [1, 12, 38, 60]), (30, [2, 13, 44, 66])])
def test_hydroxyl_on_a_close_packed_surface(azimuth, numbers):
    letters = hydroxyl(azimuth)
    assert [letters.count((k,))[1] for k in range(1, 5)] == numbers
    for k, number in enumerate(numbers, start=1):
        ((found, multiplicities),) = letters.enumerate((k,))
        assert len(found) == number
        assert multiplicities.sum() == letters.count((k,))[0]


def test_perovskite_with_twelve_orientations():
    assert perovskite().count((8,)) == (12**8, 1_124_756)


@pytest.mark.slow
def test_perovskite_is_enumerated():
    letters = perovskite()
    pieces = list(letters.enumerate((8,), rows=100_000))
    assert sum(len(found) for found, _ in pieces) == 1_124_756
    assert sum(int(multiplicities.sum()) for _, multiplicities in pieces) == 12**8


@st.composite
def cases(draw):
    """Letters under a random group: permutations of alike sites, each with its turns of what sits there."""
    numbers = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))  # orientations of each species
    sites = draw(st.integers(1, 4))
    kinds = [draw(st.integers(0, 1)) for _ in range(sites)]  # sites of kind 1 do not hold the first species
    letters = [
        (i, k, o)
        for i in range(sites)
        for k, number in enumerate(numbers)
        for o in range(number)
        if not (kinds[i] and k == 0 and len(numbers) > 1)
    ]
    place = {letter: n for n, letter in enumerate(letters)}
    generators = []
    for _ in range(draw(st.integers(0, 3))):
        to = list(range(sites))
        for kind in (0, 1):
            here = [i for i in range(sites) if kinds[i] == kind]
            for i, j in zip(here, draw(st.permutations(here)), strict=True):
                to[i] = j
        turns = {(i, k): draw(st.permutations(range(n))) for i in range(sites) for k, n in enumerate(numbers)}
        generators.append([place[to[i], k, turns[i, k][o]] for i, k, o in letters])
    group = {tuple(range(len(letters)))}
    new = list(group)
    while new and len(group) <= 400:
        made = {tuple(g[x] for x in one) for one in new for g in generators}
        new = list(made - group)
        group |= made
    assume(len(group) <= 400 and {k for _, k, _ in letters} == set(range(len(numbers))))
    return Letters([i for i, *_ in letters], [k for _, k, _ in letters], np.array(sorted(group)))


def arrangements(letters, content):
    """Every set of letters, no two of one site, with the numbers of each species."""
    by_site = {}
    for letter, site in enumerate(letters.sites.tolist()):
        by_site.setdefault(site, [None]).append(letter)
    for chosen in itertools.product(*by_site.values()):
        held = frozenset(x for x in chosen if x is not None)
        if np.bincount(letters.species[list(held)], minlength=letters.numbers).tolist() == list(content):
            yield held


def orbits(letters, content):
    left, found = set(arrangements(letters, content)), []
    while left:
        member = next(iter(left))
        orbit = {frozenset(row) for row in letters.group[:, sorted(member)].tolist()}
        found.append(orbit)
        left -= orbit
    return found


def key_of(letters, stages, arrangement):
    return [x for stage in stages for x in sorted(arrangement) if letters.species[x] == stage.sublattice]


def check(letters, content):
    expected = orbits(letters, content)
    assert letters.count(content) == (sum(map(len, expected)), len(expected))
    pieces = list(letters.enumerate(content))
    keys = [key for found, _ in pieces for key in found.tolist()]
    multiplicities = [number for _, numbers in pieces for number in numbers.tolist()]
    assert keys == sorted(keys)
    stages = letters._stages(content)
    named = {tuple(key): number for key, number in zip(keys, multiplicities, strict=True)}
    assert len(named) == len(expected)
    for orbit in expected:
        smallest = min(key_of(letters, stages, one) for one in orbit)
        assert named[tuple(smallest)] == len(orbit)
        for member in itertools.islice(orbit, 3):
            canonical, operation, multiplicity = letters.canonical(sorted(member))
            assert canonical.tolist() == smallest
            assert set(operation[sorted(member)].tolist()) == set(smallest)
            assert multiplicity == len(orbit)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(), st.data())
def test_as_by_brute_force(letters, data):
    content = tuple(data.draw(st.integers(0, 4)) for _ in range(letters.numbers))
    check(letters, content)


@pytest.mark.slow
def test_thousands_by_brute_force():
    @settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(cases(), st.data())
    def every(letters, data):
        check(letters, tuple(data.draw(st.integers(0, 3)) for _ in range(letters.numbers)))

    every()


@pytest.mark.parametrize("weighting", ["uniform", "by-multiplicity"])
def test_draws_are_fair(weighting):
    letters = hydroxyl(30)
    ((found, multiplicities),) = letters.enumerate((3,))
    generator = random.Random(3)
    counted = Counter(
        tuple(letters.canonical(letters.draw((3,), generator, weighting))[0].tolist()) for _ in range(1000)
    )
    weights = np.ones(len(found)) if weighting == "uniform" else multiplicities
    observed = [counted[tuple(key)] for key in found.tolist()]
    assert sum(observed) == 1000
    assert chisquare(observed, 1000 * weights / weights.sum()).pvalue > 1e-4


def test_what_is_no_group_of_letters_is_refused():
    with pytest.raises(ValueError, match="permutes"):
        Letters([0, 1], [0, 0], np.array([[0, 0]]))
    with pytest.raises(ValueError, match="one species of another"):
        Letters([0, 1], [0, 1], np.array([[1, 0]]))
    with pytest.raises(ValueError, match="stay on one site"):
        Letters([0, 0, 1, 1], [0, 0, 0, 0], np.array([[0, 2, 1, 3]]))
    with pytest.raises(ValueError, match="holds one letter"):
        Letters([0, 0], [0, 0], np.array([[0, 1]])).canonical([0, 1])
    with pytest.raises(ValueError, match="numbers were expected"):
        Letters([0, 0], [0, 0], np.array([[0, 1]])).count((1, 1))
    assert hydroxyl(0).count((5,)) == (0, 0)
    assert list(hydroxyl(0).enumerate((5,))) == []


@pytest.mark.parametrize("module", [letters_module, weighted_colourings])
def test_examples(module):
    found = doctest.testmod(module, extraglobs={"np": np})
    assert found.attempted and not found.failed
