"""Supercells of the primitive cell of a parent that is given in a centred one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from agreement import ids_by_every_command
from hypothesis import given, settings
from hypothesis import strategies as st

import matbench_defects as md
from matbench_defects.crystal.axes import axis_lengths, equivalent_axes
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.shapes import hermite_normal_form, primitive
from matbench_defects.enumeration.counting import count_space
from matbench_defects.errors import InputError

SOURCE = {"source": "a test", "verified": False}
GROUPS = {
    "A": ("Amm2", {"a": 3, "b": 5, "c": 6}),
    "B": ("B2mm", {"a": 3, "b": 5, "c": 6}),
    "C": ("Cmmm", {"a": 3, "b": 5, "c": 6}),
    "I": ("I4/mmm", {"a": 3, "c": 7}),
    "F": ("F-43m", {"a": 5.6}),
    "R": ("R-3m", {"a": 2.88, "c": 14.2}),
    "P": ("P4/mmm", {"a": 3, "c": 7}),
}


def spec_of(group, supercell, content="0..6", **more):
    name, lattice = GROUPS[group]
    return {
        "name": "alloy",
        "version": "1.0.0",
        "title": "An alloy",
        "parent": {"spacegroup": name, "lattice": lattice, "sites": {"Cu": [0, 0, 0]}, "provenance": SOURCE},
        "supercell": supercell,
        "sublattices": {"Cu": {"Au": content, "Cu": "rest"}},
        **more,
    }


def only(spec):
    return md.load_spec(spec).space().space


def by_brute_force(space):
    """Colourings that no operation of the crystal makes equal, from positions alone."""
    parent, lattice = space.parent, space.lattice
    sites = space.positions
    cells = np.array(list(itertools.product(range(-3, 4), repeat=3)))
    actions = set()
    for rotation, translation in zip(parent.rotations, parent.translations, strict=True):
        turned = space.cells.rows @ rotation.T @ parent.lattice @ np.linalg.inv(lattice)
        if np.abs(turned - np.round(turned)).max() > 1e-6:
            continue
        for cell in cells:
            images = (sites @ np.linalg.inv(parent.lattice) @ rotation.T + translation + cell) @ parent.lattice
            apart = (images[:, None] - sites[None]) @ np.linalg.inv(lattice)
            apart -= np.round(apart)
            actions.add(tuple(np.linalg.norm(apart @ lattice, axis=2).argmin(axis=1).tolist()))
    left = set(itertools.product((0, 1), repeat=len(sites)))
    orbits = 0
    while left:
        one = next(iter(left))
        left -= {tuple(one[i] for i in action) for action in actions}
        orbits += 1
    return orbits


@pytest.mark.parametrize("group", list(GROUPS))
def test_the_usual_vectors_are_those_of_spglib(group):
    import spglib

    given = only(spec_of(group, [1, 1, 1])).parent
    found = primitive(given, usual=True)
    assert np.linalg.det(found.lattice) > 0 and np.allclose(found.axes @ found.lattice, given.lattice)
    assert len(found.rotations) * len(given.species) == len(given.rotations) * len(found.species)
    if group not in "AB":  # of which spglib finds another setting
        cell = (given.lattice, given.positions, [1] * len(given.species))
        expected = spglib.standardize_cell(cell, to_primitive=True, no_idealize=True, symprec=1e-5)[0]
        assert np.allclose(found.lattice, expected)
    # Sizes of supercells take the same lattice, by its normal form.
    other = primitive(given)
    whole = np.round(found.lattice @ np.linalg.inv(other.lattice)).astype(int)
    assert np.allclose(whole @ other.lattice, found.lattice) and (hermite_normal_form(whole) == np.eye(3)).all()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from("ABCIFRP"), st.lists(st.integers(-2, 2), min_size=9, max_size=9))
def test_counts_by_brute_force(group, numbers):
    rows = np.array(numbers).reshape(3, 3)
    size = abs(round(np.linalg.det(rows)))
    if not 1 <= size <= 6:
        return
    space = only(spec_of(group, rows.tolist(), cell="primitive"))
    assert len(space.host_species) == size
    assert count_space(space)[1] == by_brute_force(space)


def test_as_the_same_supercell_of_the_cell_that_is_given():
    """Four primitive cells of a face-centred crystal, combined to its conventional cell."""
    rows = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]
    one, other = only(spec_of("F", rows, cell="primitive")), only(spec_of("F", [1, 1, 1]))
    assert np.allclose(one.lattice, other.lattice) and one.operations == other.operations
    assert [count_space(s) for s in (one, other)] == [(2**4, 5)] * 2


@pytest.mark.slow
def test_every_command_means_the_same(tmp_path):
    spec = spec_of("F", [2, 2, 1], cell="primitive")
    assert len(ids_by_every_command(spec, tmp_path, {"Cu": 1, "Au": 2})) == count_space(only(spec))[1]
    told = "alloy: the primitive cell, of which `supercell` speaks, is b/2 + c/2, a/2 + c/2, a/2 + b/2"
    assert told in md.load_spec(spec).check()


def test_nothing_to_reduce_is_told():
    told = "alloy: the parent's cell is primitive as it is given, so `cell: primitive` changes nothing"
    assert told in md.load_spec(spec_of("P", [2, 1, 1], cell="primitive")).check()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("conventional", "cell: 'primitive' was expected, not 'conventional': left out, the parent's cell counts"),
        ("primitve", "cell: input should be 'primitive', not 'primitve'"),
    ],
)
def test_another_cell_is_refused(value, message):
    with pytest.raises(InputError, match=message):
        md.load_spec(spec_of("F", [1, 1, 1], cell=value))


def test_axes_stay_those_of_the_cell_that_is_given():
    """The c of a rhombohedral crystal is that of its hexagonal cell, whatever supercells are made of."""
    for more in ({"supercell": [2, 2, 2], "cell": "primitive"}, {"supercell": {"sizes": 2}}, {"supercell": [1, 1, 1]}):
        for space in build_spaces(md.load_spec({**spec_of("R", [1, 1, 1]), **more})).values():
            assert [len(equivalent_axes(space, axis)) for axis in range(3)] == [3, 3, 1]
            for axis, length in enumerate((2.88, 2.88, 14.2)):
                assert np.allclose(axis_lengths(space, space.lattice, axis), length)
