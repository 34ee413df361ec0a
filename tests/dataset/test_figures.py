"""Figures and cards, drawn from labels made by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.figures.phases import draw_phases
from matbench_defects.dataset.plan import plan
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Outcome
from matbench_defects.labels.store import Label, LabelStore
from matbench_defects.spec.loading import load_spec

HEAD = """
name: case
version: 1.0.0
title: A case
labels: [{engine: sevennet, model: 7net-0, relax: {cell: true}}]
"""
ELEMENTS = {"Sc": -6.0, "Rh": -7.0, "Pb": -4.0, "Cd": -2.0}
PHASE = "{spacegroup: Pm-3m, lattice: {a: 3.0}, sites: {%s: [0, 0, 0]}, provenance: {source: a test}}"
ALLOY = f"""
parent: {PHASE % "Sc"}
supercell: [2, 2, 2]
sublattices: {{Sc: {{Rh: 0..8, Sc: rest}}}}
reference_phases: {{Sc: {PHASE % "Sc"}, Rh: {PHASE % "Rh"}}}
targets: {{energy_above_hull: {{unit: eV}}}}
"""
PHASES = f"""
spaces:
  black: {{groups: {{phase: black}}, supercell: [2, 2, 2]}}
  yellow: {{groups: {{phase: yellow}}, supercell: [2, 4, 1]}}
parent: {PHASE % "Pb"}
sublattices: {{Pb: {{Cd: 0..2, Pb: rest}}}}
reference_phases: {{Cd: {PHASE % "Cd"}, Pb: {PHASE % "Pb"}}}
targets:
  formation_energy: {{unit: eV, per: atom, end_members: [host], references: [Cd]}}
  phase_difference:
    unit: eV
    phases: [black, yellow]
    published: [{{defects: 0, value: 0.01, source: a test}}]
"""
TYPES = f"""
parent: {PHASE % "Pb"}
supercell: [2, 2, 2]
sublattices: {{Pb: {{vacancy: 0..1, Cd: 0..1, Pb: rest}}}}
contents: {{one: {{Cd: 1}}, both: {{Cd: 1, vacancy: 1}}}}
reference_phases: {{Cd: {PHASE % "Cd"}, Pb: {PHASE % "Pb"}}}
targets:
  energy: {{quantity: defect_formation_energy, unit: eV, per: defect_site, host: Pb}}
"""


def labelled(folder, text, skip=()):
    """Write a spec and labels for all that it asks, drawn at random, and return both."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.yaml").write_text(HEAD + text)
    spec = load_spec(folder)
    random = np.random.default_rng(0)
    made = []
    for job in plan(spec).jobs:
        if job.id in skip:
            continue
        atoms = Counter(job.crystal.species)
        energy = sum(ELEMENTS[e] * n for e, n in atoms.items()) - random.uniform(0, 0.1) * len(job.crystal)
        crystal = Crystal(job.crystal.lattice * 1.01, job.crystal.species, job.crystal.positions * 1.01)
        outcome = Outcome(energy, crystal, 0.01, 0.0, None, True, 5)
        made.append(Label(job.key, "hand 1", "by hand", job.method.description(), outcome, "", 1.0))
    store = LabelStore(folder / "labels.parquet")
    store.add(made)
    return spec, store.path


@pytest.mark.parametrize(
    ("text", "figures", "said"),
    [
        (ALLOY, {"contents", "energy_above_hull", "structure"}, "Hull of Rh-Sc: "),
        (PHASES, {"contents", "defect_energies", "phase_difference", "structure"}, "10 meV per atom at 0: a test"),
        (TYPES, {"contents", "defect_types", "structure"}, "by defect type"),
    ],
)
def test_each_figure_is_drawn_where_its_data_exists(tmp_path, text, figures, said):
    spec, labels = labelled(tmp_path, text)
    dataset = build_dataset(spec, tmp_path / "out", labels=labels)
    assert {name.removeprefix("figures/").removesuffix(".png") for name in dataset.manifest["figures"]} == figures
    card = (dataset.folder / "README.md").read_text()
    assert said in card
    assert "are unverified: nobody has compared their numbers" in card
    again = build_dataset(spec, tmp_path / "again", labels=labels)
    for name in dataset.manifest["figures"]:
        picture = (dataset.folder / name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert picture == (again.folder / name).read_bytes()
        assert b"tEXt" not in picture  # no date, no version of the library


@pytest.mark.filterwarnings("error")
def test_a_single_series_without_a_name_needs_no_legend(tmp_path):
    draw_phases(tmp_path / "one.png", "One", "E", {"": {0: 0.1, 1: 0.2}}, [])
    assert (tmp_path / "one.png").stat().st_size > 1000


def test_a_build_goes_on_without_labels(tmp_path):
    spec, labels = labelled(tmp_path, ALLOY, skip=("reference:Rh", "case:Rh1Sc7:0"))
    dataset = build_dataset(spec, tmp_path / "out", labels=labels, compute=False)
    made = dataset.manifest["labels"]["sevennet_relaxed"]
    assert (made["missing"], made["references"], made["labels"]) == (2, 1, made["converged"])
    ids = dataset.structures["id"].to_pylist()
    assert "case:Rh1Sc7:0" not in ids
    assert len(ids) == dataset.manifest["spaces"]["case"]["labelled"] == made["labels"] - 1
    assert len(dataset.index) == len(ids) + 1  # what is enumerated is not less for it
    assert dataset.structures["energy_above_hull"].null_count == len(ids)
    card = (dataset.folder / "README.md").read_text()
    assert "**2 labels are missing.**" in card
    assert "Empty as yet: the reference phase Rh has no usable label" in card


def test_a_reference_phase_that_failed_stops_a_whole_build(tmp_path):
    spec, labels = labelled(tmp_path, ALLOY)
    store = LabelStore(labels)
    (bad,) = (label for label in store if label.key.id == "reference:Rh")
    store.add([Label(bad.key, "hand 1", "by hand", bad.description, None, "failed: by hand", 1.0)])
    with pytest.raises(InputError, match=r"spec\.yaml:\d+: targets\.energy_above_hull: the reference phase Rh has no"):
        build_dataset(spec, tmp_path / "out", labels=labels)
    assert not (tmp_path / "out").exists()


def test_a_build_with_no_label_at_all_is_refused(tmp_path):
    spec, labels = labelled(tmp_path, ALLOY)
    labels.unlink()
    with pytest.raises(InputError, match="no configuration has a label yet"):
        build_dataset(spec, tmp_path / "out", compute=False)
