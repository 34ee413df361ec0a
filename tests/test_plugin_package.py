"""A package of somebody else's, installed beside ours: each of its things is used by its name on the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import matbench_defects

HERE = Path(__file__).parent
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
labels:
  - {engine: atomic-numbers, factor: -0.02}
targets:
  cell_energy: {unit: eV}
splits:
  even: {by: even}
"""
TASK = """
name: counted-energy
title: Energies of the test
dataset: counted@1.0.0
target: cell_energy
split: even
kind: interpolation
metrics: [largest_error, mae]
seeds: [0]
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Run a program of an environment that has ours and the package, and nothing else that is installed."""
    folder = tmp_path_factory.mktemp("environment")
    source = shutil.copytree(HERE / "plugin_package", folder / "source")  # building leaves files
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages, installed = (
        Path(subprocess.run([one, "-c", where], check=True, capture_output=True, text=True).stdout.strip())
        for one in (python, sys.executable)
    )
    ours = Path(matbench_defects.__file__).parents[1]  # where an editable installation has it
    (packages / "what_ours_needs.pth").write_text(f"{ours}\n{installed}\n")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", packages, source], check=True)

    def run(*arguments, cwd=folder):
        environment = {**os.environ, "COLUMNS": "150", "MATBENCH_DEFECTS_CACHE": str(folder / "cache")}
        done = subprocess.run([python, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_everything_it_offers_serves_on_the_command_line(command, tmp_path):
    def cli(*arguments):
        return command("-m", "matbench_defects.cli", *arguments, cwd=tmp_path)

    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "counted-energy.yaml").write_text(TASK)
    assert "nearest-content" in cli("list", "models") and "in-order" in cli("list", "policies")
    cli("build", "spec.yaml", "--out", "built")
    evaluate = ("evaluate", "counted-energy.yaml", "--dataset", "built", "--out", "results", "--model")
    shown = cli(*evaluate, "nearest-content")
    assert "NearestContent" in shown or "nearest-content" in shown
    record = json.loads((tmp_path / "results" / "counted-energy" / "nearest-content" / "result.json").read_text())
    assert record["scores"]["largest_error"]["mean"] >= record["scores"]["mae"]["mean"] > 0
    cli(*evaluate, "ensemble-nearest-content")
    cli("discover", "built", "--policy", "in-order", "--target", "cell_energy", "--seed", "0", "--out", "found")
    found = json.loads((tmp_path / "found" / "discovery.json").read_text())
    assert {search["policy"] for search in found["searches"]} == {"in-order"}


@pytest.mark.slow
def test_it_can_hold_its_things_to_the_contracts(command):
    pytest.importorskip("matbench_defects.testing")
    command("source/contract.py")
