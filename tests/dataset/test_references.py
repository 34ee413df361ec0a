"""Rows that others refer to are labelled, train in every fold, and a crystal of two spaces is one row."""

from __future__ import annotations

import pytest
from specs_for_tests import ALLOY

from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.check import check_spec
from matbench_defects.dataset.plan import plan
from matbench_defects.dataset.references import MOST_LABELLED
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import scored_rows
from matbench_defects.evaluation.task import load_task
from matbench_defects.spec.loading import load_spec

TARGETS = """
targets:
  formation_energy: {unit: eV, per: atom, end_members: [host, exchanged]}
splits:
  random: {train: 0.2, test: 0.8}
  folds: {by: k-fold, folds: 3}
  types: {by: leave-one-group-out.content, keep_apart: [content]}
"""

TWO_METALS = """
name: metals
version: 1.0.0
title: Gold or silver in copper
parent: {spacegroup: Fm-3m, lattice: {a: 3.7}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
supercell: [1, 1, 1]
spaces:
  gold: {sublattices: {Cu: {Au: 0..4, Cu: rest}}, groups: {metal: Au}}
  silver: {sublattices: {Cu: {Ag: 0..4, Cu: rest}}, groups: {metal: Ag}}
labels:
  - {engine: ewald, charges: {Cu: 1, Au: 2, Ag: 3}, background: true}
targets:
  formation_energy: {unit: eV, per: atom, end_members: [host, exchanged]}
splits:
  metal-out: {by: leave-one-group-out.metal, keep_apart: [metal]}
"""


def alloy(folder, supercell="[2, 1, 1]", content="0..8", selection="{select: uniform, count: 3}", more=TARGETS):
    text = ALLOY.replace("SUPERCELL", supercell).replace("CONTENT", content).replace("SELECTION", selection)
    path = folder / "spec.yaml"
    path.write_text(text + more)
    return path


def test_end_members_are_labelled_though_nobody_drew_them(tmp_path):
    path = alloy(tmp_path, selection="{select: uniform, count: 3, seed: 1}")
    planned = plan(load_spec(path))
    contents = [row.space.content_name(row.content) for row in planned.rows]
    assert {"Cu8", "Au8"} <= set(contents) and len(planned.rows) <= 5
    assert planned.references == {
        row.id for row in planned.rows if row.space.content_name(row.content) in {"Cu8", "Au8"}
    }
    built = build_dataset(load_spec(path), tmp_path / "out")
    assert built.structures["formation_energy"].null_count == 0
    (estimate,) = check_spec(str(path)).spaces
    assert estimate.labelled == len(planned.rows) and estimate.exact


def test_they_train_in_every_fold_or_are_left_out_where_something_is_kept_apart(tmp_path):
    path = alloy(tmp_path, selection="{select: all}")
    planned = plan(load_spec(path))
    partings = planned.partings()
    where = [i for i, row in enumerate(planned.rows) if row.id in planned.references]
    others = [i for i in range(len(planned.rows)) if i not in where]
    assert len(where) == 2
    assert all(partings["random"].by_fold[""][i] == "train" for i in where)
    folds = partings["folds"].by_fold.values()
    assert all(parts[i] == "train" for parts in folds for i in where)
    assert all(sum(parts[i] == "test" for parts in folds) == 1 for i in others)
    for fold, parts in partings["types"].by_fold.items():
        for i in where:  # nothing else has its content, so nothing is kept apart from it
            assert parts[i] == "train", fold


def test_rules_of_version_1_treat_them_like_others(tmp_path):
    path = alloy(tmp_path, selection="{select: all}")
    path.write_text(path.read_text().replace("version: 1.0.0", "version: 1.0.0\nrules: 1"))
    planned = plan(load_spec(path))
    assert not planned.references
    folds = planned.partings()["folds"].by_fold.values()
    assert all(sum(parts[i] == "test" for parts in folds) == 1 for i in range(len(planned.rows)))


def test_an_end_member_of_many_arrangements_has_to_be_drawn(tmp_path):
    wanted = "[{Cu: 8}, host]"
    path = alloy(
        tmp_path,
        "[2, 2, 1]",
        "0..16",
        "{select: uniform, strata: [{content: {Au: 0..2}, count: 2}]}",
        TARGETS.replace("[host, exchanged]", wanted),
    )
    spec = load_spec(path)
    (space,) = build_spaces(spec).values()
    named = next(c for c in space.contents() if space.content_name(c) == "Au8Cu8")
    from matbench_defects.enumeration.counting import count_inequivalent

    assert count_inequivalent(space, named) > MOST_LABELLED
    for act in (plan, lambda spec: check_spec(str(path))):
        with pytest.raises(InputError) as caught:
            act(spec)
        assert caught.value.field == "targets.formation_energy"
        assert "refers to Cu 8 in alloy, of which" in caught.value.message and "none is drawn" in caught.value.message
    path.write_text(path.read_text().replace("strata: [{content: {Au: 0..2}, count: 2}]", "per_content: 1"))
    assert any(row.content == named for row in plan(load_spec(path)).rows)
    check_spec(str(path))


def test_a_composition_that_no_mixture_has_is_refused_before_anything_is_computed(tmp_path):
    vacancies = TARGETS.replace("[host, exchanged]", "[host]")
    path = alloy(tmp_path, content="0..2", selection="{select: all}", more=vacancies)
    for act in (plan, lambda spec: check_spec(str(path))):
        with pytest.raises(InputError, match="no mixture of the end members has the composition") as caught:
            act(load_spec(path))
        assert caught.value.field == "targets.formation_energy"
    assert not list(tmp_path.glob("labels*"))


def test_a_crystal_of_two_spaces_is_one_row_and_both_refer_to_it(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(TWO_METALS)
    planned = plan(load_spec(path))
    assert [(copy.id, id_) for copy, id_ in planned.copies] == [("silver:Cu4:0", "gold:Cu4:0")]
    assert len({job.id for job in planned.jobs}) == len(planned.jobs) == 9 == len(planned.rows)
    built = build_dataset(load_spec(path), tmp_path / "out").structures.to_pylist()
    others = {row["id"]: row["other_ids"] for row in built}
    assert others.pop("gold:Cu4:0") == ["silver:Cu4:0"] and not any(others.values())
    values = {row["id"]: row["formation_energy"] for row in built}
    assert values["gold:Cu4:0"] == values["silver:Ag4:0"] == 0.0
    assert all(value is not None for value in values.values())
    out = planned.partings()["metal-out"].by_fold["Ag"]
    left = {row.id for row, part in zip(planned.rows, out, strict=True) if part is None}
    assert left == {"silver:Ag4:0"}  # a reference, of the metal that is tested


def test_what_follows_from_all_labels_is_not_for_models(tmp_path):
    phases = """
reference_phases:
  Cu: {spacegroup: Fm-3m, lattice: {a: 3.6}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
  Au: {spacegroup: Fm-3m, lattice: {a: 4.1}, sites: {Au: [0, 0, 0]}, provenance: {source: a test}}
targets: {energy_above_hull: {unit: eV}, formation_energy: {unit: eV, per: atom, references: [Cu, Au]}}
splits: {random: {train: 0.5, test: 0.5}}
"""
    path = alloy(tmp_path, "[1, 1, 1]", "0..4", "{select: all}", phases)
    built = build_dataset(load_spec(path), tmp_path / "out")
    task = {"name": "t", "title": "t", "dataset": "alloy@1.0.0", "split": "random", "kind": "interpolation"}
    task |= {"metrics": ["mae"]}
    assert len(scored_rows(load_task(task | {"target": "formation_energy"}), built))
    with pytest.raises(InputError, match="energy_above_hull follows from the labels of all rows together"):
        scored_rows(load_task(task | {"target": "energy_above_hull"}), built)
