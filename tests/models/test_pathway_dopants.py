"""Pathway-dopant descriptors: symmetric, complete, right in a case by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs_for_tests import SALT_WITH_BROMINE

from matbench_defects.crystal.building import build_spaces
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.models.descriptors.pathway import PathwayDopantSettings, pathway_dopants
from matbench_defects.spec.loading import load_spec


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_text(SALT_WITH_BROMINE + "pathway: {species: Na, cutoff: 4.1}\n")
    return build_spaces(load_spec(path))["case"]


@given(seed=st.integers(0, 10**6))
def test_equal_for_equivalent_pathways_and_every_dopant_counts(space, seed):
    generator = np.random.default_rng(seed)
    occupation = np.zeros(space.size, dtype=np.uint8)
    sodium, chlorine = space.ranges
    occupation[sodium] = 1
    occupation[space.kind.points.sites[generator.integers(len(space.kind.points))]] = 2
    occupation[chlorine] = 1
    number = int(generator.integers(0, 4))
    occupation[chlorine.start + generator.permutation(27)[:number]] = 0
    image = np.empty_like(occupation)
    image[space.group[generator.integers(len(space.group))]] = occupation
    found = pathway_dopants(space, np.array([occupation, image]), PathwayDopantSettings())
    assert (found[0] == found[1]).all()
    assert found[0, :10].sum() == found[0, 10:].sum() == number


def test_one_bromine_beside_the_edge(space):
    """The middle of an edge of the cube is 2.83 Å from the four nearest chlorine sites, at right angles."""
    every = enumerate_configurations(space)
    one = [o for o in every.occupations if space.content(o)[1][0] == 1]
    found = pathway_dopants(space, np.array(one), PathwayDopantSettings())
    near = found[:, 2] == 1  # 2.4 to 3.6 Å
    assert near.sum() == 1 and found[near, -1] == 1  # one orbit, in the last bin of angles


def test_structures_are_refused(tmp_path):
    (tmp_path / "spec.yaml").write_text(SALT_WITH_BROMINE)
    space = build_spaces(load_spec(tmp_path / "spec.yaml"))["case"]
    with pytest.raises(InputError, match="holds structures"):
        pathway_dopants(space, np.zeros((1, space.size), dtype=np.uint8), PathwayDopantSettings())
