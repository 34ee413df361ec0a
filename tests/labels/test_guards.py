"""Relaxed labels are compared with the configuration they started from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
from label_samples import PATHWAY, Emt, copper

from matbench_defects.crystal.structure import Crystal
from matbench_defects.enumeration.selection import select
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.labels import running
from matbench_defects.labels.engine import Band, Outcome, engines
from matbench_defects.labels.guards import checked, kind_of_problem
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import Label, LabelStore

RELAXED = "{engine: emt, relax: {cell: false}}"
STRAIN = np.array([[1.2, 0.05, 0], [0, 0.85, 0], [0.02, 0, 1.25]])


@pytest.fixture(autouse=True)
def emt(monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setattr(running, "LocalPool", lambda workers: ThisProcess())
    with engines.temporarily("emt", Emt):
        yield


def jobs_in(tmp_path, content="{vacancy: 2, Cu: rest}", pathway="", label=RELAXED):
    spec = copper(tmp_path, content, pathway, label)
    return jobs_of(spec, select(spec))


def label_of(job, positions=None, lattice=None, **more):
    crystal = job.crystal
    crystal = Crystal(
        crystal.lattice if lattice is None else lattice,
        crystal.species,
        crystal.positions if positions is None else positions,
    )
    outcome = Outcome(-1.0, crystal, **({"max_force": 0.01} | more), max_stress=None, magnetic_moments=None,
                      converged=True, steps=3)  # fmt: skip
    return Label(job.key, "emt 1", "a toy", job.method.description(), outcome, "", 1.0)


def hop_into_vacancy(job):
    """Positions with one atom moved onto the vacant site that is nearest to it, by at most 2.7 Å."""
    ideal, space = job.crystal.positions, job.origin.space
    vacant = next(p for p in space.positions if np.linalg.norm(ideal - p, axis=1).min() > 0.1)
    positions = ideal.copy()
    atom = int(np.linalg.norm(ideal - vacant, axis=1).argmin())
    positions[atom] = vacant
    return positions


def test_a_relaxation_in_place_records_its_displacement(tmp_path):
    job = jobs_in(tmp_path)[0]
    shaken = job.crystal.positions + [0.4, 0.1, 0]  # drift
    shaken[3] += [0, 0, 0.31]
    label = checked(label_of(job, shaken), job.origin)
    assert label.usable
    assert label.outcome.displacement == pytest.approx(0.3, abs=0.01)
    assert checked(label, job.origin) is label


def test_any_strain_is_taken_out(tmp_path):
    job = jobs_in(tmp_path)[0]
    fractional = job.crystal.positions @ np.linalg.inv(job.crystal.lattice)
    lattice = job.crystal.lattice @ STRAIN
    label = checked(label_of(job, fractional @ lattice, lattice), job.origin)
    assert label.usable
    assert label.outcome.displacement == pytest.approx(0, abs=1e-9)


def test_an_atom_on_another_site_makes_another_configuration(tmp_path):
    found = [checked(label_of(job, hop_into_vacancy(job)), job.origin) for job in jobs_in(tmp_path)]
    left = [label for label in found if not label.usable]
    assert left
    for label in left:
        assert label.problem.startswith("it relaxed into another configuration, copper:Va2Cu30:")
        assert label.key.id not in label.problem
        assert label.outcome.displacement > 2


def test_an_equivalent_configuration_is_no_problem(tmp_path):
    (job,) = jobs_in(tmp_path, "{vacancy: 1, Cu: rest}")
    label = checked(label_of(job, hop_into_vacancy(job)), job.origin)
    assert label.usable
    assert label.outcome.displacement > 2


def test_an_end_point_on_another_site_is_a_problem_though_it_is_equivalent(tmp_path):
    band = "{engine: neb, forces: {engine: emt}, relax: {cell: false}}"
    (job,) = jobs_in(tmp_path, "{vacancy: 1, Cu: rest}", PATHWAY, band)
    first, second = job.subject.first.positions, job.subject.second.positions
    for ends, problem in (
        ((first, second), ""),
        ((second, second), "its first end point relaxed into another configuration"),
        ((first, first), "its second end point relaxed into another configuration"),
    ):
        band = Band(np.zeros(5), first, ends[1], job.subject.atom)
        label = checked(label_of(job, ends[0], band=band), job.origin)
        assert label.problem.startswith(problem) and bool(label.problem) == bool(problem)


def test_an_atom_far_from_every_site_is_a_problem(tmp_path):
    job = jobs_in(tmp_path)[0]
    positions = job.crystal.positions.copy()
    positions[0] += [1.8, 0, 0]
    assert "it left its configuration: an atom lies 1." in checked(label_of(job, positions), job.origin).problem


@pytest.mark.parametrize("force", [1e3, float("nan"), float("inf")])
def test_absurd_forces(tmp_path, force):
    job = jobs_in(tmp_path)[0]
    assert "eV/Å is out of all proportion" in checked(label_of(job, max_force=force), job.origin).problem


def test_static_and_failed_labels_are_left_as_they_are(tmp_path):
    static = jobs_in(tmp_path, label="{engine: emt}")[0]
    label = label_of(static, hop_into_vacancy(static))
    assert checked(label, static.origin) is label
    failed = dataclasses.replace(label, outcome=None)
    assert checked(failed, static.origin) is failed


def test_labels_from_before_are_checked_when_they_are_found(tmp_path):
    """A table without the later columns is read, its labels are checked, and the last store keeps what was found."""
    jobs = jobs_in(tmp_path)
    path = tmp_path / "labels.parquet"
    LabelStore(path).add(label_of(job, hop_into_vacancy(job)) for job in jobs)
    later = ["displacement", "band_energies", "band_highest", "band_second", "band_atom"]
    pq.write_table(pq.read_table(path).drop_columns(later), path)
    assert all(label.usable and label.outcome.displacement is None for label in LabelStore(path))
    found = run_jobs(jobs, [LabelStore(path), LabelStore(tmp_path / "cache.parquet")])
    assert any(not label.usable for label in found.values())
    assert not (tmp_path / "cache.parquet").exists()
    assert "displacement" not in pq.read_schema(path).names  # only the last store is written
    run_jobs(jobs, [LabelStore(path)])
    for label in LabelStore(path):
        assert label.problem == found[label.key].problem
        assert label.outcome.displacement == pytest.approx(found[label.key].outcome.displacement, abs=1e-4)


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        ("it left its configuration: an atom lies 1.52 Å from its site", "it left its configuration"),
        ("it relaxed into another configuration, gamma-Zn:Zn2Pb30:3", "it relaxed into another configuration"),
        ("not relaxed to 0.05 eV/Å within 500 steps", "not relaxed to 0.05 eV/Å within 500 steps"),
    ],
)
def test_problems_of_one_kind_are_counted_together(problem, kind):
    assert kind_of_problem(problem) == kind
