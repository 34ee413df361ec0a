"""Exclusions: exact numbers, the enumeration and draws, against brute force and numbers that are known."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
from cases import PARENTS, every_occupation, orbits_of, space_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import matbench_defects as md
from matbench_defects.crystal.canonical import canonical
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.site_distances import site_distances
from matbench_defects.enumeration import chains, orderly, sampling
from matbench_defects.enumeration.conditions import Checks, exclusions_of
from matbench_defects.enumeration.counting import count_all, count_inequivalent
from matbench_defects.enumeration.exclusion_cost import found_sooner
from matbench_defects.enumeration.exclusions import operation_classes
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample
from matbench_defects.errors import InputError
from matbench_defects.spec.spaces import Conditions

PARENTS = PARENTS | {
    "argyrodite": """{spacegroup: F-43m, lattice: {a: 9.859}, sites: {Li: [0.183, 0.183, 0.024], P: [0, 0, 1/2],
        S3: {species: S, position: [0.1195, 0.1195, 0.6195]}, S4a: {species: S, position: [0, 0, 0]},
        S4d: {species: S, position: [1/4, 1/4, 1/4]}}""",
    "garnet": """{spacegroup: Ia-3d, lattice: {a: 12.9827}, sites: {Li1: {species: Li, position: [3/8, 0, 1/4]},
        Li2: {species: Li, position: [0.0962, 0.6853, 0.5770]}, La: [1/8, 0, 1/4], Zr: [0, 0, 0],
        O: [-0.0318, 0.0549, 0.1503]}""",
    "layers": """{spacegroup: P6_3/mmc, lattice: {a: 2.9, c: 11.2}, sites: {
        Na1: {species: Na, position: [0, 0, 1/4]}, Na2: {species: Na, position: [1/3, 2/3, 1/4]}, Mn: [0, 0, 0],
        O: [1/3, 2/3, 0.09]}""",
    "iodide": "{spacegroup: Im-3m, lattice: {a: 5.07}, sites: {I: [0, 0, 0], Ag: [1/4, 0, 1/2]}",
}


@pytest.fixture(autouse=True)
def parents(monkeypatch):
    monkeypatch.setattr("cases.PARENTS", PARENTS)


def excluding(*rules):
    return "exclude: [" + ", ".join(f"{{between: [{a}, {b}], closer_than: {r}}}" for a, b, r in rules) + "]"


def fits(space, occupation):
    """Whether no two sites, nor a site and its own image, hold what excludes each other; straight from the words."""
    apart = site_distances(space)
    names = [space.sublattices[i].species[k] for i, r in enumerate(space.ranges) for k in occupation[r]]
    for one, other, closest in space.exclusions:
        for i, j in itertools.product(range(space.size), repeat=2):
            if names[i] == one and names[j] == other and (i != j or one == other) and apart[i, j] < closest - 1e-4:
                return False
    return True


FILLINGS = [
    "A: {sites: [Na], species: {Li: 0..3, vacancy: rest}}",
    "B: {sites: [Cl], species: {Br: 0..2, I: 0..1, Cl: rest}}",
]
SPECIES = ["Li", "vacancy", "Br", "I", "Cl"]


@st.composite
def spaces(draw):
    parent = draw(st.sampled_from(["cubic", "hexagonal", "rectangular", "general"]))
    supercell = draw(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2)).map(list))
    rules = draw(
        st.lists(
            st.tuples(st.sampled_from(SPECIES), st.sampled_from(SPECIES), st.floats(2.0, 6.5)), min_size=1, max_size=3
        )
    )
    chosen = FILLINGS if draw(st.booleans()) else [FILLINGS[draw(st.integers(0, 1))]]
    known = " ".join(chosen)
    rules = [(a, b, r) for a, b, r in rules if a in known and b in known]
    assume(rules)
    return space_of(parent, str(supercell), "{" + ", ".join(chosen) + "}", excluding(*rules))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(spaces(), st.data())
def test_as_by_brute_force(space, data):
    content = data.draw(st.sampled_from(space.contents()))
    everything = list(every_occupation(space, content))
    assume(len(everything) <= 3000)
    left = [o for o in everything if fits(space, np.array(o, dtype=np.uint8))]
    expected = orbits_of(space, left)
    assert count_all(space, content) == len(left)
    assert count_inequivalent(space, content) == len(expected)
    chain = exclusions_of(space)
    assert (chain.count_all(content), chain.count_inequivalent(content)) == (len(left), len(expected))
    found = enumerate_configurations(space, [content])
    assert len(found) == len(expected) and found.multiplicities.sum() == len(left)
    assert set(map(tuple, found.occupations.tolist())) <= set(left)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orderly, "found_sooner", lambda space: False)
        patch.setattr(orderly, "FEW", 0)
        patch.setattr(orderly, "WASTE", 0)
        turned = enumerate_configurations(space, [content])
    assert turned.ids() == found.ids() and turned.multiplicities.tolist() == found.multiplicities.tolist()


@pytest.mark.parametrize(
    ("parent", "supercell", "sublattices", "closest", "everything", "inequivalent"),
    [
        ("argyrodite", "[1, 1, 1]", "{Li: {Li: 24, vacancy: 24}}", 2.0, 2**24, 175_376),
        (
            *("argyrodite", "[1, 1, 1]"),
            "{Li: {Li: 24, vacancy: 24}, a: {sites: [S4a], species: {S: 2, Cl: 2}}, "
            "d: {sites: [S4d], species: {S: 2, Cl: 2}}}",
            *(2.0, 2**24 * 36, 6_294_528),
        ),
        ("layers", "[3, 3, 1]", "{Na: {Na: 12, vacancy: rest}}", 1.75, 287_772, 3167),
        ("layers", "[4, 4, 1]", "{Na: {Na: 21, vacancy: rest}}", 1.75, 12_636_184_960, 65_983_196),
        pytest.param(
            *("garnet", "[1, 1, 1]", "{Li: {Li: 56, vacancy: rest}}", 2.0, 209_109_000, 2_180_436),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("layers", "[6, 6, 1]", "{Na: {Na: 48, vacancy: rest}}", 1.75),
            *(pytest.approx(1.04e23, rel=0.005), pytest.approx(2.4e20, rel=0.005)),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("iodide", "[2, 2, 2]", "{Ag: {Ag: 16, vacancy: rest}}", 2.0),
            *(pytest.approx(1.58e15, rel=0.005), 2_063_600_120_923),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_known_numbers(parent, supercell, sublattices, closest, everything, inequivalent):
    """The argyrodite's by hand: one of each pair of sites 1.87 Å apart; all from another program."""
    species = {"layers": "Na", "iodide": "Ag"}.get(parent, "Li")
    space = space_of(parent, supercell, sublattices, excluding((species, species, closest)))
    (content,) = space.contents()
    assert (count_all(space, content), count_inequivalent(space, content)) == (everything, inequivalent)


def test_what_cannot_fit_is_said():
    space = space_of("argyrodite", "[1, 1, 1]", "{Li: {Li: 30, vacancy: rest}}", excluding(("Li", "Li", 2.0)))
    with pytest.raises(InputError, match="only 0 configurations differ; at most 24 Li fit"):
        sample(space, 5, 0)


def test_few_atoms_far_apart_are_found():
    """Three atoms in 200 sites: no chain, which would have millions of states; the number by triangles of a graph."""
    space = space_of("cubic", "[5, 5, 8]", "{Na: {Li: 3, Na: rest}}", excluding(("Li", "Li", 7.5)))
    (content,) = space.contents()
    assert found_sooner(space)
    apart = (site_distances(space) >= 7.5) & ~np.eye(200, dtype=bool)
    assert count_all(space, content) == np.trace(np.linalg.matrix_power(apart.astype(np.int64), 3)) // 6
    assert count_inequivalent(space, content) == len(enumerate_configurations(space)) == 352
    assert len(sample(space, 10, 0)) == 10


def test_states_of_several_words():
    """More choices are open at a time than a word has bits: none of 100 atoms beside one that decides first."""
    count = 100
    choices = [chains.Choice((-1, 0), (0, 1), 1)] * (count + 1)
    excluded = np.zeros((2 * count + 2, 2 * count + 2), dtype=bool)
    excluded[1, 3::2] = excluded[3::2, 1] = True
    chain = chains.Chain(choices, excluded, np.zeros((count + 1, 3)), (0,), (count,))
    expected = {(k,): math.comb(count, k) + (k == 1) for k in range(count + 1)}
    assert chain.total == expected and chain.largest() == count


def test_the_rest_that_excludes_is_placed_first():
    """Half of each of two layers is full, two of the 18 sites that are left hold Li: 612 of 10^12 without that."""
    space = space_of("layers", "[3, 3, 1]", "{Na: {Na: 18, Li: 2, vacancy: 16}}", excluding(("Na", "Na", 1.75)))
    found = enumerate_configurations(space)
    assert found.multiplicities.sum() == 4 * math.comb(18, 2)
    ranks = [int(name.rpartition(":")[2], 36) for name in found.ids()]
    assert ranks == sorted(set(ranks))
    for one in found:
        assert (canonical(space, one.occupation)[0] == one.occupation).all() and fits(space, one.occupation)


def test_a_rest_that_excludes_is_refused_by_its_number():
    sublattices = "{Li: {Li: 24, Na: 4, vacancy: 20}}"
    space = space_of("argyrodite", "[1, 1, 1]", sublattices, excluding(("Li", "Li", 2.0)))
    with pytest.raises(InputError, match=r"configurations of Li24Na4Va20, whose most numerous species excludes others"):
        enumerate_configurations(space)


def test_too_entangled_is_refused(monkeypatch):
    monkeypatch.setattr(chains, "MOST_STATES", 10_000)
    space = space_of("cubic", "[5, 5, 5]", "{Na: {Li: 20, Na: rest}}", excluding(("Li", "Li", 8.5)))
    with pytest.raises(InputError, match="the exclusions reach too far for an exact treatment"):
        count_all(space, space.contents()[0])


def test_an_id_is_that_of_the_space_without():
    """The rank among all arrangements, so exclusions that are added or loosened rename nothing."""
    free = space_of("layers", "[2, 2, 1]", "{Na: {Na: 4, vacancy: rest}}")
    bound = space_of("layers", "[2, 2, 1]", "{Na: {Na: 4, vacancy: rest}}", excluding(("Na", "Na", 1.75)))
    assert free.digest() != bound.digest()
    names = enumerate_configurations(bound).ids()
    assert set(names) < set(enumerate_configurations(free).ids())


def drawn(space, number, weighting, where=None):
    checks = Checks.of(space, where)
    source = sampling._Source(space, checks)
    draws = source.draws(space.contents(), random.Random(1), weighting)
    kept = (one for one in draws if not checks.refused(one.canonical_occupation, one.stabiliser_order))
    return Counter(tuple(one.canonical_occupation.tolist()) for one in itertools.islice(kept, number))


@pytest.mark.parametrize("weighting", ["uniform", "by-multiplicity"])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bound", [False, True])
def test_draws_are_fair(weighting, symmetric, bound):
    """Each orbit, or each decoration, as often as any other."""
    rules = excluding(("Li", "Li", 3.5)) if bound else ""
    space = space_of("hexagonal", "[3, 3, 1]", "{Na: {Li: 0..4, Na: rest}}", rules)
    where = (
        Conditions.model_validate({"symmetry_order": {"at_least": 2 * space.idle_operations}}) if symmetric else None
    )
    found = enumerate_configurations(space, where=where)
    counted = drawn(space, 1500, weighting, where)
    names = [tuple(o.tolist()) for o in found.occupations]
    assert set(counted) <= set(names)
    weights = found.multiplicities if weighting == "by-multiplicity" else np.ones(len(names))
    expected = 1500 * weights / weights.sum()
    kept = expected > 5
    assert kept.sum() > 3
    observed = np.array([counted[name] for name in names])
    scale = observed[kept].sum() / expected[kept].sum()
    assert chisquare(observed[kept], expected[kept] * scale).pvalue > 1e-4


def test_few_symmetric_ones_of_very_many():
    """One in 10^28 is kept by an operation: they are drawn from what operations keep, not waited for."""
    space = space_of("cubic", "[6, 6, 6]", "{Na: {Li: 30, Na: rest}}")
    where = Conditions.model_validate({"symmetry_order": {"at_least": 2}})
    found = sample(space, 20, 0, where=where)
    assert len(found) == 20
    assert all(Configuration(space, o).symmetry_order >= 2 for o in found.occupations)


def test_classes_are_unions_of_conjugates():
    space = space_of("cubic", "[2, 2, 2]", "{Na: {Li: 1, Na: rest}}")
    classes = operation_classes(space.group)
    assert sum(one.number for one in classes) == len(space.group)
    assert 10 <= len(classes) < 100


FAR = {
    **{"name": "far", "version": "1.0.0", "title": "A case", "cell": "primitive", "supercell": [4, 4, 4]},
    "parent": {
        **{"spacegroup": "Fm-3m", "lattice": {"a": 4.0}, "sites": {"Cu": [0, 0, 0]}},
        "provenance": {"source": "a test"},
    },
    "exclude": [
        {"between": ["Au", "Au"], "closer_than": 2.9},
        {"between": ["Au", "vacancy"], "closer_than": 4.1},
    ],
    "sublattices": {"Cu": {"Cu": "rest", "Au": "0..16", "vacancy": "0..3"}},
}


def test_what_would_not_end_is_refused_by_the_work_done(monkeypatch):
    """Half of the sums before half of the choices are decided: 68 contents of 10^6 states, for a group of 3072."""
    monkeypatch.setattr(chains, "MOST_SUMS", 10_000_000)
    with pytest.raises(InputError, match=r"exclude: the exclusions reach too far .*: \d\d contents"):
        md.load_spec(FAR).check()
    monkeypatch.undo()
    few = {**FAR, "supercell": [2, 2, 2], "sublattices": {"Cu": {"Cu": "rest", "Au": "0..2", "vacancy": "0..1"}}}
    assert md.load_spec(few).space().count().total == 1 + 8 + 8 + 4  # second neighbours


def test_the_operations_of_a_group_have_a_limit_together(monkeypatch):
    space = space_of("layers", "[4, 4, 1]", "{Na: {Na: 21, vacancy: rest}}", excluding(("Na", "Na", 1.75)))
    (content,) = space.contents()
    alone = space_of("layers", "[4, 4, 1]", "{Na: {Na: 21, vacancy: rest}}", excluding(("Na", "Na", 1.75)))
    assert exclusions_of(space).count_inequivalent(content) == 65_983_196
    counters = [exclusions_of(space)._counters(one.operation.tobytes())[0] for one in exclusions_of(space).classes]
    sums = sum(chain.sums for each in counters for chain, *_ in each)
    monkeypatch.setattr("matbench_defects.enumeration.exclusions.MOST_SUMS", sums - 1)
    with pytest.raises(InputError, match="for the operations of the group"):
        exclusions_of(alone).count_inequivalent(content)
