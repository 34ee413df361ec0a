"""What every registered engine must do; a new engine inherits all of it by being registered."""

from __future__ import annotations

import numpy as np
import pytest
from label_samples import PATHWAY, copper, oxide

from matbench_defects.crystal.structure import Crystal
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.files import sha256_of_file
from matbench_defects.labels import running
from matbench_defects.labels.engine import Method, engines, require_extra
from matbench_defects.labels.job import Job
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.running import compute_label
from matbench_defects.spec.models import Relaxation

LITHIUM_OXIDE = Crystal(np.eye(3) * 4.2, ("Li", "O"), np.array([[0, 0, 0], [2.1, 2.1, 2.05]]))
OPTIONS = {
    "ase": {"calculator": "soft"},
    "bond-valence": {"charges": {"Li": 1, "O": -2}},
    "gpaw": {"cutoff": 300, "kpoint_density": 1.0},
    "ewald": {"charges": {"Li": 1, "O": -2}, "background": True},
    "neb": {"forces": {"engine": "ase", "calculator": "soft"}, "fmax": 0.2},
    "table": {"file": "energies.csv", "unit": "eV", "per": "cell", "level_of_theory": "PBE", "machine_learned": False},
}
"""Settings for engines that need some."""
POTENTIALS = {"sevennet", "chgnet", "diep"}
HEAVY = POTENTIALS | {"gpaw"}
"""Engines that take seconds."""
CALCULATORS = """
ase:
  soft:
    calculator: ase.calculators.lj:LennardJones
    package: ase
    level_of_theory: Lennard-Jones pairs
    machine_learned: false
    settings: {sigma: 2.25, epsilon: 0.2, rc: 6.0, smooth: true}
"""
BAND = "{engine: neb, forces: {engine: ase, calculator: soft}, relax: {cell: false}}"


@pytest.fixture(params=[pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in engines.names()])
def job(request, tmp_path, monkeypatch):
    """A label of each engine."""
    name = request.param
    try:
        require_extra(name)
    except InputError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(running, "_loaded", {})
    (tmp_path / "engines.yaml").write_text(CALCULATORS)
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(tmp_path / "engines.yaml"))
    (tmp_path / "energies.csv").write_text("id,energy\na,-3.25\n")
    kind = engines.get(name)
    settings = kind.Settings.model_validate(OPTIONS.get(name, {})).located(tmp_path)
    relax = Relaxation(cell=False, fmax=0.1) if kind.relaxation == "needed" else None
    method = Method("label", name, settings, relax)
    if kind.labels == "pathways":
        # Bond valences need ions.
        metal = name != "bond-valence"
        spec = copper(tmp_path, "{vacancy: 1, Cu: rest}", PATHWAY, BAND) if metal else oxide(tmp_path)
        (found,) = jobs_of(spec, select(spec))
        return Job(found.id, found.host, found.crystal, method, found.hop)
    return Job("a", "host", LITHIUM_OXIDE, method)


def test_the_result_is_finite_and_the_same_again(job, monkeypatch):
    first = compute_label(job)
    assert first.usable, first.problem
    assert np.isfinite(first.outcome.energy)
    assert first.outcome.max_force is None or np.isfinite(first.outcome.max_force)
    assert first.outcome.crystal.species == job.crystal.species
    assert (first.outcome.band is not None) == job.method.of_pathways
    monkeypatch.setattr(running, "_loaded", {})  # loaded anew, as another process would
    again = compute_label(job)
    assert again.outcome.energy == pytest.approx(first.outcome.energy, abs=1e-5)
    assert again.key == first.key


def test_it_says_what_it_is(job):
    kind = engines.get(job.method.engine)
    engine = job.method.load()
    name, _, number = engine.version.partition(" ")
    assert name and number
    assert isinstance(kind.level_of_theory, str)
    assert len(engine.level_of_theory) > 2
    if job.method.engine in POTENTIALS:
        assert "machine-learned" in engine.level_of_theory
    if "machine-learned potential" in engine.level_of_theory:
        assert "not DFT" in engine.level_of_theory


def test_every_setting_is_explained(job):
    properties = engines.get(job.method.engine).Settings.model_json_schema().get("properties", {})
    assert all(field.get("description") or "$ref" in field for field in properties.values()), properties


def test_all_that_decides_is_in_the_description(job):
    settings = job.method.description()["settings"]
    if "file" in settings:
        assert settings["sha256"] == sha256_of_file(job.method.settings._path)
    assert set(type(job.method.settings).model_fields) == set(settings)
