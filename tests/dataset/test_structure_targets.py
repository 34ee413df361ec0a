"""Targets of relaxed structures: volume, axes, moments, differences of phases."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from target_cases import domain_of, labelled_of, outcome_of, quantity_of, rotation

from matbench_defects.crystal.axes import axis_lengths, equivalent_axes
from matbench_defects.dataset.targets import Labelled
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Band

LAYERS = """
parent:
  spacegroup: R-3m
  lattice: {a: 2.9, c: 14.2}
  sites: {Li: [0, 0, 0], Ni: [0, 0, 1/2], O: [0, 0, 0.26]}
  provenance: {source: a test}
supercell: [2, 1, 1]
sublattices: {Li: {Li: [0, 6], vacancy: rest}}
"""
BOX = """
parent: {spacegroup: Pmmm, lattice: {a: 3, b: 4, c: 5}, sites: {K: [0, 0, 0]}, provenance: {source: a test}}
supercell: [[1, 1, 0], [0, 2, 0], [0, 0, 1]]
sublattices: {K: {K: rest, vacancy: 0..1}}
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    return domain_of(tmp_path_factory.mktemp("layers"), LAYERS)


def test_axes_that_symmetry_makes_equal(layers, tmp_path):
    (space,) = layers.spaces.values()
    assert equivalent_axes(space, 0).tolist() == [[1, 1, 0], [1, 0, 0], [0, 1, 0]]
    assert equivalent_axes(space, 2).tolist() == [[0, 0, 1]]
    (box,) = domain_of(tmp_path, BOX).spaces.values()
    assert [axis_lengths(box, box.lattice, k).tolist() for k in range(3)] == [[3.0], [4.0], [5.0]]


@given(seed=st.integers(0, 1000), strain=st.tuples(*[st.floats(-0.05, 0.05)] * 3))
def test_lengths_do_not_depend_on_how_the_cell_lies(layers, seed, strain):
    (space,) = layers.spaces.values()
    relaxed = space.lattice @ np.diag(1 + np.array(strain))
    turned = relaxed @ rotation(seed)
    for axis in range(3):
        np.testing.assert_allclose(axis_lengths(space, turned, axis), axis_lengths(space, relaxed, axis), atol=1e-9)
    np.testing.assert_allclose(axis_lengths(space, turned, 2), 14.2 * (1 + strain[2]), atol=1e-9)


@given(operation=st.integers(0, 35), strain=st.lists(st.floats(-0.05, 0.05), min_size=9, max_size=9))
def test_equivalent_configurations_have_the_same_mean_axis(layers, operation, strain):
    """The image of a relaxed cell under an operation of the parent is the cell of an equivalent configuration."""
    (space,) = layers.spaces.values()
    deformed = space.parent.lattice @ (np.eye(3) + np.array(strain).reshape(3, 3))
    rotations = space.parent.rotations
    image = rotations[operation % len(rotations)].T @ deformed
    for axis in range(3):
        one, other = (axis_lengths(space, space.cells.rows @ lattice, axis) for lattice in (deformed, image))
        assert one.mean() == pytest.approx(other.mean())


def test_volume_and_axes_by_hand(layers):
    strain = np.diag([1.01, 1.01, 0.97])
    labelled = labelled_of(layers, lambda c, i: 0.0, strain=strain)
    computed, quantity = quantity_of("volume", {"unit": "Å³", "per": "formula_unit"}, layers)
    assert (quantity.unit, quantity.per) == ("Å³", "formula unit")
    cell = 2.9**2 * np.sqrt(3) / 2 * 14.2
    assert computed.values(labelled) == [pytest.approx(cell * 1.01**2 * 0.97 / 3)] * 2
    for axis, length in (("a", 2.9 * 1.01), ("b", 2.9 * 1.01), ("c", 14.2 * 0.97)):
        computed, quantity = quantity_of("lattice_parameter", {"unit": "Å", "axis": axis}, layers)
        assert quantity.unit == "Å"
        assert computed.values(labelled) == [pytest.approx(length)] * 2


def test_changes_refer_to_the_end_member(layers):
    labelled = labelled_of(layers, lambda c, i: 0.0)
    (swollen,) = (r for r in labelled.rows if r.content == ((0, 6),))
    outcome = outcome_of(swollen.outcome.crystal, 0.0, strain=np.diag([1, 1, 1.1]))
    object.__setattr__(swollen.label, "outcome", outcome)
    for kind, more in (("volume", {}), ("lattice_parameter", {"axis": "c"})):
        settings = {"unit": "%", "relative_to": {"Li": 6}, **more}
        computed, quantity = quantity_of(kind, settings, layers)
        assert quantity.reference == "LiNiO2, lowest of its content, by by_hand"
        found = {row.content: value for row, value in zip(labelled.rows, computed.values(labelled), strict=True)}
        assert found == {((6, 0),): 0, ((0, 6),): pytest.approx(10)}


@pytest.mark.parametrize(
    "settings",
    [
        {"unit": "%"},
        {"unit": "Å³"},
        {"unit": "Å³", "per": "cell", "relative_to": "host"},
        {"unit": "nm³", "per": "cell"},
    ],
)
def test_a_volume_with_half_a_reference_is_refused(layers, settings):
    with pytest.raises(ValidationError):
        quantity_of("volume", settings, layers)


def test_moments_are_summed_without_sign(layers):
    computed, _ = quantity_of("magnetic_moment", {"unit": "μB", "per": "formula_unit"}, layers)
    with pytest.raises(InputError, match="holds no magnetic moments"):
        computed.values(labelled_of(layers, lambda c, i: 0.0))
    (full,) = (r for r in labelled_of(layers, lambda c, i: 0.0).rows if r.content == ((6, 0),))
    moments = np.array([0.5, -0.5] * 12)
    object.__setattr__(full.label, "outcome", outcome_of(full.outcome.crystal, 0.0, moments=moments))
    assert computed.values(Labelled([full])) == [pytest.approx(2.0)]


PHASES = """
spaces:
  black: {groups: {phase: black, dopant: Cd}, sublattices: {Pb: {Cd: 0..2, Pb: rest}}, supercell: [2, 2, 1]}
  yellow: {groups: {phase: yellow, dopant: Cd}, sublattices: {Pb: {Cd: 0..1, Pb: rest}}, supercell: [4, 1, 1]}
parent: {spacegroup: Pm-3m, lattice: {a: 3}, sites: {Pb: [0, 0, 0]}, provenance: {source: a test}}
"""


def test_phases_are_compared_at_the_same_content(tmp_path):
    domain = domain_of(tmp_path, PHASES)
    settings = {"unit": "eV", "phases": ["black", "yellow"]}
    computed, quantity = quantity_of("phase_difference", settings, domain)
    assert quantity.per == "atom"
    labelled = labelled_of(domain, lambda c, i: -10.0 - 0.4 * i)
    found = computed.values(labelled)
    for row, value in zip(labelled.rows, found, strict=True):
        same = [r for r in labelled.rows if r.content == row.content]
        lowest = {
            p: min((r.outcome.energy for r in same if r.space.name == p), default=None) for p in ("black", "yellow")
        }
        if None in lowest.values():
            assert value is None
        else:
            assert value == pytest.approx((lowest["black"] - lowest["yellow"]) / 4)
    assert None in found
    with pytest.raises(InputError, match="no space has phase red; known: black, yellow"):
        quantity_of("phase_difference", settings | {"phases": ["black", "red"]}, domain)


HOPS = """
parent: {spacegroup: Pm-3m, lattice: {a: 3}, sites: {K: [0, 0, 0]}, provenance: {source: a test}}
supercell: [3, 3, 3]
pathway: {species: K, cutoff: 3.2}
sublattices: {K: {K: rest, vacancy: 1}}
"""


def test_barriers_refer_to_an_end_that_both_directions_agree_on(tmp_path, layers):
    domain = domain_of(tmp_path, HOPS)
    labelled = labelled_of(domain, lambda c, i: 0.0)
    energies = np.array([-10.0, -9.5, -9.2, -9.6, -9.7])
    for path in (energies, energies[::-1]):
        for row in labelled.rows:
            band = Band(path, row.outcome.crystal.positions, row.outcome.crystal.positions, 0)
            object.__setattr__(row.label, "outcome", dataclasses.replace(row.outcome, band=band))
        for above, expected in (("lower", 0.8), ("higher", 0.5), ("mean", 0.65)):
            computed, quantity = quantity_of("migration_barrier", {"unit": "eV", "above": above}, domain)
            assert quantity.per == "hop"
            assert computed.values(labelled) == [pytest.approx(expected)] * len(labelled.rows)
    with pytest.raises(InputError, match="holds structures"):
        quantity_of("migration_barrier", {"unit": "eV"}, layers)
    with pytest.raises(InputError, match="holds no energies along a pathway"):
        computed.values(labelled_of(domain, lambda c, i: 0.0))
