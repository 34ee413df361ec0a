"""The public verbs of enumeration, against brute force; whichever engine stands behind them."""

import itertools
import json
import math
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import canonical, configuration_id, configuration_of
from matbench_defects.crystal.symmetry import supercell_volume
from matbench_defects.enumeration.counting import count_all, count_inequivalent
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec


def space_of(parent, supercell, sublattices):
    data = {"name": "x", "version": "1.0.0", "title": "x", "supercell": supercell, "sublattices": sublattices}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(json.dumps(data | {"parent": parent | {"provenance": {"source": "test"}}}))
        return build_spaces(load_spec(path))["x"]


NICKELATE = {
    "spacegroup": "R-3m",
    "lattice": {"a": 2.88, "c": 14.19},
    "sites": {"Li": [0, 0, 0], "Ni": [0, 0, "1/2"], "O": [0, 0, 0.26]},
}


@pytest.fixture(scope="module")
def lno():
    return space_of(NICKELATE, [2, 2, 1], {"Li": {"Li": "0..12", "vacancy": "rest"}})


def test_lithium_nickelate_has_87_inequivalent_fillings_of_4096(lno):
    found = enumerate_configurations(lno)
    assert len(found) == 87
    assert found.multiplicities.sum() == 4096
    per_content = Counter(lno.content(o)[0][0] for o in found.occupations)
    assert [per_content[n] for n in range(13)] == [1, 1, 3, 6, 11, 13, 17, 13, 11, 6, 3, 1, 1]
    assert [count_inequivalent(lno, c) for c in lno.contents()] == [per_content[n] for n in range(13)]
    assert [count_all(lno, c) for c in lno.contents()] == [math.comb(12, n) for n in range(13)]
    assert len(set(found.ids())) == 87


def test_the_shipped_domain_holds_the_same(lno):
    (shipped,) = build_spaces(load_spec("lno-cathode")).values()
    assert (enumerate_configurations(shipped).occupations == enumerate_configurations(lno).occupations).all()


def test_only_some_contents(lno):
    content = ((6, 6),)
    found = enumerate_configurations(lno, [content])
    assert len(found) == 17
    assert {lno.content(o) for o in found.occupations} == {content}
    assert len(enumerate_configurations(lno, [])) == 0


def test_counts_stay_exact_where_nobody_could_enumerate():
    space = space_of(NICKELATE, [4, 4, 2], {"Li": {"Li": "rest", "vacancy": 48}})
    (content,) = space.contents()
    assert count_all(space, content) == math.comb(96, 48)
    count = count_inequivalent(space, content)
    assert count >= -(-math.comb(96, 48) // len(space.group))
    assert count < 1.001 * math.comb(96, 48) / len(space.group)


@pytest.mark.parametrize(
    "name",
    ["", "x", "x:Li6Va6", "y:Li6Va6:0", "x:Li7Va6:0", "x:Li6Va6:", "x:Li6Va6:-1", "x:Li6Va6:zzzz", "x:Li6Va6:2",
     "x:Li6Va6:0:0", "x:Li6Va6:A", "x:Li6Va6:٣"],
)  # fmt: skip
def test_a_name_that_is_no_configurations(lno, name):
    with pytest.raises(InputError, match="is not the id of a configuration of x"):
        configuration_of(lno, name)


# Against brute force.

PARENTS = [
    NICKELATE,
    {"spacegroup": "Pm-3m", "lattice": {"a": 4.1}, "sites": {"Li": [0, 0, 0], "O": [0.5, 0.5, 0.5]}},
    {"spacegroup": "P4/mmm", "lattice": {"a": 4, "c": 4.3}, "sites": {"Li": [0, 0, 0], "O": [0.5, 0.5, 0.5]}},
    {"spacegroup": "P6/mmm", "lattice": {"a": 4, "c": 3.5}, "sites": {"Li": ["1/3", "2/3", 0], "O": [0, 0, 0.5]}},
    {"spacegroup": "Pmm2", "lattice": {"a": 4, "b": 3, "c": 5}, "sites": {"Li": [0, 0, 0.1], "O": [0.5, 0.5, 0.4]}},
    {
        "spacegroup": "P-1",
        "lattice": {"a": 4, "b": 5, "c": 6, "alpha": 80, "beta": 95, "gamma": 100},
        "sites": {"Li": [0.1, 0.2, 0.3], "O": [0.6, 0.7, 0.8]},
    },
]
SPECIES = st.sampled_from([("Li", "vacancy"), ("Li", "Na", "vacancy"), ("Li", "Na", "K"), ("vacancy", "Li"), ("Li",)])
OTHER = st.sampled_from([None, ("O", "F"), ("O", "vacancy", "F"), ("S",)])


@st.composite
def spaces(draw):
    parent = draw(st.sampled_from(PARENTS))
    rows = draw(st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=3, max_size=3))
    assume(0 < supercell_volume(np.array(rows)) <= 4)
    li, other = draw(SPECIES), draw(OTHER)
    sublattices = {"Li": {li[0]: "rest", **dict.fromkeys(li[1:], "0..99")}}
    if other:
        sublattices["O"] = {other[0]: "rest", **dict.fromkeys(other[1:], "0..2")}
    space = space_of(parent, rows, sublattices)
    assume(math.prod(len(s.species) ** len(s.sites) for s in space.sublattices) <= 800)
    return space


def brute_force(space):
    """Return every orbit as a frozen set of occupations: each image of each configuration under each permutation."""
    allowed = set(space.contents())
    kinds = [range(len(s.species)) for s in space.sublattices for _ in s.sites]
    everything = {o for o in itertools.product(*kinds) if space.content(o) in allowed}
    orbits = []
    while everything:
        seed = np.array(everything.pop())
        images = np.empty_like(space.group)
        np.put_along_axis(images, space.group, np.broadcast_to(seed, images.shape).astype(images.dtype), axis=1)
        orbit = set(map(tuple, images.tolist()))
        everything -= orbit
        orbits.append(frozenset(orbit))
    return orbits


BRUTE = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))


@given(spaces())
@BRUTE
def test_orbits_and_multiplicities_are_those_of_brute_force(space):
    orbits = brute_force(space)
    found = enumerate_configurations(space)
    home = {member: orbit for orbit in orbits for member in orbit}
    reached = [home[tuple(o.tolist())] for o in found.occupations]
    assert len(reached) == len(set(reached)) == len(orbits)
    assert found.multiplicities.tolist() == [len(orbit) for orbit in reached]


@given(spaces())
@BRUTE
def test_burnside_counts_what_brute_force_counts(space):
    inequivalent, total = Counter(), Counter()
    for orbit in brute_force(space):
        content = space.content(next(iter(orbit)))
        inequivalent[content] += 1
        total[content] += len(orbit)
    for content in space.contents():
        assert count_inequivalent(space, content) == inequivalent[content]
        assert count_all(space, content) == total[content]


@given(spaces())
@BRUTE
def test_ids_name_orbits(space):
    names = defaultdict(set)
    for orbit in brute_force(space):
        for member in itertools.islice(orbit, 8):
            given_ = np.array(member, dtype=np.uint8)
            chosen, operation = canonical(space, given_)
            assert tuple(chosen.tolist()) in orbit
            assert (chosen[operation] == given_).all()
            assert (operation == space.group).all(axis=1).any()
            names[configuration_id(space, chosen)].add(orbit)
    assert all(len(orbits) == 1 for orbits in names.values())  # different orbits, different ids
    assert len(names) == len(set().union(*names.values()))  # one orbit, one id


@given(spaces())
@BRUTE
def test_an_id_leads_back_to_its_configuration(space):
    found = enumerate_configurations(space)
    for occupation, name in zip(found.occupations, found.ids(), strict=True):
        assert (canonical(space, occupation)[0] == occupation).all()
        assert (configuration_of(space, name) == occupation).all()


@given(spaces())
@BRUTE
def test_configurations_come_in_the_order_of_the_spec(space):
    found = enumerate_configurations(space)
    contents = space.contents()
    positions = [contents.index(space.content(o)) for o in found.occupations]
    assert positions == sorted(positions)
