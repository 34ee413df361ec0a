"""A configuration: what follows from an occupation, the same for all that symmetry makes equal."""

import doctest
import pickle

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from matbench_defects.crystal import configuration
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import configuration_id, configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.symmetry import site_permutations
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

NAMES = ("lno-cathode", "2dmd-low", "kfeo2-ti-pathways")
SPACES = {name: next(iter(build_spaces(load_spec(name)).values())) for name in NAMES}


def test_the_example_runs():
    assert doctest.testmod(configuration).failed == 0


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_equivalent_occupations_are_one_configuration(name, seed):
    space = SPACES[name]
    (drawn,) = sample(space, 1, seed)
    operation = space.group[np.random.default_rng(seed).integers(len(space.group))]
    image = Configuration(space, drawn.occupation[operation])
    assert image == drawn and hash(image) == hash(drawn) and len({image, drawn}) == 1
    assert (image.id, image.multiplicity, image.content) == (drawn.id, drawn.multiplicity, drawn.content)
    everything = site_permutations(space.parent, space.cells)
    species = np.array(space.site_species(image.occupation))
    assert space.kind.points.blocks or image.symmetry_order == (species[everything] == species).all(axis=1).sum()
    assert image.stabiliser_order * image.multiplicity == len(space.group)
    assert image.stabiliser_order == (image.occupation[space.group] == image.occupation).all(axis=1).sum()
    assert image.count("atom") == drawn.count("atom")
    assert np.array_equal(image.canonical_occupation, configuration_of(space, drawn.id))


def test_operations_that_move_no_variable_site_count_among_those_that_keep_a_configuration():
    """L1_0 is tetragonal: 16 operations, though in its cell of two sites each of them only keeps or swaps the two."""
    ordered = """
        name: mine
        version: 1.0.0
        title: L1_0
        parent:
          {provenance: {source: made up}, lattice: {a: 4.0}, spacegroup: Fm-3m, sites: {Au: [0, 0, 0]}}
        supercell: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        sublattices: {Au: {species: {Cu: 2, Au: 2}}}
        rules: RULES
    """
    counted = {}
    for rules in (1, 2):
        (space,) = build_spaces(load_spec(yaml.safe_load(ordered.replace("RULES", str(rules))))).values()
        (one,) = enumerate_configurations(space, [((2, 2),)])
        counted[rules] = (one.multiplicity, one.symmetry_order)
    assert counted == {1: (6, 4), 2: (6, 32)}  # of 24 and of 192, 4 of them translations: 16 and the centring


@pytest.mark.parametrize("name", NAMES)
def test_each_atom_sits_on_its_site(name):
    space = SPACES[name]
    for one in sample(space, 5, seed=1):
        species, positions, sites = one.atoms()
        held = dict(zip(sites.tolist(), species, strict=True))
        assert [held.get(i, "vacancy") for i in range(len(space.positions))] == list(one.site_species)
        assert np.array_equal(positions, space.positions[sites])
        assert one.count("atom") == len(sites) == len(one.to_ase()) == len(one.to_pymatgen())
        changed = [
            i for i, (now, then) in enumerate(zip(one.site_species, space.host_species, strict=True)) if now != then
        ]
        assert one.different_sites.tolist() == changed and one.count("defect site") == len(changed)


def test_enumerations_hand_over_what_they_know():
    space = SPACES["lno-cathode"]
    every = enumerate_configurations(space)
    rows = list(every)
    assert [row.id for row in rows] == every.ids() == [configuration_id(space, row.occupation) for row in rows]
    assert [row.multiplicity for row in rows] == every.multiplicities.tolist()
    assert np.array_equal([row.occupation for row in rows], every.occupations)
    for row in rows:
        assert row.content == space.content(row.occupation)
        fresh = Configuration(space, row.occupation)
        assert (fresh.id, fresh.multiplicity) == (row.id, row.multiplicity)
    assert [every[i].id for i in range(len(every))] == every.ids()
    assert every[-1].id == every.ids()[-1]
    for outside in (len(every), -len(every) - 1):
        with pytest.raises(IndexError):
            every[outside]


def test_configurations_of_other_spaces_differ():
    one = next(iter(enumerate_configurations(SPACES["lno-cathode"])))
    again = build_spaces(load_spec("lno-cathode"))["lno-cathode"]
    assert one == Configuration(again, one.occupation)
    assert one != next(iter(sample(SPACES["2dmd-low"], 1, 0)))
    assert one != one.id
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == f"<Configuration {one.id}, {one.multiplicity} equivalent>"


def test_nobody_changes_an_occupation_and_its_type_does_not_matter():
    space = SPACES["lno-cathode"]
    one = Configuration(space, np.array([1, 1] + [0] * 10, dtype=np.uint8))
    same = Configuration(space, np.array([1, 1] + [0] * 10))
    assert one == same and hash(one) == hash(same) and len({one, same}) == 1
    with pytest.raises(ValueError, match="read-only"):
        one.occupation[0] = 0
    for wrong in (np.array([1.0, 0.0]), np.array([-1, 0]), np.array([300, 0])):
        with pytest.raises(InputError, match="small integers"):
            Configuration(space, wrong)


@pytest.mark.parametrize("rank", ["04f", "z" * 5000, "", "4F", "4g"])
def test_one_configuration_has_one_id(rank):
    assert Configuration(SPACES["lno-cathode"], configuration_of(SPACES["lno-cathode"], "lno-cathode:Li6Va6:4f"))
    with pytest.raises(InputError, match="is not the id of a configuration"):
        configuration_of(SPACES["lno-cathode"], f"lno-cathode:Li6Va6:{rank}")
