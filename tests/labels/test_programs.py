"""ASE calculators that run a program, from the user's own list: what they find, what is kept, how they fail."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from fake_programs import programs

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.execution.cluster_file import ClusterSpec
from matbench_defects.execution.dask_cluster import DaskCluster
from matbench_defects.labels import running
from matbench_defects.labels.engine import Method
from matbench_defects.labels.engines.ase import AseEntry, AseSettings
from matbench_defects.labels.program_guard import guarded
from matbench_defects.labels.running import Job, run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.models import Relaxation

COPPER = Crystal(
    np.eye(3) * 3.7, ("Cu",) * 4, np.array([[0, 0, 0.05], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]) * 3.7
)
RELAX = Relaxation(cell=False, fmax=0.5, steps=20)
WRITTEN = {
    "pw": {"espresso.pwi", "espresso.pwo"},
    "vasp": {"INCAR", "POSCAR", "KPOINTS", "POTCAR", "OUTCAR", "vasprun.xml"},
}


@pytest.fixture
def listed(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(programs(tmp_path)))
    monkeypatch.setenv("VASP_PP_PATH", str(tmp_path / "potentials"))
    return tmp_path


def expected():
    from ase.calculators.emt import EMT

    atoms = COPPER.to_ase()
    atoms.calc = EMT()
    return atoms.get_potential_energy()


def job(name, relax=None):
    return Job("a:1", "host", COPPER, Method("label", "ase", AseSettings(calculator=name), relax))


@pytest.mark.parametrize(("name", "theory"), [("pw", "PBE, made-up"), ("vasp", "PBE, PAW, 400 eV")])
def test_a_program_labels_in_another_process_and_its_files_are_kept(listed, name, theory):
    wanted = job(name)
    store = LabelStore(listed / "labels.parquet")
    (found,) = run_jobs([wanted], [store], workers=1).values()
    assert found.usable, found.problem
    assert found.outcome.energy == pytest.approx(expected(), abs=1e-6)
    assert found.level_of_theory.startswith(theory)
    assert found.engine_version.startswith({"pw": "PWSCF 7.3 (espresso,", "vasp": "VASP 6.4.2 (vasp,"}[name])
    kept = listed / "calculations" / found.key.method / "a_1"
    assert {path.name for path in kept.iterdir()} >= WRITTEN[name]


@pytest.mark.slow
def test_a_program_labels_on_a_cluster(listed):
    wanted = job("pw")
    with DaskCluster(ClusterSpec.model_validate({"local": {"workers": 1}})) as cluster:
        (found,) = run_jobs([wanted], [LabelStore(listed / "labels.parquet")], executor=cluster).values()
    assert found.usable, found.problem
    kept = listed / "calculations" / found.key.method / "a_1"
    assert {path.name for path in kept.iterdir()} >= WRITTEN["pw"]


@pytest.mark.parametrize("shell", [True, False])
def test_a_program_ends_with_the_process_that_asked_for_it(tmp_path, shell):
    program = tmp_path / "program"
    program.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/number.part; mv {tmp_path}/number.part {tmp_path}/number\nsleep 900"
    )
    program.chmod(0o700)
    asking = (
        "import shlex, subprocess; from matbench_defects.labels.program_guard import guarded; "
        f"command = guarded({str(program)!r}, shell={shell}); "
        f"subprocess.run(command if {shell} else shlex.split(command), shell={shell})"
    )
    process = subprocess.Popen([sys.executable, "-c", asking])
    _wait_until((tmp_path / "number").exists)
    number = int((tmp_path / "number").read_text())
    assert _runs(number)
    process.kill()
    process.wait()
    _wait_until(lambda: not _runs(number))


def _runs(number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, 0)
        return True
    return False


def _wait_until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("command", ["exit 3", "kill -9 $$"])
def test_a_guarded_program_says_how_it_ended(command):
    bare = subprocess.run(command, shell=True).returncode
    assert subprocess.run(guarded(command, shell=True), shell=True).returncode == (bare if bare > 0 else 128 - bare)


@pytest.mark.parametrize("name", ["pw", "vasp"])
def test_it_relaxes_like_any_other(listed, name):
    found = running.compute_label(job(name, RELAX))
    assert found.usable, found.problem
    assert found.outcome.converged
    assert found.outcome.steps > 1
    assert found.outcome.energy < expected() - 0.01


@pytest.mark.parametrize(
    ("name", "fake", "problem"),
    [
        ("pw", "stopped", "failed: SCFError: the density did not converge"),
        ("vasp", "unconverged", "the density did not converge"),
        ("pw", "crash", "fake_pw ended with exit code 1"),
        ("vasp", "crash", "internal error in subroutine SGRCON"),
    ],
)
def test_what_goes_wrong_is_the_labels_problem(listed, monkeypatch, name, fake, problem):
    monkeypatch.setenv("FAKE", fake)
    found = running.compute_label(job(name))
    assert not found.usable
    assert problem in found.problem
    monkeypatch.setenv("FAKE", "")
    assert running.compute_label(job(name)).usable  # in the same process: nothing stays behind


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "calculator: vasp",
            "calculator: vsap",
            r"engines.yaml: ase.vasp: ASE has no calculator 'vsap'; did you mean 'vasp'",
        ),
        ("calculator: vasp", "calculator: emt", "ase.vasp: emt runs no program, so it takes no `command`"),
        ("calculator: vasp", "calculator: no.such:Thing", "the calculator no.such:Thing cannot be imported"),
        ("    version: VASP 6.4.2\n", "", r"engines.yaml:\d+: ase.vasp: .*give either `package` or `version`"),
        ("xc: PBE", "xc: PBE, xc: PBE", "the key 'xc' is given twice"),
        ("    level_of_theory: PBE, PAW, 400 eV\n", "", r"ase.vasp.level_of_theory: is missing"),
    ],
)
def test_lists_that_are_refused(listed, old, new, message):
    path = listed / "engines.yaml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        AseEntry(AseSettings(calculator="vasp"))
