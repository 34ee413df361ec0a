"""Barriers from elastic bands."""

from __future__ import annotations

import numpy as np
import pytest
from label_samples import BAND, PATHWAY, Emt, copper
from specs_for_tests import POTASSIUM_HOPS

from matbench_defects.columns import Quantity
from matbench_defects.dataset.build import build_dataset
from matbench_defects.enumeration.selection import select
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.labels import running
from matbench_defects.labels.engine import engines
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Relaxation

VACANCY = "{vacancy: 1, Cu: rest}"
GOLD = "{vacancy: 1, Au: 1, Cu: rest}"
EVERY = "{select: uniform, count: 2}"


@pytest.fixture(autouse=True)
def emt(monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setattr(running, "LocalPool", lambda workers: ThisProcess())
    with engines.temporarily("emt", Emt):
        yield


def spec_of(tmp_path, content, cell="false", band=BAND, more=""):
    return copper(tmp_path, content, f"{PATHWAY}\n{more}", band.replace("CELL", cell))


def labels_of(spec, tmp_path):
    jobs = jobs_of(spec, select(spec))
    return jobs, run_jobs(jobs, [LabelStore(tmp_path / "labels.parquet")])


def test_a_vacancy_hop_in_copper_is_symmetric(tmp_path):
    spec = spec_of(tmp_path, VACANCY)
    (job,), found = labels_of(spec, tmp_path)
    label = found[job.key]
    assert label.usable, label.problem
    assert label.level_of_theory == Emt.level_of_theory
    assert label.engine_version.startswith("emt 1, ase ")
    band = label.outcome.band
    assert len(band.energies) == 5
    assert band.forward == pytest.approx(band.backward, abs=2e-3)
    assert 0.4 < band.largest < 1.0  # by effective-medium theory; 0.7 eV is measured
    assert band.energies.argmax() == 2
    # The saddle point lies half way, as symmetry wants it.
    middle = job.subject.first.positions[job.subject.atom] + job.subject.vector / 2
    assert band.highest[job.subject.atom] == pytest.approx(middle, abs=0.05)
    assert 0 < label.outcome.displacement < 0.3
    assert label.outcome.max_force < 0.02


def test_both_directions_differ_by_the_end_points(tmp_path):
    jobs, found = labels_of(spec_of(tmp_path, GOLD, more=f"configurations: {EVERY}"), tmp_path)
    assert len(jobs) == 2
    for job in jobs:
        label = found[job.key]
        assert label.usable, label.problem
        alone = Emt(None).compute(job.subject.second, Relaxation(cell=False, fmax=0.01))
        band = label.outcome.band
        assert band.energies[-1] == pytest.approx(alone.energy, abs=1e-3)
        assert band.forward - band.backward == pytest.approx(alone.energy - label.outcome.energy, abs=1e-3)
        assert band.largest == max(band.forward, band.backward)
        assert min(band.forward, band.backward) > 0.1
        assert (band.second[job.subject.atom] - label.outcome.crystal.positions[job.subject.atom]) == pytest.approx(
            job.subject.vector, abs=0.5
        )


def test_the_cell_is_the_specs_or_that_of_the_relaxed_host(tmp_path):
    kept, relaxed = (
        next(iter(labels_of(spec_of(tmp_path, VACANCY, c), tmp_path)[1].values())) for c in ("false", "true")
    )
    assert kept.outcome.crystal.lattice == pytest.approx(np.eye(3) * 7.2)
    assert relaxed.outcome.crystal.lattice == pytest.approx(np.eye(3) * 2 * 3.59, abs=0.01)  # copper in EMT
    assert kept.key != relaxed.key


@pytest.mark.parametrize(
    ("band", "problem"),
    [
        (BAND.replace("fmax: 0.02", "fmax: 0.02, steps: 2"), "the band was not relaxed to 0.02 eV/Å within 2 steps"),
        (
            BAND.replace("fmax: 0.01", "fmax: 0.01, steps: 1"),
            "the first end point was not relaxed to 0.01 eV/Å within 1",
        ),
    ],
)
def test_what_does_not_converge_is_said_and_kept(tmp_path, band, problem):
    labels_of(spec_of(tmp_path, VACANCY, band=band), tmp_path)
    (label,) = LabelStore(tmp_path / "labels.parquet")
    assert label.problem.startswith(problem)
    assert not label.outcome.converged
    assert label.outcome.band.largest > 0


def test_barriers_come_out_in_the_dataset(tmp_path):
    spec = spec_of(tmp_path, VACANCY)
    jobs, found = labels_of(spec, tmp_path)
    dataset = build_dataset(spec, tmp_path / "out", labels=tmp_path / "labels.parquet")
    (row,) = dataset.structures.to_pylist()
    band = found[jobs[0].key].outcome.band
    for column, value in (("", band.largest), ("_forward", band.forward), ("_backward", band.backward)):
        assert row[f"neb_relaxed_barrier{column}"] == pytest.approx(value, abs=1e-5)
    quantity = Quantity.of(dataset.structures.schema.field("neb_relaxed_barrier_forward"))
    assert (quantity.unit, quantity.reference) == ("eV", "the first end point")
    assert row["neb_relaxed_path_energies"] == pytest.approx(band.energies - band.energies[0], abs=1e-5)
    assert row["hop_atom"] == jobs[0].subject.atom
    assert row["hop_cartesian_vector"] == pytest.approx(jobs[0].subject.vector)
    second = np.array(row["cartesian_site_positions"])
    second[row["hop_atom"]] += row["hop_cartesian_vector"]
    assert second == pytest.approx(jobs[0].subject.second.positions)
    assert row["neb_relaxed_displacement"] > 0


@pytest.mark.slow
def test_potassium_hops_in_kfeo2(tmp_path):
    (tmp_path / "spec.yaml").write_text(POTASSIUM_HOPS)
    (job,), found = labels_of(load_spec(tmp_path), tmp_path)
    label = found[job.key]
    assert label.usable, label.problem
    assert "not DFT" in label.level_of_theory
    band = label.outcome.band
    assert 0.02 < min(band.forward, band.backward) <= band.largest < 1.0
    assert band.forward - band.backward == pytest.approx(band.energies[-1] - band.energies[0], abs=1e-6)
    assert 0 < band.energies.argmax() < len(band.energies) - 1
    assert label.outcome.displacement < 1.0
