"""A label is the lowest of several relaxations, each from another seeded start."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from label_samples import PATHWAY, Emt, copper

from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.dataset.build import build_dataset
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.labels import running
from matbench_defects.labels.attempts import REFERENCE_ATTEMPTS, attempts_by_id, attempts_of, lowest_attempt
from matbench_defects.labels.engine import engines
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import LabelStore

RATTLED = "{engine: emt, relax: {cell: false, fmax: 0.01, rattle: 0.05, attempts: 2}}"


@pytest.fixture(autouse=True)
def emt(monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setattr(running, "LocalPool", lambda workers: ThisProcess())
    with engines.temporarily("emt", Emt):
        yield


def jobs_in(folder, label=RATTLED, content="{vacancy: 0..2, Cu: rest}", pathway=""):
    spec = copper(folder, content, pathway, label)
    return jobs_of(spec, select(spec))


def test_every_label_has_its_attempts_and_the_host_more(tmp_path):
    numbers = {}
    for job in jobs_in(tmp_path):
        numbers.setdefault(job.id, []).append(job.attempt)
    host = [name for name in numbers if "Va" not in name and not name.startswith(REFERENCE)]
    assert len(host) == 1 and numbers.pop(host[0]) == list(range(1, REFERENCE_ATTEMPTS + 1))
    assert numbers and all(
        found == ([1, 2, 3, 4, 5] if name.startswith(REFERENCE) else [1, 2]) for name, found in numbers.items()
    )


def test_starts_are_seeded_differ_and_are_the_same_for_every_engine(tmp_path):
    first, second = jobs_in(tmp_path)[-2:]
    again = jobs_in(tmp_path)[-2]
    other = jobs_in(tmp_path, RATTLED.replace("fmax: 0.01", "fmax: 0.02"))[-2]
    assert np.array_equal(first.start.positions, again.start.positions)
    assert np.array_equal(first.start.positions, other.start.positions) and first.key != other.key
    away = [job.start.positions - job.crystal.positions for job in (first, second)]
    assert not np.allclose(*away)
    assert 0.03 < np.std(away) < 0.07


def test_the_number_of_attempts_is_no_part_of_the_method(tmp_path):
    few, many = jobs_in(tmp_path)[-1], jobs_in(tmp_path, RATTLED.replace("attempts: 2", "attempts: 4"))
    assert few.method.digest() == many[-1].method.digest()
    assert few.key in {job.key for job in many}


def test_a_method_without_rattle_is_what_it_was(tmp_path):
    """Labels of version 1 are found by the digest of a description that knew neither rattle nor fixed sites."""
    job = jobs_in(tmp_path, "{engine: emt, relax: {cell: false}}")[-1]
    relax = {"cell": False, "fmax": 0.05, "steps": 500, "optimizer": "LBFGS"}
    assert job.method.description()["relax"] == relax and job.attempt == 0
    assert attempts_of(job.method, refers=True) == range(1)
    assert job.start is job.crystal


def test_fixed_sites_stay(tmp_path):
    fixed = jobs_in(tmp_path, RATTLED.replace("attempts: 2", "attempts: 2, fixed: [Cu]"))[-1]
    assert fixed.crystal.fixed.all()
    assert np.array_equal(fixed.start.positions, fixed.crystal.positions)
    assert "fixed" in fixed.method.description()["relax"]


@pytest.mark.parametrize(
    ("relax", "reason"),
    [("{cell: false, attempts: 2}", "give `rattle`"), ("{cell: false, rattle: -1}", "greater than or equal to 0")],
)
def test_what_makes_no_sense_is_refused(tmp_path, relax, reason):
    with pytest.raises(InputError, match=reason):
        copper(tmp_path, "{vacancy: 1, Cu: rest}", "", f"{{engine: emt, relax: {relax}}}")


def test_a_hop_starts_displaced_at_both_ends(tmp_path):
    label = "{engine: neb, forces: {engine: emt}, images: 3, relax: {cell: false, rattle: 0.02, attempts: 2}}"
    first = jobs_in(tmp_path, label, "{vacancy: 1, Cu: rest}", PATHWAY)[-1]
    hop = first.given("pathways")
    moved = hop.second.positions - first.subject.second.positions
    assert np.allclose(moved, hop.first.positions - first.crystal.positions) and np.abs(moved).max() > 0.01


def attempt(job, energy, problem="", converged=True):
    (label,) = run_jobs([job], [LabelStore(job.files)]).values()
    outcome = dataclasses.replace(label.outcome, energy=energy, converged=converged)
    return dataclasses.replace(label, key=job.key, outcome=outcome, problem=problem)


def test_the_lowest_that_converged_and_stayed_counts(tmp_path):
    job = dataclasses.replace(jobs_in(tmp_path)[-1], files=tmp_path / "labels.parquet")
    tries = [dataclasses.replace(job, attempt=i) for i in range(1, 5)]
    left = "it relaxed into another configuration, cu:1"
    found = [
        attempt(tries[0], -1.0),
        attempt(tries[1], -1.5),
        attempt(tries[2], -1.7, left),
        attempt(tries[3], -9.0, "not relaxed to 0.01 eV/Å within 500 steps", converged=False),
    ]
    tried = lowest_attempt(found)
    assert tried.label is found[1] and (tried.usable, tried.total) == (2, 4)
    assert tried.lower_elsewhere == pytest.approx(0.2)
    assert lowest_attempt(found[:2]).lower_elsewhere is None
    hopeless = lowest_attempt(found[2:])
    assert hopeless.label is found[2] and hopeless.usable == 0 and hopeless.lower_elsewhere is None


def test_a_reconstruction_counts_where_a_spec_says_so_and_none_stayed(tmp_path):
    job = dataclasses.replace(jobs_in(tmp_path)[-1], files=tmp_path / "labels.parquet")
    tries = [dataclasses.replace(job, attempt=i) for i in range(1, 4)]
    left = "it relaxed into another configuration, cu:1"
    found = [attempt(tries[0], -1.0, left), attempt(tries[1], -1.5, left), attempt(tries[2], -2.0, "failed: no")]
    assert not lowest_attempt(found).label.usable
    kept = lowest_attempt(found, keeps_left=True)
    assert kept.label.usable and kept.label.key == tries[1].key and kept.reconstructed == left and kept.usable == 0
    stayed = lowest_attempt([*found, attempt(dataclasses.replace(job, attempt=4), -0.5)], keeps_left=True)
    assert stayed.label.outcome.energy == -0.5 and not stayed.reconstructed  # one that stayed counts, though higher
    assert stayed.lower_elsewhere == pytest.approx(1.0)


def test_a_dataset_marks_reconstructions(tmp_path, monkeypatch):
    kept = RATTLED.replace("{engine", "{reconstructed: kept, engine")
    monkeypatch.setattr("matbench_defects.labels.running.checked", lambda label, origin: wandered(label))

    def wandered(label):
        if "Va2" not in label.key.id or label.outcome.displacement is not None:
            return label
        outcome = dataclasses.replace(label.outcome, displacement=1.0)
        return dataclasses.replace(label, outcome=outcome, problem="it left its configuration: far away")

    built = {}
    for name, label in (("left out", RATTLED), ("kept", kept)):
        spec = copper(tmp_path, "{vacancy: 0..2, Cu: rest}", "", label)
        built[name] = build_dataset(spec, tmp_path / name.replace(" ", "-"), labels=tmp_path / "none.parquet")
    one, other = built["left out"], built["kept"]
    twice = [i for i, id_ in enumerate(other.structures["id"].to_pylist()) if "Va2" in id_]
    marks = other.structures["emt_relaxed_reconstructed"].to_pylist()
    assert twice and all(bool(mark) == (i in twice) for i, mark in enumerate(marks))
    assert other.manifest["labels"]["emt_relaxed"]["reconstructed"] == len(twice)
    assert not other.manifest["labels"]["emt_relaxed"]["discarded"]
    assert one.manifest["labels"]["emt_relaxed"]["discarded"] == {"it left its configuration": len(twice)}
    assert "emt_relaxed_reconstructed" not in one.structures.column_names


def test_a_run_goes_on_where_more_attempts_are_asked_for(tmp_path):
    store = tmp_path / "labels.parquet"
    few, many = jobs_in(tmp_path), jobs_in(tmp_path, RATTLED.replace("attempts: 2", "attempts: 3"))
    before = run_jobs(few, [LabelStore(store)])
    computed = []
    found = run_jobs(many, [LabelStore(store)], progress=lambda done, total: computed.append(total))
    assert computed[-1] == len(many) - len(few)
    assert {key: found[key].outcome.energy for key in before} == {k: v.outcome.energy for k, v in before.items()}
    lowest = attempts_by_id(found.values())
    assert all(each.label.usable and each.lower_elsewhere is None for each in lowest.values())


def test_a_dataset_has_the_lowest_and_says_of_how_many(tmp_path):
    spec = copper(tmp_path, "{vacancy: 0..2, Cu: rest}", "", RATTLED)
    rows = build_dataset(spec, tmp_path / "built").structures
    (name,) = [column.removesuffix("_attempts") for column in rows.column_names if column.endswith("_attempts")]
    assert set(rows[f"{name}_attempts"].to_pylist()) == {2, 5}
    every = jobs_of(spec, select(spec))
    found = attempts_by_id(run_jobs(every, [LabelStore(tmp_path / "again.parquet")]).values())
    for id_, energy in zip(rows["id"].to_pylist(), rows[f"{name}_energy"].to_pylist(), strict=True):
        assert energy == pytest.approx(found[id_].label.outcome.energy, abs=1e-6)
