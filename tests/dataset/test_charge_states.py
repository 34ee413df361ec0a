"""An oxygen vacancy in MgO in the charges 0, 1 and 2, from a table of labels. Every number here is made up by us."""

from __future__ import annotations

import csv
import itertools
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

import matbench_defects as md
from matbench_defects.dataset.charge_transitions import formation_energy_at, stable_states, transition_level
from matbench_defects.errors import InputError

SPEC = """
name: mgo-vacancy
version: 0.1.0
title: Oxygen vacancy in MgO
parent:
  {spacegroup: Fm-3m, lattice: {a: 4.21}, sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}, provenance: {source: made up}}
supercell: [1, 1, 1]
sublattices: {O: {O: rest, vacancy: 0..2}}
labels:
  - engine: table
    name: dft
    file: energies.csv
    unit: eV
    per: cell
    references_per: cell
    charge_states: [0, 1, 2]
    correction: correction
    level_of_theory: made up by a test
    machine_learned: false
reference_phases:
  MgO:
    {spacegroup: Fm-3m, lattice: {a: 4.21}, sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}, provenance: {source: made up}}
targets:
  formation:
    quantity: charged_defect_formation_energy
    unit: eV
    host: {mgo-vacancy: -48.0}
    chemical_potentials: {O: -5.0}
    valence_band_maximum: 3.0
    band_gap: 5.0
    fermi_level: 1.5
    source: made up by a test
"""
HOST, POTENTIAL, EDGE, GAP = -48.0, -5.0, 3.0, 5.0
ENERGIES = {0: -36.0, 1: -40.0, 2: -46.5}
CORRECTIONS = {0: 0.0, 1: 0.2, 2: 0.8}


def ids_of(tmp_path):
    return {row.count("defect site"): row.id for row in md.load_spec(tmp_path / "spec.yaml").space().enumerate()}


def written(tmp_path, text=SPEC, drop=(), corrected=True):
    (tmp_path / "spec.yaml").write_text(text)
    (tmp_path / "energies.csv").write_text("id,charge,energy,correction\nreference:MgO,,-12.0,\n")
    rows = [["reference:MgO", "", -48.0, ""]]
    for row in md.load_spec(tmp_path / "spec.yaml").space().enumerate():
        defects = row.count("defect site")
        for charge in (0, 1, 2):
            energy = HOST + 2 * charge if not defects else ENERGIES[charge] + 9.0 * (defects - 1)
            if (defects, charge) not in drop:
                rows.append([row.id, charge, energy, CORRECTIONS[charge] if corrected else ""])
    with open(tmp_path / "energies.csv", "w", newline="") as stream:
        csv.writer(stream).writerows([["id", "charge", "energy", "correction"], *rows])
    return tmp_path / "spec.yaml"


def run(*arguments, cwd):
    command = [sys.executable, "-m", "matbench_defects.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env={**os.environ}, capture_output=True, text=True, check=False)


def refused(tmp_path, old, new, text=SPEC):
    assert old in text
    written(tmp_path)
    (tmp_path / "spec.yaml").write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        md.check(str(tmp_path / "spec.yaml"))
    return str(caught.value)


def by_hand(charge, fermi, defects=1):
    energy = ENERGIES[charge] + 9.0 * (defects - 1) + CORRECTIONS[charge]
    return energy - HOST + defects * POTENTIAL + charge * (EDGE + fermi)


def test_the_vacancy_from_a_table_to_its_energies_over_the_gap(tmp_path):
    written(tmp_path)
    assert run("check", "spec.yaml", cwd=tmp_path).returncode == 0
    done = run("build", "spec.yaml", "--out", "data", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    dataset = md.load_dataset(tmp_path / "data")
    ids = ids_of(tmp_path)
    columns = ("id", "dft_energy", "dft_plus_1_energy", "dft_plus_2_energy", "formation")
    rows = {row["id"]: row for row in dataset.structures.select(columns).to_pylist()}
    one = rows[ids[1]]
    assert (one["dft_energy"], one["dft_plus_1_energy"], one["dft_plus_2_energy"]) == pytest.approx((-36, -39.8, -45.7))
    assert one["formation"] == pytest.approx(min(by_hand(charge, 1.5) for charge in (0, 1, 2)))
    assert rows[ids[0]]["formation"] is None  # the ideal host is no defect
    (path,) = (tmp_path / "data" / "data" / "charge_states").iterdir()
    table = pq.read_table(path)
    found = [row for row in table.to_pylist() if row["id"] == ids[1]]
    assert [row["formation_energy"] for row in found] == pytest.approx([by_hand(charge, 0) for charge in (0, 1, 2)])
    lines = {row["charge"]: row["formation_energy"] for row in found}
    for fermi in np.linspace(0, GAP, 41):
        lowest = min((by_hand(charge, fermi), charge) for charge in (0, 1, 2))
        assert formation_energy_at(lines, fermi) == pytest.approx(lowest[0])
        stable = [row for row in found if row["stable_from"] is not None]
        assert lowest[1] in [row["charge"] for row in stable if row["stable_from"] <= fermi <= row["stable_to"]]
    assert found[0]["stable_to"] == GAP
    card = (tmp_path / "data" / "README.md").read_text()
    assert "## Charge states" in card and "formation_over_gap.png" in card
    assert "valence-band maximum 3 eV" in card and "made up by a test" in card
    assert (tmp_path / "data" / "figures" / "formation_over_gap.png").stat().st_size > 1000
    assert "finite-size corrections of the column correction added" in card


def test_lines_states_and_levels_by_hand():
    lines = {0: 7.0, 1: 4.0, 2: 0.5}
    assert transition_level(lines, 2, 1) == pytest.approx(3.5) and transition_level(lines, 1, 0) == pytest.approx(3.0)
    assert [(s.charge, s.low, s.high) for s in stable_states(lines, 5.0)] == [(2, 0.0, 3.25), (0, 3.25, 5.0)]
    lines = {0: 7.0, 1: 4.0, 2: 2.0, -1: 12.5}
    assert [s.charge for s in stable_states(lines, 6.0)] == [2, 1, 0, -1]
    assert [s.high for s in stable_states(lines, 6.0)] == pytest.approx([2.0, 3.0, 5.5, 6.0])
    assert [s.charge for s in stable_states(lines, 5.0)] == [2, 1, 0]


@pytest.mark.parametrize("seed", range(20))
def test_stable_states_are_the_lowest_lines(seed):
    generator = np.random.default_rng(seed)
    lines = {charge: float(generator.normal(4, 4)) for charge in range(-2, 4)}
    states = stable_states(lines, 4.0)
    assert states[0].low == 0.0 and states[-1].high == 4.0
    for one, other in itertools.pairwise(states):
        assert one.high == other.low and one.charge > other.charge
    for state in states:
        for fermi in np.linspace(state.low, state.high, 7):
            energy = lines[state.charge] + state.charge * fermi
            assert energy == pytest.approx(formation_energy_at(lines, fermi))


def test_chemical_potentials_and_host_may_be_reference_phases(tmp_path):
    text = SPEC.replace("host: {mgo-vacancy: -48.0}", "host: MgO")
    table = md.build(md.load_spec(written(tmp_path, text)), tmp_path / "data").structures
    values = dict(zip(table["id"].to_pylist(), table["formation"].to_pylist(), strict=True))
    assert values[ids_of(tmp_path)[1]] == pytest.approx(min(by_hand(charge, 1.5) for charge in (0, 1, 2)))


def test_a_row_that_lacks_a_charge_state_has_no_value_and_that_is_said(tmp_path):
    path = written(tmp_path, drop={(1, 1)})
    table = md.build(md.load_spec(path), tmp_path / "data").structures
    values = dict(zip(table["id"].to_pylist(), table["formation"].to_pylist(), strict=True))
    ids = ids_of(tmp_path)
    assert values[ids[1]] is None and values[ids[2]] is not None
    assert "lack a charge state and have no value" in (tmp_path / "data" / "README.md").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    valence_band_maximum: 3.0\n", "", "`valence_band_maximum` is missing"),
        ("    band_gap: 5.0\n", "", "`band_gap` is missing"),
        ("    source: made up by a test\n", "", "`source` is missing"),
        ("fermi_level: 1.5", "fermi_level: 5.5", "is not within the gap, 0 to 5 eV"),
        ("    correction: correction\n", "", "name their column, `correction: correction`, or say `correction: none`"),
        ("charge_states: [0, 1, 2]", "charge_states: [1, 2]", "lacks the neutral state, 0"),
        ("charge_states: [0, 1, 2]", "charge_states: [0, 1, 1]", "names a charge state twice"),
        ("    charge_states: [0, 1, 2]\n", "", "the label 'dft' has no charged states"),
        ("charge_states: [0, 1, 2]", "charge_states: [0, 1.5]", "charge_states"),
    ],
)
def test_what_is_missing_or_makes_no_sense_is_refused(tmp_path, old, new, message):
    assert message in refused(tmp_path, old, new)


def test_engines_that_take_no_charge_are_refused(tmp_path):
    label = SPEC[SPEC.index("  - engine: table") : SPEC.index("reference_phases")]
    said = refused(tmp_path, label, "  - {engine: sevennet, name: dft, charge_states: [0, 1, 2]}\n")
    assert "sevennet takes no charge: give energies of charged cells from a table" in said


def test_charged_layers_and_slabs_are_refused(tmp_path):
    sites = "{Mo: [1/3, 2/3, 0.5], S: [0, 0, 0.578]}"
    layer = f"{{spacegroup: P-6m2, lattice: {{a: 3.19, c: 20}}, sites: {sites}, provenance: {{source: made up}}}}"
    old = SPEC[SPEC.index("parent:") : SPEC.index("supercell")]
    text = SPEC.replace(old, f"parent: {layer}\n").replace("{O: {O: rest", "{S: {S: rest")
    text = text.replace("{O: -5.0}", "{S: -5.0}")
    said = refused(tmp_path, "supercell: [1, 1, 1]", "supercell: [2, 2, 1]", text)
    assert "Å of vacuum along c" in said and "only bulk cells may be charged" in said


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("id,energy,correction\nX,1,2\n", "lacks `charge`, which `charge_states` needs"),
        ("id,charge,energy,correction\nX,a,1,2\n", "'a' is no whole number of charges"),
        ("id,charge,energy,correction\nX,1,1,\n", "'' is no finite number"),
        ("id,charge,energy\nX,1,1\n", "lacks `id` or `correction`"),
        ("id,charge,energy,correction\nX,1,1,0\nX,1,2,0\n", "stands there twice"),
    ],
)
def test_what_is_wrong_in_the_table_is_said(tmp_path, broken, message):
    path = written(tmp_path)
    (tmp_path / "energies.csv").write_text(broken)
    done = run("build", path, "--out", "data", cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and not (tmp_path / "data").exists()
