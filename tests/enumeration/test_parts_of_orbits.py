"""Sublattices that are a part of an orbit of sites: the group is what keeps the part."""

from __future__ import annotations

import math

import numpy as np
import pytest
from agreement import ids_by_every_command
from cases import every_occupation, orbits_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import matbench_defects as md
from matbench_defects.crystal.building import build_spaces
from matbench_defects.enumeration.counting import count_both, count_space
from matbench_defects.errors import InputError

SOURCE = {"source": "a test", "verified": False}
PARENTS = {
    "sheet": ("P-6m2", {"a": 3.19, "c": 14.88}, {"Mo": [0, 0, 0], "S": ["1/3", "2/3", 0.105]}),
    "slab": ("P4/mmm", {"a": 4.0, "c": 20.0}, {"Mo": [0, 0, 0], "S": [0, 0, 0.1]}),
    "layers": ("R-3m", {"a": 2.88, "c": 14.2}, {"Mo": [0, 0, 0], "S": [0, 0, 0.26]}),
    "ring": ("P4/mmm", {"a": 6.0, "c": 4.0}, {"Mo": [0, 0, 0], "S": [0.25, 0.25, "1/2"]}),
}


def spec_of(parent, within, supercell=(2, 2, 1), species=None, **more):
    group, lattice, sites = PARENTS[parent]
    held = {"sites": ["S"], "species": species or {"S": "rest", "vacancy": "0..9"}}
    return {
        "name": "part",
        "version": "1.0.0",
        "title": "A part of an orbit",
        "parent": {"spacegroup": group, "lattice": lattice, "sites": sites, "provenance": SOURCE},
        "supercell": supercell if isinstance(supercell, dict) else list(supercell),
        "sublattices": {"top": {**held, "within": within} if within else held},
        **more,
    }


def only(spec):
    return next(iter(build_spaces(md.load_spec(spec)).values()))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(PARENTS)),
    st.sampled_from("abc"),
    st.floats(-0.5, 1),
    st.floats(0.05, 1),
    st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 2)),
    st.data(),
)
def test_as_by_brute_force(parent, axis, low, wide, supercell, data):
    """The whole orbit's group, of which the operations are kept that carry the part into itself."""
    whole = only(spec_of(parent, None, supercell))
    along = (whole.positions[whole.variable_sites] @ np.linalg.inv(whole.parent.lattice))[:, "abc".index(axis)]
    inside = np.flatnonzero(np.mod(along - low + 1e-6, 1) < wide)
    assume(len(inside) and np.abs(np.mod(along - low + 0.5, 1) - 0.5).min() > 1e-4)
    assume(np.abs(np.mod(along - low - wide + 0.5, 1) - 0.5).min() > 1e-4)
    part = only(spec_of(parent, {axis: [low, low + wide]}, supercell))
    assert part.variable_sites.tolist() == whole.variable_sites[inside].tolist()
    # Operations of the parent, so that all cells are kept alike: those of each orbit of the supercell's group.
    keeps = [row for row in whole.group if set(row[inside].tolist()) == set(inside.tolist())]
    place = {site: i for i, site in enumerate(inside.tolist())}
    expected = {tuple(place[i] for i in row[inside].tolist()) for row in keeps}
    assert {tuple(row.tolist()) for row in part.group} == expected
    content = data.draw(st.sampled_from(part.contents()))
    ((kept, left),) = content
    if math.comb(kept + left, left) <= 2000:
        everything = list(every_occupation(part, content))
        assert count_both(part, content) == (len(everything), len(orbits_of(part, everything)))


def test_one_side_of_a_sheet():
    """Of a hexagonal layer 3x3 with two vacancies on one side: as many as two-site sets of the plane lattice."""
    space = only(spec_of("sheet", {"c": [0, 0.5]}, (3, 3, 1)))
    assert len(space.variable_sites) == 9 and space.parent.kept == (6, 12)
    plane = only(spec_of("sheet", None, (3, 3, 1)))
    assert len(plane.variable_sites) == 18
    numbers = [count_both(space, ((9 - n, n),))[1] for n in range(10)]
    assert numbers[:3] == [1, 1, 2] and numbers == numbers[::-1]  # two vacancies are neighbours or √3 apart


def test_the_primitive_cell_of_a_part():
    """What is primitive depends on which translations keep the part."""
    held = {"S": "rest", "vacancy": "0..1"}
    parts = {"up": {"sites": ["S"], "within": {"c": [0.2, 0.3]}, "species": held}}
    spec = spec_of("layers", None)
    # One of six sites in the given cell: the centring goes, and the primitive cell is that cell.
    one = only({**spec, "sublattices": parts, "cell": "primitive", "supercell": [1, 1, 1]})
    assert len(one.variable_sites) == 1 and one.lattice[2, 2] == pytest.approx(14.2)
    assert len(one.parent.species) == 9 and one.parent.kept == (6, 36)
    whole = {"a": [0, 1]}
    both = only({**spec_of("layers", whole), "cell": "primitive", "supercell": [1, 1, 1]})
    assert len(both.parent.species) == 3 and len(both.variable_sites) == 2 and both.parent.kept is None


@pytest.mark.slow
@pytest.mark.parametrize("supercell", [(2, 2, 1), {"sizes": "1..3", "directions": ["a", "b"]}])
def test_every_command_means_the_same(tmp_path, supercell):
    spec = spec_of("sheet", {"c": [0, 0.5]}, supercell, {"S": "rest", "O": "0..3"})
    ids = ids_by_every_command(spec, tmp_path, {"Mo": 4, "S": -2, "O": -2})
    if not isinstance(supercell, dict):  # else what repeats a smaller cell is counted there
        assert len(ids) == count_space(only(spec))[1]


def test_how_the_group_shrank_is_told():
    told = "part: of the 12 operations of P-6m2 the 6 count that keep the sites of top among themselves"
    assert md.load_spec(spec_of("sheet", {"c": [0, 0.5]})).check() == [told]
    assert md.load_spec(spec_of("sheet", {"c": [0, 1]})).check() == []


@pytest.mark.parametrize(
    ("within", "message"),
    [
        (
            {"c": [0.3, 0.5]},
            "sublattices.top.within: none of its sites lies within c 0.3 to 0.5; they lie at 0.105, 0.895",
        ),
        ({"c": [0.5, 0.5]}, "`within` goes along c from 0.5 up by at most one cell, not to 0.5"),
        ({"c": [0, 1.5]}, "`within` goes along c from 0 up by at most one cell, not to 1.5"),
        ({"z": [0, 0.5]}, "sublattices.top.within.*: input should be 'a', 'b' or 'c'"),
        ({"c": [0]}, "within.c"),
        ({}, "within: .*at least 1 item"),
    ],
)
def test_mistakes(within, message):
    spec = spec_of("sheet", {"c": [0, 0.5]})
    spec["sublattices"]["top"]["within"] = within
    with pytest.raises(InputError, match=message):
        build_spaces(md.load_spec(spec))


def test_a_part_and_the_rest_of_its_orbit():
    spec = spec_of("sheet", {"c": [0, 0.5]})
    held = spec["sublattices"]["top"]
    lower = {**held, "within": {"c": [0.5, 1]}}
    space = only({**spec, "sublattices": {"top": held, "bottom": lower}})
    assert [len(s.sites) for s in space.sublattices] == [4, 4]
    with pytest.raises(InputError, match="shares sites with the sublattice 'top'"):
        only({**spec, "sublattices": {"top": held, "bottom": {**lower, "within": {"c": [0, 1]}}}})
