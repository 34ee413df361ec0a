"""Free energies from the whole partition function, against a direct sum over every arrangement."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from specs_for_tests import ALLOY

from matbench_defects.columns import BOLTZMANN, Quantity
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.check import check_spec
from matbench_defects.dataset.plan import plan
from matbench_defects.dataset.thermodynamics import free_energies
from matbench_defects.errors import InputError
from matbench_defects.labels.engines.ewald import ewald_energy
from matbench_defects.spec.loading import load_spec

MORE = """
reference_phases:
  Cu: {spacegroup: Fm-3m, lattice: {a: 3.6}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
  Au: {spacegroup: Fm-3m, lattice: {a: 4.1}, sites: {Au: [0, 0, 0]}, provenance: {source: a test}}
thermodynamics: {temperatures: [0, 300, 1200]}
targets: {formation_energy: {unit: eV, per: atom, references: [Cu, Au]}}
splits: {random: {train: 0.5, test: 0.5}}
"""


def alloy(folder, selection="{select: all}", more=MORE, supercell="[2, 1, 1]", content="0..8"):
    text = ALLOY.replace("SUPERCELL", supercell).replace("CONTENT", content).replace("SELECTION", selection)
    path = folder / "spec.yaml"
    path.write_text(text.replace("{Cu: 1, Au: 1}", "{Cu: 1, Au: 1.3}") + more)
    return path


def test_they_equal_a_direct_sum_over_every_arrangement(tmp_path):
    spec = load_spec(alloy(tmp_path))
    built = build_dataset(spec, tmp_path / "out")
    table = pq.read_table(built.folder / "data" / "free_energies" / "full.parquet")
    (space,) = build_spaces(spec).values()
    energies: dict[str, list[float]] = {}
    for occupation in itertools.product(range(2), repeat=space.size):  # 256 arrangements, no symmetry used
        one = Configuration(space, np.array(occupation, dtype=np.uint8))
        energy, _ = ewald_energy(one.crystal, {"Cu": 1, "Au": 1.3}, background=True)
        energies.setdefault(space.content_name(one.content), []).append(energy)
    assert len(table) == 3 * len(energies) == 27
    for row in table.to_pylist():
        every = np.array(energies[row["content"]])
        assert row["configurations"] == len(every)
        expected = every.min()
        if row["temperature"]:
            kt = BOLTZMANN * row["temperature"]
            expected = -kt * math.log(sum(math.exp(-(e - every.min()) / kt) for e in every)) + every.min()
        assert row["free_energy"] == pytest.approx(expected, abs=2e-6)
    quantity = Quantity.of(table.schema.field("free_energy"))
    assert (quantity.unit, quantity.per) == ("eV", "cell")


def test_the_hull_is_one_and_the_card_says_what_is_on_it(tmp_path):
    built = build_dataset(load_spec(alloy(tmp_path)), tmp_path / "out")
    rows = pq.read_table(built.folder / "data" / "free_energies" / "full.parquet").to_pylist()
    assert all(row["above_hull"] >= 0 for row in rows)
    for temperature in (0, 300, 1200):
        here = [row for row in rows if row["temperature"] == temperature]
        facts = built.manifest["thermodynamics"]["on_the_hull"][f"{temperature:g}"]
        assert {row["formula"] for row in here if row["above_hull"] == 0} == set(facts)
    card = (built.folder / "README.md").read_text()
    assert "## Free energies" in card and "config_name: free_energies" in card
    assert (built.folder / "figures" / "free_energies.png").stat().st_size > 5000
    import datasets

    opened = datasets.load_dataset(str(built.folder), "free_energies")
    assert len(opened["full"]) == len(rows)


def test_entropy_of_equal_energies_is_that_of_counting():
    found = free_energies(np.zeros(3), np.array([1, 4, 5]), [0, 500])
    assert found[0] == 0
    assert found[1] == pytest.approx(-BOLTZMANN * 500 * math.log(10))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("{select: all}", "{select: uniform, count: 3}"), r"needs every configuration of alloy labelled, but \d+ of"),
        (("sites: {Au: [0, 0, 0]}", "sites: {Cu: [0, 0, 0]}"), "no reference phase is the element Au"),
        (("[0, 300, 1200]", "[300, 0]"), "temperatures must increase"),
        (("{temperatures", "{label: nothing, temperatures"), "no label is called 'nothing'"),
    ],
)
def test_what_they_cannot_follow_from_is_refused(tmp_path, change, reason):
    path = alloy(tmp_path)
    path.write_text(path.read_text().replace(*change).replace("references: [Cu, Au]", "end_members: [host, exchanged]"))
    with pytest.raises(InputError, match=reason):
        plan(load_spec(path))


def test_triangles_are_drawn_for_two_sublattices_of_three_species(tmp_path):
    text = """
name: layer
version: 1.0.0
title: A layer
parent:
  spacegroup: P-6m2
  lattice: {a: 3.2, c: 15}
  sites: {Mo: [1/3, 2/3, 0], S: [2/3, 1/3, 0.1]}
  provenance: {source: a test}
supercell: [2, 1, 1]
sublattices:
  M: {sites: [Mo], species: {W: 0..2, vacancy: 0..1, Mo: rest}}
  X: {sites: [S], species: {Se: 0..1, vacancy: 0..1, S: rest}}
reference_phases:
  Mo: {spacegroup: Im-3m, lattice: {a: 3.1}, sites: {Mo: [0, 0, 0]}, provenance: {source: a test}}
  W: {spacegroup: Im-3m, lattice: {a: 3.2}, sites: {W: [0, 0, 0]}, provenance: {source: a test}}
  S: {spacegroup: Pm-3m, lattice: {a: 3.4}, sites: {S: [0, 0, 0]}, provenance: {source: a test}}
  Se: {spacegroup: Pm-3m, lattice: {a: 3.6}, sites: {Se: [0, 0, 0]}, provenance: {source: a test}}
labels: [{engine: ewald, charges: {Mo: 1, W: 1.1, S: -0.5, Se: -0.6}, background: true}]
thermodynamics: {temperatures: [0, 900]}
splits: {random: {train: 0.5, test: 0.5}}
"""
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    built = build_dataset(load_spec(path), tmp_path / "out")
    assert (built.folder / "figures" / "free_energies.png").stat().st_size > 10_000
    assert built.manifest["thermodynamics"]["left_out"] == 0
    check_spec(str(path))
