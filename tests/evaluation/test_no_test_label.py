"""Every number that a model is handed, before and after every test label is changed: none of them may move."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from matbench_defects.dataset.audit import Audit
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.plan import plan
from matbench_defects.dataset.reading import Dataset
from matbench_defects.dataset.splits.assign import Parting
from matbench_defects.dataset.structures import identity_rows
from matbench_defects.discovery.search import hide
from matbench_defects.errors import InputError, NotServedError
from matbench_defects.evaluation.explaining import explain_model
from matbench_defects.evaluation.fitting import check_inputs, side_of
from matbench_defects.evaluation.pretraining import source_of
from matbench_defects.evaluation.task import Task
from matbench_defects.models.descriptors.descriptor import descriptors
from matbench_defects.models.model import make_model
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.loading import load_spec

TABLE = "engine: table, unit: eV, per: cell, references_per: atom, level_of_theory: made up, machine_learned: false"
SPEC = f"""
name: gold
version: 1.0.0
title: Gold in copper
parent: {{spacegroup: Fm-3m, lattice: {{a: 3.7}}, sites: {{Cu: [0, 0, 0]}}, provenance: {{source: a test}}}}
supercell: [2, 1, 1]
sublattices: {{Cu: {{Au: 0..8, Cu: rest}}}}
reference_phases:
  Cu: {{spacegroup: Fm-3m, lattice: {{a: 3.6}}, sites: {{Cu: [0, 0, 0]}}, provenance: {{source: a test}}}}
  Au: {{spacegroup: Fm-3m, lattice: {{a: 4.1}}, sites: {{Au: [0, 0, 0]}}, provenance: {{source: a test}}}}
labels:
  - {{{TABLE}, name: dear, file: dear.csv}}
  - {{{TABLE}, name: cheap, file: cheap.csv}}
targets:
  formation: {{quantity: formation_energy, label: dear, unit: eV, per: atom, end_members: [host, exchanged]}}
  from_phases: {{quantity: formation_energy, label: dear, unit: eV, per: cell, references: [Cu, Au]}}
  defects: {{quantity: defect_formation_energy, label: dear, unit: eV, per: defect_site, host: Cu}}
  voltage: {{quantity: average_voltage, label: dear, unit: V, ion: Au, end_member: {{Cu: 8}}}}
  phases_alone: {{quantity: energy_above_hull, label: dear, unit: eV, configurations: false}}
  cheaply: {{quantity: formation_energy, label: cheap, unit: eV, per: atom, end_members: [host, exchanged]}}
  above_hull: {{quantity: energy_above_hull, label: dear, unit: eV}}
splits:
  random: {{train: 0.5, validation: 0.2, test: 0.3}}
  folds: {{by: k-fold, folds: 3}}
"""
LEARNT = ("formation", "from_phases", "defects", "voltage", "phases_alone", "cheaply")


def built(folder, changed=frozenset(), labels=("dear", "cheap")) -> Dataset:
    """Return the dataset with made-up labels, those of some rows much lower by some labels."""
    folder.mkdir()
    (folder / "spec.yaml").write_text(SPEC)
    for label in ("dear", "cheap"):
        (folder / f"{label}.csv").write_text("id,energy\n")
    ids = [*(row.id for row in plan(load_spec(folder)).rows), "reference:Cu", "reference:Au"]
    for number, label in enumerate(("dear", "cheap")):
        energies = np.random.default_rng(number).normal(-3, 0.1, size=len(ids))
        with (folder / f"{label}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "energy"])
            for id_, energy in zip(ids, energies.tolist(), strict=True):
                lower = 5.0 if id_ in changed and label in labels else 0.0
                writer.writerow([id_, (energy if id_.startswith("reference") else 8 * energy) - lower])
    return build_dataset(load_spec(folder), folder / "built", workers=1)


def task_of(target, split="random", **more):
    return Task(
        name="a-task",
        title="A task",
        dataset="gold@1.0.0",
        target=target,
        split=split,
        kind="interpolation",
        metrics=["mae"],
        **more,
    )


def handed(side):
    """Return all that a side hands to a model."""
    parts = [side.fitted, *([side.held] if side.held else [])]
    rows = [*(part[0] for part in parts), side.asked]
    return [
        *(part[1].tolist() for part in parts),
        *(of.table.to_pylist() for of in rows),
        *(None if of.inputs is None else of.inputs.to_pylist() for of in rows),
        *(of.background.labelled.to_pylist() for of in rows),
        *(of.background.quantity for of in rows),
    ]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return built(tmp_path_factory.mktemp("labels") / "first")


@pytest.mark.slow
@pytest.mark.parametrize(("split", "fold"), [("random", None), ("folds", "1")])
def test_no_test_label_is_in_what_a_model_is_handed(first, tmp_path, split, fold):
    part = first.part(split, "test", "formation", fold=fold)
    tested = frozenset(part["id"].to_pylist())
    second = built(tmp_path / "second", tested)
    for target in LEARNT:
        sides = [side_of(task_of(target, split), dataset, fold) for dataset in (first, second)]
        assert handed(sides[0]) == handed(sides[1])
        # The labels did change, and the scores would.
        of_tests = [dataset.part(split, "test", target, fold=fold)[target].to_pylist() for dataset in (first, second)]
        assert all(a != b for a, b in zip(*of_tests, strict=True))
    sides = [side_of(task_of("formation", split), dataset, fold) for dataset in (first, second)]
    compared = set()
    for name, kind in descriptors.items():
        try:
            found = []
            for side in sides:
                described = kind(kind.Settings())
                described.learn(side.fitted[0].take(range(6)))
                found.append(described.features(side.asked.take(range(3))))
        except (NotServedError, InputError):  # of pathways alone, or a package is not there
            continue
        np.testing.assert_array_equal(*found, err_msg=name)
        compared.add(name)
    assert {"defect", "ewald", "magpie", "minimum-distances"} <= compared
    predictions = []
    for side in sides:
        model = make_model("cluster-expansion")
        model.fit(*side.fitted, side.held)
        predictions.append(model.predict(side.asked).values)
    np.testing.assert_array_equal(*predictions)
    sources = [
        source_of(f"{dataset.folder}:cheaply").apart_from(side.asked)
        for dataset, side in zip((first, second), sides, strict=True)
    ]
    assert sources[0][0].table.equals(sources[1][0].table) and len(sources[0][1])
    np.testing.assert_array_equal(sources[0][1], sources[1][1])


@pytest.mark.slow
def test_a_declared_input_is_of_the_other_label_alone(first, tmp_path):
    task = task_of("formation", inputs=["cheap"], baselines=["input-energy"])
    tested = frozenset(first.part("random", "test", "formation")["id"].to_pylist())
    second = built(tmp_path / "second", tested, labels=("dear",))
    sides = [side_of(task, dataset, None) for dataset in (first, second)]
    assert handed(sides[0]) == handed(sides[1])
    assert all(name.startswith("cheap_") for name in sides[0].asked.inputs.schema.names)


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ({"engine": "b", "structures": "dear"}, "cheap is on the structures that dear relaxed"),
        ({"engine": "a"}, "computed from dear, which cheap repeats"),
    ],
)
def test_an_input_that_holds_what_the_target_is_computed_from_is_refused(tmp_path, label, reason):
    manifest = {"labels": {"dear": {"engine": "a"}, "cheap": label}, "targets": {"formation": {"label": "dear"}}}
    with pytest.raises(InputError, match=reason):
        check_inputs(task_of("formation", inputs=["cheap"], baselines=["input-energy"]), Dataset(tmp_path, manifest))


def test_what_compares_rows_is_learnt_by_nothing(first, tmp_path):
    reason = "above_hull follows from the labels of all rows together"
    with pytest.raises(InputError, match=reason):
        source_of(f"{first.folder}:above_hull")
    with pytest.raises(InputError, match=reason):
        hide(first, "above_hull")
    with pytest.raises(InputError, match=reason):
        explain_model(task_of("above_hull"), first, "cluster-expansion", tmp_path)


def test_pretraining_on_values_that_refer_to_a_tested_configuration_is_refused(first):
    source = source_of(f"{first.folder}:cheaply")
    hosts = first.structures.filter([row["content"] == "Cu8" for row in first.structures.to_pylist()])
    assert len(hosts) == 1
    with pytest.raises(InputError, match=r"every value of gold refers to gold:.*, which is tested"):
        source.apart_from(Rows.of(hosts, Background.of(first, "from_phases")))


def test_the_audit_refuses_a_split_that_tests_a_reference(first):
    planned = plan(load_spec(first.folder.parent))
    audit = Audit(identity_rows(planned.rows), planned.rows, planned.spaces, planned.references)
    parts = ["test" if row.id in planned.references else "train" for row in planned.rows]
    with pytest.raises(InputError, match="is tested, but values that are learnt refer to it"):
        audit.of(Parting("bad", "", {"": parts}))
    audit.of(planned.partings()["random"])
