"""GPAW: what its settings come to, what becomes of failures of its process, and a primitive cell for real."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from pydantic import ValidationError
from specs_for_tests import DOPED_BORON_NITRIDE
from typer.testing import CliRunner

from matbench_defects.cli import app
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.labels import running
from matbench_defects.labels.engine import Method
from matbench_defects.labels.engines.gpaw import Gpaw, GpawSettings
from matbench_defects.labels.gpaw_process import calculator
from matbench_defects.labels.running import Job
from matbench_defects.spec.models import Relaxation

LATTICE = np.array([[2.512, 0, 0], [-1.256, 1.256 * 3**0.5, 0], [0, 0, 8.0]])
BORON_NITRIDE = Crystal(LATTICE, ("B", "N"), np.array([[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]]) @ LATTICE)
SETTINGS = GpawSettings(cutoff=300, kpoint_density=1.5)
ENERGY = -12.090
"""That of the cell, eV, found with GPAW 26.7.0 and gpaw-data 1.2.1; at 300 eV it is far from converged."""
WORKER = """
import json, os, sys
first = sys.stdin.readline()
if not first:
    sys.exit()
first = json.loads(first)
BEHAVIOUR
for line in sys.stdin:
    pass
"""
ANSWER = """
n = len(first["symbols"])
print(json.dumps({"energy": -first["parameters"]["mode"]["ecut"] / 100, "forces": [[0, 0, 0.01]] * n}), flush=True)
"""


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Put a program of the test's own in the place of GPAW's."""
    monkeypatch.setattr("matbench_defects.labels.engines.gpaw.require_extra", lambda *names: None)
    monkeypatch.setattr("matbench_defects.labels.engines.gpaw.package_version", lambda name: "0")
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(tmp_path / "engines.yaml"))

    def behaves(lines):
        path = tmp_path / "worker.py"
        path.write_text(WORKER.replace("BEHAVIOUR", lines))
        monkeypatch.setattr(calculator, "WORKER", path)

    return behaves


def label(tmp_path, settings=SETTINGS, relax=None):
    job = Job("a:b", "host", BORON_NITRIDE, Method("label", "gpaw", settings, relax), files=tmp_path / "kept")
    return running.compute_label(job)


def test_the_label_says_the_level_of_theory():
    settings = GpawSettings(
        cutoff=450, kpoint_density=3, moments={"Ni": 1.0, "Fe": 5}, hubbard={"Ni": {"u": 6.2}, "Fe": {"u": 5.3}}
    )
    assert settings.level_of_theory() == (
        "DFT: PBE, U(Fe d) = 5.3 eV, U(Ni d) = 6.2 eV, plane waves to 450 eV, 3 k-points per Å⁻¹, "
        "Fermi-Dirac 0.1 eV, spin-polarised (from Fe 5, Ni 1 μB), no dispersion"
    )
    assert settings.parameters()["setups"] == {"Ni": ":d,6.2", "Fe": ":d,5.3"}
    json.dumps(settings.parameters())  # plain data, or it would not travel


@pytest.mark.parametrize(
    "wrong", [{"xc": "os.system"}, {"cutoff": 10}, {"moments": {"vacancy": 1}}, {"hubbard": {"Ni": {"u": -1}}}]
)
def test_settings_that_are_refused(wrong):
    with pytest.raises(ValidationError):
        GpawSettings(**wrong)


def test_what_the_process_answers_becomes_the_label_and_its_input_is_kept(worker, tmp_path):
    worker(ANSWER)
    found = label(tmp_path)
    assert found.usable, found.problem
    assert found.outcome.energy == -3
    assert found.outcome.max_force == pytest.approx(0.01)
    assert found.level_of_theory.startswith("DFT: PBE, plane waves to 300 eV")
    kept = json.loads((tmp_path / "kept" / "input.json").read_text())
    assert kept["symbols"] == ["B", "N"]
    assert kept["parameters"]["xc"] == "PBE"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            'print(json.dumps({"failure": "x", "unconverged": True}), flush=True)',
            "failed: SCFError: the density did not converge within 200 iterations",
        ),
        (
            'print(json.dumps({"failure": "KeyError: 3", "unconverged": False}), flush=True)',
            "failed: CalculationFailed: GPAW: KeyError: 3",
        ),
        (
            'print("out of memory", file=sys.stderr); os._exit(9)',
            "failed: CalculationFailed: the process of GPAW ended with exit code 9: out of memory",
        ),
    ],
)
def test_failures_are_recorded(worker, tmp_path, lines, problem):
    worker(lines)
    found = label(tmp_path)
    assert found.outcome is None
    assert found.problem == problem


def test_the_process_ends_with_the_calculation(worker, tmp_path, monkeypatch):
    worker(ANSWER)
    started = []
    start = calculator.subprocess.Popen
    monkeypatch.setattr(calculator.subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[-1])
    assert label(tmp_path).usable
    assert [process.poll() for process in started] == [0, 0]  # one to see whether it starts


def test_a_gpaw_that_does_not_start_ends_the_run(worker, tmp_path):
    worker("")
    calculator.WORKER.write_text("raise ImportError('libxc.so.9: cannot open shared object file')")
    message = (
        "^the engine gpaw cannot be started: the process of GPAW ended with exit code 1: ImportError: libxc.so.9: "
        r"cannot open shared object file; GPAW needs the system libraries .* `pip install 'matbench-defects\[gpaw\]'`$"
    )
    with pytest.raises(InputError, match=message):
        label(tmp_path)
    (tmp_path / "engines.yaml").write_text("gpaw: {command: no-such-mpiexec -n 2}")
    running._loaded.clear()
    message = "engines.yaml: gpaw.command: `no-such-mpiexec -n 2` cannot be run: No such file or directory"
    with pytest.raises(InputError, match=message):
        label(tmp_path)


def test_what_a_killed_run_left_is_no_beginning(worker, tmp_path):
    worker(ANSWER)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "WAVECAR").touch()
    assert label(tmp_path).usable
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"input.json"}


@pytest.mark.parametrize("package", ["gpaw", "gpaw-data"])
def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path, package):
    version = importlib.metadata.version

    def without(name):
        if name == package:
            raise importlib.metadata.PackageNotFoundError(name)
        return "1" if name in Gpaw.packages else version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    message = f"the engine gpaw needs the package {package}: pip install 'matbench-defects[gpaw]'"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        Gpaw(SETTINGS)
    (tmp_path / "spec.yaml").write_text(DOPED_BORON_NITRIDE)
    checked = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert checked.exit_code == 0
    assert f"warning: label gpaw_static: {message}" in checked.output


def skip_without_gpaw():
    try:
        Gpaw(SETTINGS).check_start()
    except InputError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_it_does_not_go_on_for_nobody(tmp_path):
    skip_without_gpaw()
    process = subprocess.Popen([sys.executable, "-P", str(calculator.WORKER)], stdin=subprocess.PIPE, text=True)
    request = {
        "symbols": list(BORON_NITRIDE.species),
        "cell": LATTICE.tolist(),
        "positions": BORON_NITRIDE.positions.tolist(),
        "moments": None,
        "properties": ["energy"],
        "parameters": GpawSettings(cutoff=1500, kpoint_density=10).parameters(),  # minutes
        "log": str(tmp_path / "gpaw.txt"),
    }
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    while not (tmp_path / "gpaw.txt").exists():
        time.sleep(0.2)
    process.stdin.close()  # as when whoever asked was killed
    assert process.wait(timeout=60) == 1


@pytest.mark.slow
def test_a_primitive_cell(tmp_path, monkeypatch):
    skip_without_gpaw()
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(tmp_path / "engines.yaml"))
    found = label(tmp_path, relax=Relaxation(cell=True, fmax=5.0))  # so much, that it takes no step
    assert found.usable, found.problem
    assert found.outcome.energy == pytest.approx(ENERGY, abs=0.01)
    assert found.outcome.max_force < 0.05  # symmetry keeps the atoms where they are
    assert found.outcome.max_stress < 0.1  # 0.27 across the vacuum without the correction for the plane waves
    assert "Libxc" in (tmp_path / "kept" / "gpaw.txt").read_text()
    # ASE reads which file formats installed packages have, so the bare name is there; nothing that computes is.
    assert not {"_gpaw", "gpaw.dft", "gpaw.new", "gpaw.calculator"} & set(sys.modules)
    stopped = label(tmp_path, GpawSettings(cutoff=300, kpoint_density=1.5, iterations=2))
    assert stopped.problem == "failed: SCFError: the density did not converge within 2 iterations"
