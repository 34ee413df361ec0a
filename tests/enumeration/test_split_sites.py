"""Sites nearer to each other than atoms are, which exclude each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from agreement import ids_by_every_command
from cases import every_occupation, orbits_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import matbench_defects as md
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.site_distances import site_distances
from matbench_defects.enumeration.counting import count_all, count_inequivalent
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError

SOURCE = {"source": "a test", "verified": False}


def split(apart=0.5, supercell=(2, 1, 1), held=None, exclude=(("Li", "Li"),), radius=1.0, three=False):
    """Lithium on two sites on either side of a point, or three around it."""
    if three:
        group, lattice = "P-62m", {"a": 4.0, "c": 5.0}
        sites = {"Li": [apart / 3**0.5 / 4.0, 0, 0], "F": ["1/3", "2/3", 0.5]}
    else:
        group, lattice = "P4/mmm", {"a": 4.0, "c": 5.0}
        sites = {"Li": [0, 0, apart / 10], "F": ["1/2", "1/2", 0.5]}
    return {
        "name": "split",
        "version": "1.0.0",
        "title": "Split sites",
        "parent": {"spacegroup": group, "lattice": lattice, "sites": sites, "provenance": SOURCE},
        "supercell": list(supercell),
        "exclude": [{"between": list(pair), "closer_than": radius} for pair in exclude],
        "sublattices": {"Li": held or {"Li": "0..9", "vacancy": "rest"}},
    }


def of_a_pair(space, occupation):
    """Whether two atoms sit nearer to each other than one ångström."""
    apart = site_distances(space)
    species = space.sublattices[0].species
    filled = [i for i, k in enumerate(occupation) if species[k] != "vacancy"]
    return any(apart[i, j] < 0.99 for i, j in itertools.combinations(filled, 2))


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.11, 0.69),
    st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 2)),
    st.booleans(),
    st.booleans(),
    st.data(),
)
def test_as_by_brute_force(apart, supercell, three, mixed, data):
    held = {"Li": "0..4", "Na": "0..2", "vacancy": "rest"} if mixed else None
    pairs = [("Li", "Li"), ("Li", "Na"), ("Na", "Na")] if mixed else [("Li", "Li")]
    (space,) = build_spaces(md.load_spec(split(apart, supercell, held, pairs, three=three))).values()
    content = data.draw(st.sampled_from(space.contents()))
    everything = list(every_occupation(space, content))
    assume(len(everything) <= 2000)
    left = [o for o in everything if not of_a_pair(space, o)]
    expected = orbits_of(space, left)
    assert (count_all(space, content), count_inequivalent(space, content)) == (len(left), len(expected))
    found = enumerate_configurations(space, [content])
    assert len(found) == len(expected) and set(map(tuple, found.occupations.tolist())) <= set(left)


@pytest.mark.slow
@pytest.mark.parametrize("three", [False, True])
def test_every_command_means_the_same(tmp_path, three):
    assert ids_by_every_command(split(three=three), tmp_path, {"Li": 1, "F": -1})


@pytest.mark.parametrize("apart", [0.15, 0.3, 0.5, 0.69])
def test_an_atom_is_on_the_site_that_is_nearer(apart):
    spec = md.load_spec(split(apart, (2, 2, 1)))
    generator = np.random.default_rng(0)
    for one in spec.space().enumerate():
        atoms = one.to_ase()
        atoms.positions += generator.normal(0, apart / 40, atoms.positions.shape)
        assert spec.identify(atoms).id == one.id
    # Halfway between its two sites an atom is on neither, be they however near.
    four = [one for one in spec.space().enumerate() if one.content == ((4, 4),)]  # the fluorine fixes the origin
    assert len(four) > 1
    for one in four:
        atoms = one.to_ase()
        atom = next(a for a in atoms if a.symbol == "Li")
        atom.position[2] += 0.45 * apart * (1 if atom.position[2] > 2.5 else -1)
        found = spec.identify(atoms)
        assert found.id is None and len(found.candidates) > 1


def test_two_atoms_on_one_split_site_are_no_configuration():
    spec = md.load_spec(split())
    atoms = next(one for one in spec.space().enumerate() if one.content == ((1, 3),)).to_ase()
    (li,) = [a for a in atoms if a.symbol == "Li"]
    both = atoms.copy()
    other = li.position * [1, 1, -1]
    both.append("Li")
    both.positions[-1] = other
    found = spec.identify(both)
    assert found.id is None and "nearer" in found.reason


def test_split_sites_are_told():
    assert md.load_spec(split()).check() == [
        "split: sites of Li are split, 0.50 Å apart: of two of them one at most has an atom"
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (split(exclude=()), r"parent: two atoms are 0.50 Å apart \(Li and another site of that name\)"),
        (split(radius=0.4), r"exclude: Li and Li have sites 0.50 Å apart.* add {between: \[Li, Li\], closer_than: 1}"),
        (
            split(held={"Li": "0..2", "Na": "0..2", "vacancy": "rest"}),
            r"exclude: Li and Li have sites 0.50 Å apart.* add {between: \[Li, Na\], closer_than: 1}",
        ),
        (split(0.05), r"parent: two atoms are 0.05 Å apart"),
        (
            {**split(), "sublattices": {"F": {"F": 2}}, "exclude": [{"between": ["F", "F"], "closer_than": 1}]},
            "parent: two atoms are 0.50 Å apart",
        ),
    ],
)
def test_what_does_not_exclude_each_other_is_refused(spec, message):
    with pytest.raises(InputError, match=message):
        build_spaces(md.load_spec(spec))
