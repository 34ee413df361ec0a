"""Exchange of species as a symmetry: exact numbers, the enumeration, draws and ids, against brute force."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from cases import every_occupation, orbits_of, space_of
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from specs_for_tests import ALLOY, SIZES

import matbench_defects as md
from matbench_defects.columns import Quantity
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import configuration_id, configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.finding import Finder
from matbench_defects.dataset.targets.end_members import end_member_formula
from matbench_defects.enumeration import exchanging, sampling
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.counting import count_all, count_both, count_space
from matbench_defects.enumeration.identify import identify
from matbench_defects.enumeration.members import count_members
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample
from matbench_defects.errors import InputError
from matbench_defects.exchange.mapping import map_published
from matbench_defects.exchange.source import Published, PublishedStructure
from matbench_defects.spec.loading import load_spec
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


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(spaces(), st.randoms(use_true_random=False))
def test_as_by_brute_force(space, generator):
    assume(number_of(space) <= 600)
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
        by_member = {
            tuple(o): m for o, m in zip(found.occupations.tolist(), found.multiplicities.tolist(), strict=True)
        }
        names = dict(zip(by_member, found.ids(), strict=True))
        for orbit in orbits:
            (canonical,) = orbit & set(by_member)
            assert by_member[canonical] == len(orbit)
            inside = [
                np.array(o, dtype=np.uint8) for o in orbit if plain.content(np.array(o, dtype=np.uint8)) == content
            ]
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


@pytest.mark.slow
def test_hundreds_by_brute_force():
    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(spaces(), st.randoms(use_true_random=False))
    def every(space, generator):
        assume(number_of(space) <= 300)
        check(space, generator)

    every()


def test_both_comparisons_agree(monkeypatch):
    space = space_of("gamma", "[2, 1, 1]", "{I2: {Ag: 4, Au: 4, Cu: 4, Pt: 4}}", "exchange: [Ag, Au, Pt]")
    parts = []
    for least in (0, 10**12):
        monkeypatch.setattr(exchanging, "COMPILED", least)
        found = sample_of(space, 500)
        parts.append(exchanging._parts(space, space.contents()[0], found).tolist())
    assert parts[0] == parts[1]
    assert len(set(parts[0])) > 1


def sample_of(space, number):
    plain = dataclasses.replace(space, exchange=(), memory={})
    return sample(plain, number, 0, distinct=False).occupations


def test_pairings_of_a_ring():
    """Three species, two sites each, that nothing tells apart: ways to pair six sites in a row, under translations."""
    space = space_of("general", "[6, 1, 1]", "{Na: {Ag: 2, Au: 2, Cu: 2}}", "exchange: [Ag, Au, Cu]")
    every, differ = count_space(space)
    assert every == 90
    rotations = [[(i + t) % 6 for i in range(6)] for t in range(6)]
    pairings = {
        frozenset(frozenset(p) for p in zip(order[::2], order[1::2], strict=True))
        for order in itertools.permutations(range(6))
    }
    assert len(pairings) == 15
    orbits = {
        frozenset(frozenset(frozenset(turn[i] for i in pair) for pair in pairing) for turn in rotations)
        for pairing in pairings
    }
    assert differ == len(orbits)


@pytest.mark.parametrize("weighting", ["uniform", "by-multiplicity"])
@pytest.mark.parametrize("symmetric", [False, True])
def test_draws_are_fair(weighting, symmetric):
    """Each orbit, or each decoration of all contents, as often as any other."""
    space = space_of("hexagonal", "[3, 2, 1]", "{Na: {Ag: 0..4, Au: 0..4, Na: 0..2}}", "exchange: [Ag, Au]")
    where = Conditions.model_validate({"symmetry_order": {"at_least": 2}}) if symmetric else None
    found = enumerate_configurations(space, where=where)
    checks = Checks.of(space, where)
    draws = sampling._Source(space, checks).draws(space.contents(), random.Random(1), weighting)
    kept = (one for one in draws if not checks.refused(one.canonical_occupation, one.stabiliser_order))
    counted = Counter(one.id for one in itertools.islice(kept, 3000))
    wanted = np.ones(len(found)) if weighting == "uniform" else found.multiplicities
    weights = dict(zip(found.ids(), wanted.tolist(), strict=True))
    assert set(counted) <= set(weights)
    expected = np.array(list(weights.values())) * 3000 / sum(weights.values())
    assert (expected > 5).sum() > 5
    observed = np.array([counted[name] for name in weights])[expected > 5]
    scale = observed.sum() / expected[expected > 5].sum()
    assert chisquare(observed, expected[expected > 5] * scale).pvalue > 1e-4


def test_twins_are_identified_as_one():
    space = space_of("cubic", "[2, 2, 1]", "{Na: {Ag: 0..4, Au: rest}}", "exchange: [Ag, Au]")
    plain = dataclasses.replace(space, exchange=(), memory={})
    seen = Counter()
    for content in plain.contents():
        for one in enumerate_configurations(plain, [content]):
            found = identify(space, one.crystal)
            assert found.id == Configuration(space, one.occupation).id
            twins = tuple(species for species in ("Ag", "Au") if species in one.site_species)
            assert found.exchanged == (() if found.id == one.id else twins)
            seen[found.id] += 1
    assert set(seen) == set(enumerate_configurations(space).ids())
    assert max(seen.values()) == 2


def test_conditions_on_large_spaces_are_drawn_and_small_ones_counted():
    limits = [{"between": [s, s], "at_least": 4.5} for s in ("Ag", "Au")]
    where = Conditions.model_validate({"distances": limits})
    space = space_of("cubic", "[4, 2, 2]", "{Na: {Ag: 2, Au: 2, Na: rest}}", "exchange: [Ag, Au]")
    plain = dataclasses.replace(space, exchange=(), memory={})
    found = count_members(space, where)
    assert found.exact and found.every == count_members(plain, where).every
    assert found.inequivalent == len(enumerate_configurations(space, where=where))
    assert found.inequivalent < count_members(plain, where).inequivalent


SPEC = "{Na: {Ag: 0..4, Au: rest}, Cl: {Br: 0..1, vacancy: 0..1, Cl: rest}}"


@pytest.mark.parametrize(
    ("sublattices", "more", "message"),
    [
        (SPEC, "exchange: [Ag, Br]", "sit on one sublattice, and nowhere else; Ag on Na, Br on Cl"),
        (SPEC, "exchange: [Ag, Pt]", "no sublattice holds Pt"),
        (SPEC, "exchange: [[Ag, Au], [Br, Ag]]", "names Ag twice"),
        (SPEC, "exchange: [Br, vacancy]", "a vacancy is not exchanged"),
        (SPEC, "exchange: [Ag]", "at least 2"),
        (SPEC, "exchange: [Ag, Silver]", "neither an element"),
        (SPEC, "exchange: [Cl, Br]", "carries the content Au4.Cl4 into Au4.Br4, which is not allowed"),
        ("{Na: {Ag: 2, Cl: 2}}", "exchange: [Ag, Cl]", "Cl also sits on sites of no sublattice"),
        (SPEC, "exchange: [Ag, Au]\nexclude: [{between: [Ag, Ag], closer_than: 2}]", "does not go with `exclude`"),
        (SPEC, "exchange: [Ag, Au]\ncontents: {silver: {Na.Ag: 3}, gold: {Na.Ag: 1}}", "makes '.*' the same content"),
        (SPEC, "exchange: [Ag, Au]\nlabels: [{engine: ewald, charges: {Ag: 1, Au: 3}}]", "tells Ag and Au apart"),
        (SPEC, "exchange: [Ag, Au]\nthermodynamics: {temperatures: [300]}", "does not go with `thermodynamics`"),
    ],
)
def test_what_is_no_symmetry_is_refused(sublattices, more, message):
    with pytest.raises(InputError, match=message) as error:
        space_of("cubic", "[2, 2, 1]", sublattices, more)
    assert error.value.line is not None


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"charges": {"Ag": 1, "Au": 3, "Cl": -1}}, "different charges"),
        ({"distances": [{"between": ["Ag", "Ag"], "at_least": 3}]}, "different distances"),
        ({"distances": [{"between": ["Ag", "Au"], "at_least": 3}]}, None),
    ],
)
def test_conditions_that_tell_them_apart_are_refused(where, message):
    space = space_of("cubic", "[2, 2, 1]", "{Na: {Ag: 0..4, Au: rest}}", "exchange: [Ag, Au]")
    where = Conditions.model_validate(where)
    if message is None:
        Checks.of(space, where)
    else:
        with pytest.raises(InputError, match=message):
            Checks.of(space, where)


def test_pathways_exchange_nothing():
    filled = "{Na: {Ag: 0..24, Au: 0..24, Na: 2, vacancy: 1}}"
    with pytest.raises(InputError, match="does not go with `pathway`"):
        space_of("cubic", "[3, 3, 3]", filled, "exchange: [Ag, Au]\npathway: {species: Na, cutoff: 4.1}")


def test_sizes_in_a_spec():
    """Hart and Forcade 2008: derivative structures of fcc, exchanged ones once; each is found by its atoms."""
    text = SIZES.replace("SIZES", "1..5").replace("CONTENT", "0..99") + "exchange: [Cu, Au]\n"
    spec = md.load_spec(yaml.safe_load(text))
    found = Counter()
    for one in map(spec.space, build_spaces(spec)):
        for configuration in one.enumerate():
            found[len(one.space.cells.offsets)] += 1
            assert one.identify(configuration.to_pymatgen()).id == configuration.id
        assert one.count().inequivalent == len(list(one.enumerate()))
    assert found == {1: 1, 2: 2, 3: 3, 4: 12, 5: 14}


def test_an_import_says_what_is_exchanged(tmp_path):
    text = ALLOY.replace("SUPERCELL", "[1, 1, 1]").replace("CONTENT", "0..4").replace("SELECTION", "{select: all}")
    (tmp_path / "spec.yaml").write_text(text + "exchange: [Cu, Au]\n")
    finder = Finder(load_spec(tmp_path / "spec.yaml"))
    space = finder.spaces["alloy"]
    plain = dataclasses.replace(space, exchange=(), memory={})
    rows = [
        PublishedStructure(name, enumerate_configurations(plain, [content])[0].crystal, {"energy": energy})
        for name, content, energy in [("poor", ((1, 3),), -1.0), ("rich", ((3, 1),), -2.0)]
    ]
    mapped = map_published(Published({"energy": Quantity("eV", "cell")}, 2, iter(rows)), finder)
    assert [row["structure"] for row in mapped.rows] == ["rich"]
    notes = {remark.structure: remark.reason for remark in mapped.remarks if remark.kind == "note"}
    assert notes == {
        "rich": "it is the configuration with Au and Cu exchanged, whose values the spec says are the same"
    }


def test_an_end_member_that_another_stands_for():
    space = space_of("cubic", "[2, 1, 1]", "{Na: {Ag: 0..2, Au: rest}}", "exchange: [Ag, Au]")
    domain = SimpleNamespace(spaces={"case": space})
    assert end_member_formula(domain, {"Ag": 0}) == "AuCl"
    with pytest.raises(InputError, match="no content of case; `exchange` makes it one with"):
        end_member_formula(domain, {"Ag": 2})
