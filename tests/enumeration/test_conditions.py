"""Conditions during generation leave exactly what they leave of the whole enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cases import space_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matbench_defects.crystal.site_distances import site_distances
from matbench_defects.enumeration.counting import count_all
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.spec.spaces import Conditions

SUBLATTICES = (
    "{A: {sites: [Na], species: {Li: 0..3, vacancy: 0..1, Na: rest}}, B: {sites: [Cl], species: {Br: 0..2, Cl: rest}}}"
)


def independent_distances(space):
    """Distances by looking at 343 images, where a site's own images count and itself does not."""
    sites = space.positions[space.variable_sites]
    images = np.array(list(itertools.product(range(-3, 4), repeat=3))) @ space.lattice
    apart = np.linalg.norm(sites[:, None, None] - sites[None, :, None] + images, axis=-1)
    return np.where(apart < 1e-6, np.inf, apart).min(axis=2)


def fulfils(space, occupation, order, where, apart):
    for structure in space.end_points(occupation):
        species = [s for i, s in enumerate(space.site_species(occupation))]
        names = np.array(
            [s.species[k] for s, r in zip(space.sublattices, space.ranges, strict=True) for k in structure[r]]
        )
        assert len(species) >= len(names)
        for limit in where.distances:
            one, other = (np.flatnonzero(names == s) for s in limit.between)
            for i, j in itertools.product(one, other):
                if i != j and not (
                    apart[i, j] >= limit.at_least - 1e-3 and apart[i, j] <= (limit.at_most or np.inf) + 1e-3
                ):
                    return False
    bounds = where.symmetry_order
    return bounds is None or (bounds.at_least <= order <= (bounds.at_most or order))


LIMITS = st.fixed_dictionaries(
    {"between": st.tuples(*[st.sampled_from(["Li", "vacancy", "Br", "Na", "Cl"])] * 2)},
    optional={"at_least": st.sampled_from([2.0, 3.5, 4.5]), "at_most": st.sampled_from([5.0, 6.5])},
)
ORDERS = st.sampled_from([None, {"at_least": 2}, {"at_most": 2}, {"at_least": 2, "at_most": 4}])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["cubic", "hexagonal", "rectangular", "general"]),
    st.sampled_from(["[2, 2, 1]", "[3, 1, 1]", "[[1, 1, 0], [-1, 1, 0], [0, 0, 2]]", "[4, 1, 1]"]),
    st.lists(LIMITS, max_size=2),
    ORDERS,
    st.booleans(),
    st.data(),
)
def test_conditions_leave_what_they_should(parent, supercell, limits, order, pathways, data):
    more = "pathway: {species: Na, sublattice: A, cutoff: 4.1}" if pathways else ""
    try:
        space = space_of(parent, supercell, SUBLATTICES, more)
    except InputError:  # too small for its edges
        assume(False)
    contents = data.draw(
        st.lists(st.sampled_from([c for c in space.contents() if count_all(space, c) < 3000]), min_size=1, max_size=3)
    )
    where = Conditions.model_validate({"distances": limits, **({"symmetry_order": order} if order else {})})
    apart = independent_distances(space)
    off = ~np.eye(len(apart), dtype=bool)
    assert np.allclose(site_distances(space)[off], apart[off])
    every = enumerate_configurations(space, contents)
    expected = [
        name
        for name, occupation, m in zip(every.ids(), every.occupations, every.multiplicities, strict=True)
        if fulfils(space, occupation, space.operations // m, where, apart)
    ]
    found = enumerate_configurations(space, contents, where)
    assert found.ids() == expected


def test_only_neutral_contents_remain():
    space = space_of("KFeO2", "[1, 1, 1]", "{K: {vacancy: 0..2, K: rest}, Fe: {Ti: 0..2, Fe: rest}}")
    where = Conditions.model_validate({"charges": {"K": 1, "Fe": 3, "Ti": 4, "O": -2}})
    found = enumerate_configurations(space, None, where)
    assert [(p.content[0][0], p.content[1][0]) for p in found.parts] == [(0, 0), (1, 1), (2, 2)]
    with pytest.raises(InputError, match="charge of O"):
        enumerate_configurations(space, None, Conditions.model_validate({"charges": {"K": 1, "Fe": 3, "Ti": 4}}))


def test_a_condition_on_a_species_that_is_not_there():
    space = space_of("LiNiO2", "[1, 1, 1]", "{Li: {Li: 2, vacancy: rest}}")
    with pytest.raises(InputError, match="no sublattice holds Mn"):
        enumerate_configurations(
            space, None, Conditions.model_validate({"distances": [{"between": ["Li", "Mn"], "at_least": 2}]})
        )


def test_dense_search_keeps_distances():
    space = space_of("gamma", "[2, 2, 2]", "{Pb: {Cd: 8, Pb: rest}}")
    where = Conditions.model_validate({"distances": [{"between": ["Cd", "Cd"], "at_least": 6.5}]})
    apart = site_distances(space)
    every = enumerate_configurations(space)
    sites = every.parts[0].placed.astype(int)
    fine = np.ones(sites.shape[1], dtype=bool)
    for i, j in itertools.combinations(range(8), 2):
        fine &= apart[sites[i], sites[j]] >= 6.5
    found = enumerate_configurations(space, None, where)
    assert 0 < fine.sum() < len(every)
    assert (found.parts[0].placed == every.parts[0].placed[:, fine]).all()
    assert (found.multiplicities == every.multiplicities[fine]).all()
