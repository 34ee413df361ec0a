"""What every registered engine must do; a new engine inherits all of it by being registered."""

from __future__ import annotations

import pytest

from matbench_defects.errors import InputError
from matbench_defects.labels import running
from matbench_defects.labels.engine import engines, require_extra
from matbench_defects.testing.engines import ENGINE_CHECKS, sample_job

OPTIONS = {
    "ase": {"calculator": "soft"},
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


def skip_without_its_packages(name):
    try:
        require_extra(name)
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(params=[pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in engines.names()])
def job(request, tmp_path, monkeypatch):
    """A label of each engine."""
    name = request.param
    skip_without_its_packages(name)
    monkeypatch.setattr(running, "_loaded", {})
    (tmp_path / "engines.yaml").write_text(CALCULATORS)
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(tmp_path / "engines.yaml"))
    (tmp_path / "energies.csv").write_text("id,energy\na,-3.25\n")
    settings = engines.get(name).Settings.model_validate(OPTIONS.get(name, {})).located(tmp_path)
    return sample_job(name, settings)


@pytest.mark.parametrize("check", ENGINE_CHECKS, ids=lambda check: check.__name__)
def test_contract(job, check):
    check(job)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(POTENTIALS))
def test_a_potential_says_that_it_is_learnt(name):
    skip_without_its_packages(name)
    engine = engines.get(name)(engines.get(name).Settings())
    assert "machine-learned" in engine.level_of_theory
