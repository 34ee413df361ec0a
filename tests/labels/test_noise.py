"""The noise of labels is measured by further attempts, and how far labels drop when relaxed further."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from label_samples import PATHWAY, Emt, copper

from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.labelling import compute_labels, labels_there
from matbench_defects.dataset.lock import lock_of
from matbench_defects.dataset.plan import plan
from matbench_defects.dataset.reading import noise_words
from matbench_defects.errors import InputError
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.scoring import Score
from matbench_defects.evaluation.tables.table import score_cells
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.labels import running
from matbench_defects.labels.attempts import lowest_attempt
from matbench_defects.labels.engine import engines
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.loading import load_spec

NOISY = (
    "{engine: emt, relax: {cell: false, fmax: 0.05, rattle: 0.1, attempts: 2}, "
    "noise: {rows: 4, tightened: 3, fmax: 0.005}}"
)
TARGETS = """
reference_phases:
  Cu: {spacegroup: Fm-3m, lattice: {a: 3.6}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
targets:
  formation_energy: {unit: eV, per: cell, references: [Cu]}
splits: {random: {train: 0.5, test: 0.5}}
"""


@pytest.fixture(autouse=True)
def emt(monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setattr(running, "LocalPool", lambda workers: ThisProcess())
    with engines.temporarily("emt", Emt):
        yield


def noisy(folder, label=NOISY, more=TARGETS, content="{vacancy: 0..2, Cu: rest}"):
    copper(folder, content, "", "{engine: emt}")
    path = folder / "spec.yaml"
    path.write_text(path.read_text().replace("[{engine: emt}]", f"[{label}]") + more)
    return load_spec(path)


def test_twice_as_many_attempts_on_some_rows_and_a_few_relaxed_further(tmp_path):
    planned = plan(noisy(tmp_path))
    further = planned.further_jobs()
    assert {job.attempt for job in further} == {3, 4} and len({job.id for job in further}) == 4
    assert not {job.key for job in further} & {job.key for job in planned.jobs}
    store = LabelStore(tmp_path / "labels.parquet")
    found = compute_labels(planned, [store])
    tighter = planned.tightened_jobs(found)
    assert len(tighter) == 3 and all(job.method.relax.fmax == 0.005 for job in tighter)
    for job in tighter:
        made = [found[one.key] for one in planned.jobs if one.id == job.id]
        label = lowest_attempt(made).label
        assert np.allclose(job.start.positions, label.outcome.crystal.positions)
        assert found[job.key].outcome.energy <= label.outcome.energy + 1e-9
        assert found[job.key].outcome.max_force <= 0.005
    again = labels_there(planned, [LabelStore(tmp_path / "labels.parquet")])
    assert again.keys() == found.keys()


def test_the_dataset_states_both_as_they_follow_from_the_labels(tmp_path):
    spec = noisy(tmp_path)
    built = build_dataset(spec, tmp_path / "built")
    measured = built.manifest["targets"]["formation_energy"]["noise"]
    assert (measured["attempts"], measured["rows"], measured["tightened"]) == (2, 4, 3)
    planned = plan(spec)
    found = compute_labels(planned, [LabelStore(tmp_path / "again.parquet")])

    def lowest(jobs, id_):
        return lowest_attempt([found[job.key] for job in jobs if job.id == id_]).label.outcome.energy

    first, further, tighter = planned.jobs, planned.further_jobs(), planned.tightened_jobs(found)
    apart = [abs(lowest(first, id_) - lowest(further, id_)) for id_ in {job.id for job in further}]
    assert measured["noise"] == pytest.approx(np.mean(apart) / math.sqrt(2), abs=1e-6)
    drops = [lowest(first, job.id) - found[job.key].outcome.energy for job in tighter]
    assert measured["shift"] == pytest.approx(np.mean(drops), abs=1e-6) and measured["shift"] > 0
    assert measured["median_shift"] == pytest.approx(np.median(drops), abs=1e-6)
    assert built.noise("formation_energy") == measured["noise"]
    words = noise_words(built.manifest["targets"]["formation_energy"])
    assert words in (built.folder / "README.md").read_text()
    assert re.search(r"Noise of the labels: \S+ eV per cell \(two sets of 2 attempts at 4 rows\)\.", words)


def test_labels_that_measure_noise_are_locked_with_the_others(tmp_path):
    spec = noisy(tmp_path)
    planned, store = plan(spec), LabelStore(tmp_path / "labels.parquet")
    before = lock_of(planned, store)["labels"]["emt_relaxed"]
    assert before["labels"] == 0 and before["missing"] == len(planned.jobs) + 8
    compute_labels(planned, [store])
    after = lock_of(planned, store)["labels"]["emt_relaxed"]
    assert (after["labels"], after["missing"]) == (len(planned.jobs) + 8 + 3, 0)


def test_rows_that_others_refer_to_do_not_measure_it(tmp_path):
    more = TARGETS.replace("references: [Cu]", "end_members: [host]")
    planned = plan(noisy(tmp_path, more=more, content="{vacancy: 0, Cu: rest}"))
    assert planned.references and not planned.further_jobs()


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (NOISY.replace("rattle: 0.1, attempts: 2", "steps: 10"), "give `relax` with a `rattle`"),
        (NOISY.replace("fmax: 0.005", "fmax: 0.05"), "is not below the label's own"),
        (NOISY.replace("rows: 4", "rows: 1"), "greater than or equal to 2"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, label, reason):
    with pytest.raises(InputError, match=reason):
        noisy(tmp_path, label)


def test_a_band_is_not_relaxed_further(tmp_path):
    label = (
        "{engine: neb, forces: {engine: emt}, images: 3, relax: {cell: false, rattle: 0.02, attempts: 2}, "
        "noise: {rows: 2}}"
    )
    spec = copper(tmp_path, "{vacancy: 1, Cu: rest}", PATHWAY, label)
    with pytest.raises(InputError, match="give `tightened: 0`"):
        plan(spec)


def test_errors_that_are_not_above_the_noise_are_marked():
    mae, rmse = metrics.get("mae"), metrics.get("rmse")
    scores = [Score({0: 0.001}), Score({0: 0.002}), Score({0: 0.003}), None]
    assert [cell.noisy for cell in score_cells(mae, scores, noise=0.002)] == [True, True, False, False]
    assert str(score_cells(mae, scores, noise=0.002)[0]).endswith("~")
    assert not any(cell.noisy for cell in score_cells(rmse, scores, noise=0.002))
    assert not any(cell.noisy for cell in score_cells(mae, scores))
