"""Orderly generation against brute force over random spaces."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from cases import every_occupation, orbits_of, space_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import canonical, configuration_id, configuration_of, rank
from matbench_defects.enumeration import assembly, subsets
from matbench_defects.enumeration.configurations import decode, encode, ranks
from matbench_defects.enumeration.counting import count_all, count_inequivalent
from matbench_defects.enumeration.dense import dense_subsets
from matbench_defects.enumeration.orderly import enumerate_configurations, generate
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

LARGEST = 30_000
SUPERCELLS = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2)).map(list),
    st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=3, max_size=3).filter(
        lambda rows: 1 <= abs(round(np.linalg.det(rows))) <= 8
    ),
)
FILLINGS = [
    "A: {sites: [Na], species: {Li: 0..2, K: 0..1, Na: rest}}",
    "B: {sites: [Cl], species: {Br: 0..3, Cl: rest}}",
]


@st.composite
def spaces(draw, more=""):
    parent = draw(st.sampled_from(["cubic", "hexagonal", "rectangular", "general", "fcc"]))
    chosen = draw(st.lists(st.sampled_from(FILLINGS), min_size=1, max_size=2, unique=True))
    return space_of(parent, str(draw(SUPERCELLS)), "{" + ", ".join(chosen) + "}", more)


def compare(space, contents):
    for content in contents:
        expected = orbits_of(space, every_occupation(space, content))
        found = enumerate_configurations(space, [content])
        assert count_inequivalent(space, content) == len(expected) == len(found)
        assert sum(expected.values()) == count_all(space, content)
        ids = found.ids()
        assert len(set(ids)) == len(ids)
        by_orbit = {}
        for occupation, multiplicity, name in zip(found.occupations, found.multiplicities, ids, strict=True):
            orbit = next(o for o in expected if tuple(occupation.tolist()) in o)
            by_orbit[orbit] = name
            assert expected[orbit] == multiplicity
            member = np.array(sorted(orbit)[len(orbit) // 2], dtype=np.uint8)
            smallest, operation = canonical(space, member)
            assert (smallest == occupation).all() and (smallest[operation] == member).all()
            assert configuration_id(space, smallest) == name
            assert (configuration_of(space, name) == occupation).all()
        assert len(by_orbit) == len(expected)
        numbers = [rank(space, o) for o in found.occupations]
        assert numbers == sorted(numbers)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(spaces(), st.data())
def test_structures_match_brute_force(space, data):
    contents = [c for c in space.contents() if count_all(space, c) <= LARGEST // 10]
    assume(contents)
    compare(space, data.draw(st.lists(st.sampled_from(contents), min_size=1, max_size=3, unique=True)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([("cubic", 4.1), ("cubic", 5.7), ("rectangular", 3.1), ("general", 4.1), ("hexagonal", 3.1)]),
    SUPERCELLS,
    st.booleans(),
    st.data(),
)
def test_pathways_match_brute_force(kind, supercell, both, data):
    parent, cutoff = kind
    sublattices = "A: {sites: [Na], species: {Na: rest, vacancy: 1..3}}" + (f", {FILLINGS[1]}" if both else "")
    more = f"pathway: {{species: Na, sublattice: A, cutoff: {cutoff}}}"
    try:
        space = space_of(parent, str(supercell), f"{{{sublattices}}}", more)
    except InputError:  # too small for its edges
        assume(False)
    contents = [c for c in space.contents() if count_all(space, c) <= LARGEST // 10]
    assume(contents)
    compare(space, data.draw(st.lists(st.sampled_from(contents), min_size=1, max_size=2, unique=True)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_all_three_searches_agree(data):
    """The comparison of all sets, the growth of sets and the compiled search, on one random abelian group."""
    size = data.draw(st.integers(4, 14))
    count = data.draw(st.integers(2, min(size, 6)))
    step = data.draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
    turns = np.array([[(i + step * t) % size for i in range(size)] for t in range(size // step)], dtype=np.int32)
    mirrored = np.unique(np.concatenate([turns, (size - 1 - turns)]), axis=0).astype(np.int32)
    action = mirrored if data.draw(st.booleans()) else turns
    relabel = np.array(data.draw(st.permutations(range(size))))
    action = relabel[action][:, np.argsort(relabel)].astype(np.int32)
    distances = np.abs(np.arange(size)[:, None] - np.arange(size))
    allowed = None
    if data.draw(st.booleans()):
        near = np.minimum(distances, size - distances) > 1
        allowed = near[np.ix_(np.argsort(relabel), np.argsort(relabel))]
    found = [search(action, count, allowed) for search in (subsets._filter, subsets._grow, dense_subsets)]
    for other in found[1:]:
        assert (other.sites == found[0].sites).all()
        assert (other.orders == found[0].orders).all()


def test_wide_sublattices_grow_as_narrow_ones(monkeypatch):
    space = space_of("cubic", "[3, 3, 2]", "{A: {sites: [Na], species: {Li: 3, K: 1, Na: rest}}}")
    expected = enumerate_configurations(space)
    monkeypatch.setattr(subsets, "WORD", 0)
    monkeypatch.setattr(subsets, "FILTERED", 0)
    for run, large in [(1, 0), (1, 10**9), (10**9, 0)]:  # in slices or not, by two threads or one
        monkeypatch.setattr(assembly, "RUN", run)
        monkeypatch.setattr(assembly, "LARGE", large)
        found = enumerate_configurations(space)
        assert (found.occupations == expected.occupations).all()
        assert (found.multiplicities == expected.multiplicities).all()


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_pieces_are_the_whole(rows):
    space = space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 4, vacancy: rest}, Ni: {Ni: rest, Co: 2, Al: 1}}")
    content = space.contents()[0]
    whole = enumerate_configurations(space)
    pieces = list(generate(space, content, rows=rows))
    assert len(pieces) > 1
    assert (np.concatenate([p.placed for p in pieces], axis=1) == whole.parts[0].placed).all()
    assert (np.concatenate([p.multiplicities for p in pieces]) == whole.multiplicities).all()


def test_borders():
    alone = space_of("general", "[2, 2, 1]", "{A: {sites: [Na], species: {Li: 0..4, Na: rest}}}")
    assert len(alone.group) == 4  # translations only
    compare(alone, alone.contents())
    one = space_of("general", "[1, 1, 1]", "{A: {sites: [Na], species: {Li: 0..1, Na: rest}}}")
    assert len(one.group) == 1
    compare(one, one.contents())
    equal = space_of("cubic", "[2, 2, 1]", "{A: {sites: [Na], species: {Li: 2, Na: 2}}}")
    compare(equal, equal.contents())
    broken = space_of("cubic", "[[2, 1, 0], [0, 2, 0], [0, 0, 1]]", "{A: {sites: [Na], species: {Li: 0..4, Na: rest}}}")
    kept = space_of("cubic", "[2, 2, 1]", "{A: {sites: [Na], species: {Li: 0..4, Na: rest}}}")
    assert len(broken.group) < len(kept.group) * 4
    compare(broken, broken.contents())


def test_order_and_ids_never_change():
    """Datasets are named by these ids."""
    found = enumerate_configurations(build_spaces(load_spec("lno-cathode"))["lno-cathode"])
    ids = found.ids()
    assert hashlib.sha256("\n".join(ids).encode()).hexdigest().startswith("c2d3beddda8c9e5d")
    assert hashlib.sha256(found.occupations.tobytes()).hexdigest().startswith("9c700b7294d87d1b")
    assert ids == [configuration_id(found.space, o) for o in found.occupations]


def test_decoding_and_ranks_are_those_of_single_configurations():
    space = space_of(
        "KFeO2", "[2, 1, 1]", "{K: {vacancy: 2, K: rest}, Fe: {Ti: 1, Fe: rest}}", "pathway: {species: K, cutoff: 3.9}"
    )
    part = enumerate_configurations(space).parts[0]
    occupations = decode(space, part.content, part.placed)
    content, placed = encode(space, occupations)
    assert content == part.content and (placed == part.placed).all()
    assert ranks(space, content, placed).tolist() == [rank(space, o) for o in occupations]


def test_ranks_beyond_64_bits():
    space = space_of("MoS2", "[8, 8, 1]", "{X: {sites: [S], species: {Se: 60, S: rest}}}")
    generator = np.random.default_rng(0)
    occupations = np.array([generator.permutation(np.repeat([0, 1], [60, 68])) for _ in range(5)], dtype=np.uint8)
    content, placed = encode(space, occupations)
    assert ranks(space, content, placed) == [rank(space, o) for o in occupations]


def test_end_points_of_a_pathway():
    space = space_of("KFeO2", "[2, 1, 1]", "{K: {vacancy: 2, K: rest}}", "pathway: {species: K, cutoff: 3.9}")
    for occupation in enumerate_configurations(space).occupations[:50]:
        first, second = space.end_points(occupation)
        differing = np.flatnonzero(first != second)
        assert differing.tolist() in space.kind.points.sites.tolist()
        assert (first == 0).sum() == (second == 0).sum() == 2
        assert sorted(first[differing]) == [0, 1]
    structure = np.zeros(16, dtype=np.uint8)
    (itself,) = space_of("KFeO2", "[1, 1, 1]", "{K: {vacancy: 1, K: rest}}").end_points(structure)
    assert (itself == structure).all()


@pytest.mark.parametrize(
    ("pathway", "message"),
    [
        ("{species: K, cutoff: 1.0}", "no two sites"),
        ("{species: K, cutoff: 6.0}", "own image"),
        ("{species: Na, cutoff: 4.0}", "no sublattice"),
        ("{species: Na, sublattice: K, cutoff: 4.0}", "holds no Na"),
    ],
)
def test_pathways_that_cannot_be(pathway, message):
    with pytest.raises(InputError, match=message) as caught:
        space_of("KFeO2", "[1, 1, 1]", "{K: {vacancy: 1, K: rest}}", f"pathway: {pathway}")
    assert caught.value.line is not None and "pathway" in caught.value.field
