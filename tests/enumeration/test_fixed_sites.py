"""Exclusions and distances to what sits on sites of no sublattice, against brute force and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cases import PARENTS, every_occupation, orbits_of, space_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matbench_defects.crystal.site_distances import site_distances
from matbench_defects.dataset.finding import Finder
from matbench_defects.dataset.validation import validate_spec
from matbench_defects.enumeration.conditions import Checks, exclusions_of
from matbench_defects.enumeration.configurations import Configurations
from matbench_defects.enumeration.counting import count_all
from matbench_defects.enumeration.members import count_members
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample, sample_each_content
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.spaces import Conditions

PARENTS = PARENTS | {
    # L1 and L2 lie 1.5 Å apart.
    "near": """{spacegroup: P4/mmm, lattice: {a: 4.0, c: 3.0}, sites: {L1: {species: Li, position: [0, 0, 0]},
        L2: {species: Li, position: [0, 0, 1/2]}, O: [1/2, 1/2, 1/2]}""",
    "named": """{spacegroup: P4/mmm, lattice: {a: 4.0, c: 3.0}, sites: {L1: {species: Li, position: [0, 0, 0]},
        L2: {species: Na, position: [0, 0, 1/2]}, O: [1/2, 1/2, 1/2]}""",
    "known": """{spacegroup: P4/mmm, lattice: {a: 4.0, c: 3.0}, sites: {L1: {species: Li, position: [0, 0, 0]},
        L2: {species: Li+, position: [0, 0, 1/2]}, O: [1/2, 1/2, 1/2]}""",
    # M1 is 2.83 Å from F, M2 4.12 Å.
    "partly": """{spacegroup: P4/mmm, lattice: {a: 4.0, c: 6.0}, sites: {M1: {species: Li, position: [0, 0, 0]},
        M2: {species: Li, position: [0, 0, 1/2]}, F: {species: Na, position: [1/2, 1/2, 0]}}""",
    "low": """{spacegroup: P1, lattice: {a: 3, b: 4, c: 5, alpha: 80, beta: 95, gamma: 100}, sites: {
        M1: {species: Li, position: [0, 0, 0]}, M2: {species: Li, position: [0.4, 0.1, 0.5]},
        F: {species: Na, position: [0.5, 0.5, 0.1]}, G: {species: Li, position: [0.1, 0.6, 0.45]}}""",
}
ALL_BUT_VACANCIES = "{L1: {Li: 0..2, vacancy: rest}}"


@pytest.fixture(autouse=True)
def parents(monkeypatch):
    monkeypatch.setattr("cases.PARENTS", PARENTS)


def excluding(one, other, closest):
    return f"exclude: [{{between: [{one}, {other}], closer_than: {closest}}}]"


def where(one, other, **bounds):
    return Conditions.model_validate({"distances": [{"between": [one, other], **bounds}]})


@pytest.mark.parametrize(
    ("parent", "one", "other", "closest", "every"),
    [
        ("near", "Li", "Li", 2.0, [1, 0, 0]),
        ("near", "Li", "Li", 1.4, [1, 2, 1]),
        ("named", "Li", "Na", 2.0, [1, 0, 0]),
        ("named", "Na", "Li", 2.0, [1, 0, 0]),
        ("named", "vacancy", "Na", 2.0, [0, 0, 1]),
        ("named", "Na", "Li", 1.4, [1, 2, 1]),
    ],
)
def test_what_is_fixed_excludes_too(parent, one, other, closest, every):
    space = space_of(parent, "[2, 1, 1]", ALL_BUT_VACANCIES, excluding(one, other, closest))
    inequivalent = [min(n, 1) for n in every]
    assert [count_all(space, c) for c in space.contents()] == every
    chain = exclusions_of(space)
    assert [chain.count_all(c) for c in space.contents()] == every
    assert [chain.count_inequivalent(c) for c in space.contents()] == inequivalent
    assert len(enumerate_configurations(space)) == sum(inequivalent)
    free = space_of(parent, "[2, 1, 1]", ALL_BUT_VACANCIES)
    condition = where(one, other, at_least=closest)
    assert [n for n, _ in count_members(free, condition).by_content.values()] == every
    assert enumerate_configurations(free, where=condition).ids() == enumerate_configurations(space).ids()
    for drawn in (sample_each_content(free, 1, 0, where=condition), sample_each_content(space, 1, 0)):
        assert len(drawn) == sum(inequivalent)


def test_an_element_stands_for_its_species():
    sublattices = "{L1: {Li+: 0..2, vacancy: rest}}"
    space = space_of("near", "[2, 1, 1]", sublattices, excluding("Li+", "Li+", 2.0))
    assert [count_all(space, c) for c in space.contents()] == [1, 0, 0]
    space = space_of("named", "[2, 1, 1]", ALL_BUT_VACANCIES.replace("Li", "Li+"), excluding("Li+", "Na", 2.0))
    assert [count_all(space, c) for c in space.contents()] == [1, 0, 0]


def test_at_most_reaches_every_fixed_site():
    """Na of two layers: M1 is in one of them, 6 Å from the other along c, and M2 3 Å from both."""
    space = space_of("partly", "[1, 1, 2]", "{M: {sites: [M1, M2], species: {Li: 1, vacancy: rest}}}")
    far, near = (2 * 2.0**2 + 6.0**2) ** 0.5, (2 * 2.0**2 + 3.0**2) ** 0.5
    found = enumerate_configurations(space, where=where("Li", "Na", at_most=far - 0.1))
    assert found.multiplicities.sum() == 2  # of M2, of which one Na is as near as the other
    assert len(enumerate_configurations(space, where=where("Li", "Na", at_most=far))) == 2
    assert len(enumerate_configurations(space, where=where("Li", "Na", at_most=near - 0.1))) == 0


def placed(space, occupation):
    """What sits on every site of a supercell."""
    return np.array(space.site_species(np.array(occupation, dtype=np.uint8)))


def fits(space, occupation):
    """Whether no two sites of the supercell hold what excludes each other; straight from the words."""
    names = placed(space, occupation)
    fractional = space.positions @ np.linalg.inv(space.lattice)
    from pymatgen.core import Lattice

    apart = Lattice(space.lattice).get_all_distances(fractional, fractional)
    np.fill_diagonal(apart, site_distances(space)[0, 0])
    for one, other, closest in space.exclusions:
        for i, j in itertools.product(np.flatnonzero(names == one), np.flatnonzero(names == other)):
            if apart[i, j] < closest - 1e-4:
                return False
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_as_by_brute_force(data):
    parent = data.draw(st.sampled_from(["partly", "low"]))
    supercell = data.draw(st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 2)).map(list))
    pairs = [("Li", "Na"), ("K", "Na"), ("Li", "Li"), ("K", "Li"), ("Na", "vacancy"), ("K", "K")]
    rules = data.draw(st.lists(st.tuples(st.sampled_from(pairs), st.floats(2.0, 5.5)), min_size=1, max_size=3))
    more = "exclude: [" + ", ".join(f"{{between: [{a}, {b}], closer_than: {r}}}" for (a, b), r in rules) + "]"
    try:
        space = space_of(
            parent, str(supercell), "{M: {sites: [M1, M2], species: {Li: 0..3, K: 0..2, vacancy: rest}}}", more
        )
    except InputError as error:  # by what is fixed alone
        assert "leaves no configuration" in error.message and parent == "low"
        return
    content = data.draw(st.sampled_from(space.contents()))
    everything = list(every_occupation(space, content))
    assume(len(everything) <= 3000)
    left = [o for o in everything if fits(space, o)]
    expected = orbits_of(space, left)
    assert count_all(space, content) == len(left)
    chain = exclusions_of(space)
    assert (chain.count_all(content), chain.count_inequivalent(content)) == (len(left), len(expected))
    found = enumerate_configurations(space, [content])
    assert len(found) == len(expected) and found.multiplicities.sum() == len(left)
    assert set(map(tuple, found.occupations.tolist())) <= set(left)
    checks = Checks.of(space, None)
    assert {o for o in everything if not checks.refused(np.array(o, dtype=np.uint8), 1)} == set(left)
    if left:
        drawn = sample(space, len(expected), 0, contents=[content])
        assert isinstance(drawn, Configurations) and drawn.ids() == found.ids()


def test_draws_keep_away_from_what_is_fixed():
    """No enumeration: by the chain, in a space of 10^20; M1 never holds Li."""
    sublattices = "{M: {sites: [M1, M2], species: {Li: 20, vacancy: rest}}}"
    space = space_of("partly", "[6, 6, 2]", sublattices, excluding("Li", "Na", 3.0))
    for weighting in ("uniform", "by-multiplicity"):
        drawn = sample(space, 20, 0, weighting)
        labels = np.array(space.parent.labels)[space.variable_sites // len(space.cells.offsets)]
        assert not (drawn.occupations[:, labels == "M1"] == 0).any()
        assert ((drawn.occupations == 0).sum(axis=1) == 20).all()


def test_a_structure_beside_what_is_fixed_is_not_meant(tmp_path):
    text = f"""
name: case
version: 1.0.0
title: A case
parent: {PARENTS["named"]}, provenance: {{source: a test}}}}
supercell: [2, 1, 1]
sublattices: {ALL_BUT_VACANCIES}
"""
    (tmp_path / "spec.yaml").write_text(text)
    free = Finder(load_spec(tmp_path / "spec.yaml"))
    (tmp_path / "spec.yaml").write_text(text + excluding("Li", "Na", 2.0))
    bound = Finder(load_spec(tmp_path / "spec.yaml"))
    for one in enumerate_configurations(free.spaces["case"]):
        found = bound.find(one.crystal)
        if "Li" in one.id:
            assert found.id is None
            assert "its Li is nearer to Na on sites of no sublattice than `exclude` allows" in found.reason
        else:
            assert found.id == one.id


@pytest.mark.parametrize(
    ("one", "other", "closest", "message"),
    [
        ("Na", "Na", 3.2, "no sublattice holds Na, so nothing varies"),
        ("Na", "O", 3.2, "no sublattice holds Na or O, so nothing varies"),
        ("K", "Li", 3.2, "no sublattice holds K"),
    ],
)
def test_exclusions_of_what_does_not_vary_are_refused(one, other, closest, message):
    with pytest.raises(InputError, match=message):
        space_of("named", "[2, 1, 1]", ALL_BUT_VACANCIES, excluding(one, other, closest))
    free = space_of("named", "[2, 1, 1]", ALL_BUT_VACANCIES)
    with pytest.raises(InputError, match=message):
        Checks.of(free, where(one, other, at_least=closest))


def test_what_is_fixed_may_not_break_it_alone():
    with pytest.raises(InputError, match=r"leaves no configuration: Li and Li on sites of no sublattice.*3\.00 Å"):
        space_of("near", "[2, 1, 1]", ALL_BUT_VACANCIES, excluding("Li", "Li", 3.1))
    free = space_of("near", "[2, 1, 2]", ALL_BUT_VACANCIES.replace("2", "4"))
    with pytest.raises(InputError, match=r"no configuration fulfils `where`: Li and Li on sites of no sublattice"):
        Checks.of(free, where("Li", "Li", at_least=3.1))


def test_exchanged_species_keep_one_distance_to_what_is_fixed():
    sublattices = "{L1: {Li: 0..2, K: 0..2, vacancy: rest}}"
    space = space_of("named", "[2, 1, 1]", sublattices, "exchange: [Li, K]")
    both = Conditions.model_validate(
        {"distances": [{"between": ["Li", "Na"], "at_least": 2}, {"between": ["K", "Na"], "at_least": 2}]}
    )
    assert [len(enumerate_configurations(space, where=w)) > 1 for w in (both, None)] == [False, True]
    with pytest.raises(InputError, match="Li and K are exchanged"):
        Checks.of(space, where("Li", "Na", at_least=2.0))


def test_an_exclusion_of_nothing_is_noted(tmp_path):
    text = f"""
name: case
version: 1.0.0
title: A case
parent: {PARENTS["named"]}, provenance: {{source: a test}}}}
supercell: [2, 1, 1]
sublattices: {ALL_BUT_VACANCIES}
"""
    path = tmp_path / "spec.yaml"
    for one, other, closest, nearest in [
        ("Li", "Li", 2.5, "3.00"),
        ("Li", "vacancy", 2.5, "4.00"),
        ("Na", "Li", 1.4, "1.50"),
        ("Na", "Li", 1.6, ""),
        ("Li", "vacancy", 4.5, ""),
    ]:
        path.write_text(text + excluding(one, other, closest))
        notes = validate_spec(load_spec(path)).notes
        said = f"case: `exclude` of {one} and {other} closer than {closest} Å excludes nothing: of sites that can hold "
        assert notes == ([f"{said}them the nearest are {nearest} Å apart"] if nearest else [])
