"""Models of a dataset with oxidation states: elements for all descriptors but those that take charges or contents."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from specs_for_charges import LNMO

import matbench_defects as md
from matbench_defects.crystal.charge_blind import blind_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.models.descriptors.descriptor import descriptors
from matbench_defects.models.rows import Background, Rows

MORE = """
configurations: {where: {charges: neutral, symmetry_order: {at_least: 2}}}
labels: [{engine: ewald, background: true, charges: {Li: 0}}]
reference_phases:
  Li: {spacegroup: Im-3m, lattice: {a: 3.44}, sites: {Li: [0, 0, 0]}, provenance: {source: made up for a test}}
targets:
  energy: {quantity: formation_energy, unit: eV, per: formula_unit, end_members: [{Li+: 6}], references: [Li]}
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("charges")
    text = LNMO.replace("configurations: {where: {charges: neutral}}\n", "") + MORE
    (folder / "spec.yaml").write_text(text)
    dataset = md.build(md.load_spec(folder / "spec.yaml"), folder / "data")
    assert dataset.structures["energy"].null_count == 0
    return Rows.of(dataset.structures, Background.of(dataset, "energy"))


def shared(rows):
    """Return the places of rows that differ in oxidation states alone."""
    found = defaultdict(list)
    for name, space in rows.background.spaces.items():
        for place, occupation in zip(*rows.occupations(name), strict=True):
            found[blind_of(Configuration(space, occupation)).id].append(int(place))
    return [places for places in found.values() if len(places) > 1]


@pytest.mark.parametrize("name", ["ewald", "magpie", "soap", "defect", "defect-properties", "minimum-distances"])
def test_descriptors_see_elements_unless_they_take_states(rows, name):
    kind = descriptors.get(name)
    descriptor = kind(kind.Settings())
    descriptor.learn(rows)
    features = descriptor.features(rows)
    assert len(features) == len(rows) and np.isfinite(features).all()
    same = [np.allclose(features[places], features[places[0]], atol=1e-6) for places in shared(rows)]
    assert same
    if name == "ewald":
        assert not all(same)
    elif not name.startswith("defect"):  # nickel in another state than the host's is a site that differs
        assert all(same)
