"""Exchange of species as a symmetry: exact numbers, the enumeration, draws and ids, against brute force."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter

import numpy as np
import pytest
from cases import every_occupation, orbits_of, space_of
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from matbench_defects.crystal.canonical import configuration_id, configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.enumeration import sampling
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.counting import count_all, count_both, count_inequivalent, count_space
from matbench_defects.enumeration.identify import identify
from matbench_defects.enumeration.members import count_members
from matbench_defects.enumeration.orderly import enumerate_configurations, generate
from matbench_defects.enumeration.sampling import sample
from matbench_defects.errors import InputError
from matbench_defects.spec.spaces import Conditions

SUBLATTICES = {  # and the sets of species of each that may be exchanged
    "Na": (
        [
            ("{Ag: 0..99, Au: rest}", [["Ag", "Au"]]),
            ("{Ag: 0..2, Au: 0..2, Na: rest}", [["Ag", "Au"]]),
            ("{Ag: 0..99, Au: 0..99, Cu: rest}", [["Ag", "Au", "Cu"], ["Cu", "Ag"]]),
            ("{Au: 1..2, Na: 0..99, Cu: 1..2, Ag: 0..99}", [["Ag", "Na"], ["Au", "Cu"]]),
            ("{Ag: 1, Au: 1, Cu: 1, Na: rest}", [["Ag", "Au", "Cu"]]),
        ]
    ),
    "Cl": [("{Br: 0..99, Cl: rest}", [["Br", "Cl"]]), ("{Br: 0..1, I: 0..1, Cl: rest}", [["I", "Br"]])],
}


@st.composite
def spaces(draw):
    parent = draw(st.sampled_from(["cubic", "hexagonal", "rectangular", "general", "fcc"]))
    cells = [[1, 1, 1]] if parent == "fcc" else [[2, 1, 1], [1, 3, 1], [2, 2, 1], [4, 1, 1], [5, 1, 1], [2, 2, 2]]
    supercell = draw(st.sampled_from(cells))
    chosen = draw(st.sampled_from([["Na"], ["Cl"], ["Na", "Cl"]]))
    filled, sets = [], []
    for name in chosen:
        species, possible = draw(st.sampled_from(SUBLATTICES[name]))
        filled.append(f"{name}: {species}")
        sets += draw(st.lists(st.sampled_from(possible), max_size=2, unique_by=tuple))
    members = [species for one in sets for species in one]
    assume(sets and len(members) == len(set(members)))
    try:
        return space_of(parent, str(supercell), "{" + ", ".join(filled) + "}", f"exchange: {sets}".replace("'", ""))
    except InputError as error:
        assert "add up to" in error.message  # more species than the smallest cells have sites
        reject()


def exchanged(space, occupation):
    """Every occupation that exchanges make of one, straight from the words."""
    orders = []
    for i, s in enumerate(space.sublattices):
        sets = [members for j, members in space.exchange if j == i]
        fine = [
            order
            for order in itertools.permutations(range(len(s.species)))
            if all({order[k] for k in members} == set(members) for members in sets)
            and all(order[k] == k for k in range(len(s.species)) if not any(k in members for members in sets))
        ]
        orders.append(fine)
    for chosen in itertools.product(*orders):
        yield tuple(order[k] for order, r in zip(chosen, space.ranges, strict=True) for k in occupation[r])


def joint_orbits(space):
    """Orbits under operations and exchanges, by merging those of operations alone."""
    plain = dataclasses.replace(space, exchange=(), memory={})
    contents = plain.contents()
    everything = [o for content in contents for o in every_occupation(plain, content)]
    owner = {}
    for orbit in orbits_of(plain, everything):
        for member in orbit:
            owner[member] = orbit
    left, found = set(everything), []
    while left:
        member = next(iter(left))
        orbit = frozenset().union(*(owner[other] for other in exchanged(space, member)))
        found.append(orbit)
        left -= orbit
    return found


def number_of(space):
    plain = dataclasses.replace(space, exchange=(), memory={})
    return sum(count_all(plain, content) for content in plain.contents())


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(spaces(), st.randoms(use_true_random=False))
def test_as_by_brute_force(space, generator):
    assume(number_of(space) <= 3000)
    check(space, generator)


def check(space, generator):
    plain = dataclasses.replace(space, exchange=(), memory={})
    order = {content: i for i, content in enumerate(plain.contents())}
    expected = {}
    for orbit in joint_orbits(space):
        first = min(order[plain.content(np.array(o, dtype=np.uint8))] for o in orbit)
        expected.setdefault(plain.contents()[first], []).append(orbit)
    assert space.contents() == sorted(expected, key=order.__getitem__)
    for content, orbits in expected.items():
        assert count_both(space, content) == (sum(map(len, orbits)), len(orbits))
        found = enumerate_configurations(space, [content])
        assert len(found) == len(orbits)
        assert Counter(map(len, orbits)) == Counter(found.multiplicities.tolist())
        by_member = {tuple(o): m for o, m in zip(found.occupations.tolist(), found.multiplicities.tolist(), strict=True)}
        names = dict(zip(by_member, found.ids(), strict=True))
        for orbit in orbits:
            (canonical,) = orbit & set(by_member)
            assert by_member[canonical] == len(orbit)
            inside = [np.array(o, dtype=np.uint8) for o in orbit if plain.content(np.array(o, dtype=np.uint8)) == content]
            ids = {configuration_id(plain, Configuration(plain, o).canonical_occupation) for o in inside}
            assert names[canonical] == min(ids, key=lambda one: int(one.rpartition(":")[2], 36))
            for member in generator.sample(sorted(orbit), min(3, len(orbit))):
                one = Configuration(space, np.array(member, dtype=np.uint8))
                assert one.id == names[canonical]
                assert one.multiplicity == len(orbit)
                assert one.content == content
                assert one.symmetry_order == Configuration(plain, np.array(member, dtype=np.uint8)).symmetry_order
            assert configuration_of(space, names[canonical]).tolist() == list(canonical)
    assert count_space(space)[0] == number_of(space)
