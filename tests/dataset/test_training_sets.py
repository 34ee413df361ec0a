"""Sets of structures in cells of many sizes, as cluster expansions are trained on; nothing is enumerated."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import matbench_defects.enumeration.derivative as derivative
from matbench_defects.cli.app import app
from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.check import check_spec
from matbench_defects.dataset.plan import plan
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.enumeration.burnside import count_unbound_together
from matbench_defects.enumeration.counting import count_both
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

SHARED = Path(os.environ.get("MATBENCH_DEFECTS_SHARED", Path(__file__).parents[2].parent / "shared"))
ALLOY = """
name: alloy
version: 1.0.0
title: Gold in copper, in cells of every shape
parent: {spacegroup: Fm-3m, lattice: {a: 3.8}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
supercell: {sizes: 1..4}
sublattices: {Cu: {Cu: rest, Au: 0..4}}
configurations: {from: rows.csv}
labels:
  - {engine: table, name: dft, file: rows.csv, unit: eV, per: cell, level_of_theory: made up, machine_learned: false}
targets:
  formation_energy: {unit: eV, per: atom, end_members: [{Au: 0}, {Cu: 0}]}
splits: {folds: {by: k-fold, folds: 2}}
"""


def energy(one) -> float:
    """Return an energy whose formation energy per atom is a tenth of the shares' product."""
    species = one.site_species
    share = species.count("Au") / len(species)
    return len(species) * (-3.0 - 0.5 * share - 0.1 * share * (1 - share))


def write_rows(path, rows, head=("id", "energy")):
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the spec and every third derivative structure, those of one cell among them."""
    (tmp_path / "spec.yaml").write_text(ALLOY)
    every = [
        one for space in build_spaces(load_spec(tmp_path)).values() for one in derivative.derivative_structures(space)
    ]
    chosen = [*every[:2], *every[2::3]]
    write_rows(tmp_path / "rows.csv", [(one.id, energy(one)) for one in chosen])
    return tmp_path


def test_what_a_file_names_is_built_and_nothing_enumerated(folder, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("enumerated")

    monkeypatch.setattr(derivative, "derivative_structures", refuse)
    monkeypatch.setattr("matbench_defects.enumeration.selection.derivative_structures", refuse)
    dataset = build_dataset(load_spec(folder), folder / "out", workers=1)
    rows = dataset.structures.to_pylist()
    assert len(rows) == 11
    for row in rows:
        share = row["species_at_sites"].count("Au") / row["nsites"]
        assert row["formation_energy"] == pytest.approx(-0.1 * share * (1 - share), abs=1e-6)
    ends = {row["id"] for row in rows if row["nelements"] == 1}
    assert ends == {"alloy-1-1:Cu1:0", "alloy-1-1:Au1:0"} == plan(load_spec(folder)).references
    assert all(set(row["split_folds"].values()) == {"train"} for row in rows if row["id"] in ends)
    again = load_spec(folder / "out" / "spec.yaml")  # the dataset goes without the file that it was built from
    assert sum(len(part.chosen) for part in plan_of_rows(again).values()) == 11


def plan_of_rows(spec):
    from matbench_defects.enumeration.selection import select

    return select(spec)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("alloy-1-1:Cu1:0", -3), ("alloy-1-1:Au1:0", -3), ("alloy-2-1:Cu1:0", -6)], "not the id of a configuration"),
        ([("alloy-1-1:Cu1:0", -3), ("alloy-1-1:Au1:0", -3), ("alloy-2-1:Cu2:0", -6)], "repeats a smaller cell"),
        ([("alloy-1-1:Cu1:0", -3), ("alloy-1-1:Cu1:0", -3)], "twice"),
        ([("alloy-1-1:Cu1:0", -3), ("alloi-2-1:Cu2:0", -6)], "of no space of alloy; did you mean"),
        ([("alloy-1-1:Cu1:0", -3)], "refers to Cu 0 in alloy, of which rows.csv names none"),
        ([], "names no configuration of alloy"),
    ],
)
def test_a_wrong_row_is_one_message(folder, rows, said):
    write_rows(folder / "rows.csv", rows)
    with pytest.raises(InputError, match=re.escape(said)):
        check_spec(str(folder))


def test_a_file_that_is_not_there_or_of_another_crystal_is_refused(folder):
    write_rows(folder / "rows.csv", [("alloy-1-1:Cu1:0", -3, "0123")], ("id", "energy", "host"))
    with pytest.raises(InputError, match="another ideal crystal"):
        check_spec(str(folder))
    (folder / "rows.csv").unlink()
    with pytest.raises(InputError, match="`matbench-defects import` writes such a one"):
        check_spec(str(folder))
    load_spec(folder)  # what `import` needs to write it
    (folder / "spec.yaml").write_text(ALLOY.replace("{from: rows.csv}", "{from: rows.csv, also: [a]}"))
    with pytest.raises(InputError, match="only `where` goes with it"):
        load_spec(folder)
    (folder / "spec.yaml").write_text(ALLOY.replace("{from: rows.csv}", "{form: rows.csv}"))
    with pytest.raises(InputError, match="did you mean 'from'"):
        load_spec(folder)


ELEMENTS = ["Al", "Co", "Cr", "Fe", "Mn", "Mo", "Nb", "Ni", "Re", "Ru", "Ta", "Ti", "V", "W"]
ORBITS = {"Al": 2, "Co": 4, "Cr": 8, "Fe": 8, "Mn": 8}


def sigma(folder, rows):
    """Write a spec of sigma phases, each of the five orbits of one of 14 elements, and a table of some of 537 824."""
    sites = {
        "Al": [0, 0, 0],
        "Co": [0.3986, 0.3986, 0],
        "Cr": [0.4635, 0.1312, 0],
        "Fe": [0.7393, 0.0661, 0],
        "Mn": [0.1823, 0.1823, 0.2524],
    }
    source = {"source": "a test"}
    label = {"engine": "table", "name": "dft", "file": "rows.csv", "unit": "eV", "per": "atom"}
    spec = {
        "name": "sigma",
        "version": "1.0.0",
        "title": "Sigma phases",
        "parent": {"spacegroup": "P4_2/mnm", "lattice": {"a": 8.8, "c": 4.56}, "sites": sites, "provenance": source},
        "supercell": [1, 1, 1],
        "sublattices": {orbit: {"species": {e: [0, n] for e in ELEMENTS}} for orbit, n in ORBITS.items()},
        "configurations": {"from": "rows.csv"},
        "reference_phases": {
            e: {"spacegroup": "Im-3m", "lattice": {"a": 3}, "sites": {e: [0, 0, 0]}, "provenance": source}
            for e in ELEMENTS
        },
        "labels": [{**label, "level_of_theory": "made up", "machine_learned": False}],
        "targets": {"formation_energy": {"unit": "eV", "per": "atom", "references": ELEMENTS}},
    }
    (folder / "spec.yaml").write_text(json.dumps(spec))
    drawn = random.Random(0)
    ids = {
        "sigma:" + ".".join(f"{drawn.choice(ELEMENTS)}{n}" for n in ORBITS.values()) + ":0": None for _ in range(rows)
    }
    write_rows(folder / "rows.csv", [(id_, -7) for id_ in [*ids, *(f"reference:{e}" for e in ELEMENTS)]])
    return len(ids)


def test_a_build_takes_as_long_as_its_labelled_rows(tmp_path):
    number = sigma(tmp_path, 1073)
    start = time.process_time()
    (estimate,) = check_spec(str(tmp_path)).spaces
    assert (estimate.contents, estimate.every, estimate.labelled) == (14**5, 14**5, number)
    dataset = build_dataset(load_spec(tmp_path), tmp_path / "out", workers=1)
    # Version 1 took 150 s; of a processor, since the machines that run tests are shared.
    assert time.process_time() - start < 15
    assert len(dataset.structures) == number


def test_all_contents_together_are_what_they_come_to_one_by_one(folder):
    for space in build_spaces(load_spec(folder)).values():
        both = np.array([count_both(space, content) for content in space.contents()], dtype=object).sum(axis=0)
        assert count_unbound_together(space) == tuple(both)


PUBLISHED = {
    "ag-au": ("Ag-Au.extxyz", 4.15, {"Ag": "0..6", "Au": "rest"}, 135, 0.45, 0.20),
    "cu-ag-au": ("Cu-Ag-Au.extxyz", 4.0, {"Cu": "0..6", "Ag": "0..6", "Au": "rest"}, 1050, 4.60, 2.80),
}
TASK = """
name: alloy-energy
title: Formation energies
dataset: NAME@1.0.0
target: formation_energy
split: five
kind: interpolation
metrics: [mae, rmse]
seeds: [0]
"""
MODELS = ("mean", "cluster-expansion", "cluster-expansion-triplets")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_alloys_from_their_file_to_a_table(tmp_path, name):
    """The errors are those of `benchmarks/published/alloys`, where icet's on the same structures stand beside them."""
    file, a, species, least, pairs, triplets = PUBLISHED[name]
    if not (SHARED / "data" / name / file).is_file():
        pytest.skip("the published energies are not here")
    target = {"unit": "eV", "per": "atom"}
    if name == "ag-au":  # the pure metals are not among these, so the target is the energy itself
        target |= {"quantity": "column", "column": "energy"}
    else:
        target["end_members"] = [{other: 0 for other in species if other != one} for one in species]
    label = {"engine": "table", "name": "dft", "file": "rows.parquet", "unit": "eV", "per": "cell"}
    spec = {
        "name": name,
        "version": "1.0.0",
        "title": name,
        "parent": {
            "spacegroup": "Fm-3m",
            "lattice": {"a": a},
            "sites": {"Au": [0, 0, 0]},
            "provenance": {"source": "pyclupan"},
        },
        "supercell": {"sizes": "1..6"},
        "sublattices": {"Au": {"species": species}},
        "configurations": {"from": "rows.parquet"},
        "labels": [{**label, "level_of_theory": "VASP", "machine_learned": False}],
        "targets": {"formation_energy": target},
        "splits": {"five": {"by": "k-fold", "folds": 5}},
    }
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    (tmp_path / "alloy-energy.yaml").write_text(TASK.replace("NAME", name))
    here, task = str(tmp_path / "spec.yaml"), str(tmp_path / "alloy-energy.yaml")
    source, rows, built = str(SHARED / "data" / name / file), str(tmp_path / "rows.parquet"), str(tmp_path / "built")
    models = [f"--model={model}" for model in MODELS]
    for command in (
        ["import", "extxyz", source, "--spec", here, "--out", rows, "--strain", "0.15"],
        ["check", here],
        ["build", here, "--out", built],
        ["evaluate", task, "--dataset", built, "--out", str(tmp_path / "results"), *models],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    results = {m: tmp_path / "results" / "alloy-energy" / m / "result.json" for m in MODELS}
    found = {m: 1000 * json.loads(path.read_text())["scores"]["mae"]["mean"] for m, path in results.items()}
    assert found["cluster-expansion"] < pairs and found["cluster-expansion-triplets"] < triplets < found["mean"]
    assert least <= len(open_dataset(built).structures)
