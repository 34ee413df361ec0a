"""Adding a thing touches one file: the very files of the plug-in package, laid among ours, are all that is needed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from matbench_defects.cli import app
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.splits import operators
from matbench_defects.dataset.targets import quantities
from matbench_defects.discovery.policies import policies
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.task import Task
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.labels import running
from matbench_defects.labels.engine import engines
from matbench_defects.models.model import models
from matbench_defects.spec.loading import load_spec

PLACES = {
    "model": (models, "nearest_content", "matbench_defects.models"),
    "engine": (engines, "atomic_numbers", "matbench_defects.labels.engines"),
    "metric": (metrics, "largest_error", "matbench_defects.evaluation.metrics"),
    "split": (operators, "even", "matbench_defects.dataset.splits"),
    "target": (quantities, "cell_energy", "matbench_defects.dataset.targets"),
    "policy": (policies, "in_order", "matbench_defects.discovery.policies"),
}
"""Of each kind: its registry, what the file is called after, and the package it goes to."""

SPEC = """
name: counted
version: 1.0.0
title: Rock salt that loses lithium
parent:
  spacegroup: Fm-3m
  lattice: {a: 4.2}
  sites: {Li: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [2, 1, 1]
sublattices: {Li: {Li: 4..8, vacancy: rest}}
labels: [{engine: atomic-numbers}]
targets: {cell_energy: {unit: eV}}
splits: {even: {by: even}}
"""


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Lay one file of each kind into the folder of its kind."""
    source = Path(__file__).parent / "plugin_package" / "counted_defects"
    names = []
    for kind, (registry, stem, package) in PLACES.items():
        folder = tmp_path / kind
        folder.mkdir()
        (folder / f"{stem}.py").write_text((source / f"{kind}.py").read_text())
        module = importlib.import_module(package)
        monkeypatch.setattr(module, "__path__", [*module.__path__, str(folder)])
        monkeypatch.setattr(registry, "_complete", False)
        names.append((registry, f"{package}.{stem}"))
    yield
    for registry, module in names:
        for name in [n for n in registry._entries if n.replace("-", "_") == module.rpartition(".")[2]]:
            registry.forget(name)
        sys.modules.pop(module, None)


def test_one_file_each_is_all_it_takes(added, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "LocalPool", lambda workers: ThisProcess())
    (tmp_path / "spec.yaml").write_text(SPEC)
    shown = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    dataset = build_dataset(load_spec(tmp_path), tmp_path / "built")
    possible = [-0.01 * (3 * lithium + 8 * 8) for lithium in range(4, 9)]
    assert set(dataset.structures["cell_energy"].to_pylist()) == set(np.round(possible, 9))
    task = Task(
        name="counted-energy",
        title="Energies of the test",
        dataset="counted@1.0.0",
        target="cell_energy",
        split="even",
        kind="interpolation",
        metrics=["largest_error", "mae"],
        seeds=[0],
    )
    found = evaluate(task, dataset, "nearest-content", tmp_path / "results")
    assert found.scores["largest_error"].mean >= found.scores["mae"].mean > 0
    asked = ["discover", str(dataset.folder), "--policy", "in-order", "--target", "cell_energy", "--seed", "0"]
    shown = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "discovery")])
    assert shown.exit_code == 0, shown.output
    for what, name in (("models", "nearest-content"), ("engines", "atomic-numbers"), ("metrics", "largest_error")):
        assert name in CliRunner().invoke(app, ["list", what]).output
