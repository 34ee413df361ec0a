"""A killed evaluation goes on where it was: finished fits are kept, and only those that still hold are taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from matbench_defects.evaluation.finished_fits import FinishedFit, FinishedFits
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.memory import peak_memory
from matbench_defects.evaluation.task import load_task
from matbench_defects.models.mean import Mean
from matbench_defects.models.model import Prediction, models

TASK = "lno-formation-energy"


class Interruptible(Mean):
    """Predicts its seed, with a deviation; is interrupted before a fit on demand."""

    seeded = True
    fitted: list[int]
    interrupt_before: int | None

    def __init__(self, settings, seed, device):
        super().__init__(settings, seed, device)
        self.seed = seed

    def fit(self, rows, values, validation):
        if self.seed == self.interrupt_before:
            raise KeyboardInterrupt
        self.fitted.append(self.seed)
        super().fit(rows, values, validation)

    def predict(self, rows):
        return Prediction(np.full(len(rows), float(self.seed)), np.full(len(rows), 0.5))


@pytest.fixture
def model():
    Interruptible.fitted, Interruptible.interrupt_before = [], None
    with models.temporarily("interruptible", Interruptible):
        yield Interruptible


def interrupt(lno, model, out, before=3):
    model.interrupt_before = before
    with pytest.raises(KeyboardInterrupt):
        evaluate(load_task(TASK), lno, "interruptible", out)
    model.interrupt_before = None


def test_finished_fits_survive(lno, model, tmp_path):
    interrupt(lno, model, tmp_path)
    assert model.fitted == [0, 1, 2]
    assert [p.name for p in (tmp_path / TASK).iterdir()] == [".interruptible.unfinished"]
    result = evaluate(load_task(TASK), lno, "interruptible", tmp_path)
    assert model.fitted == [0, 1, 2, 3, 4]
    assert sorted(p.name for p in (tmp_path / TASK).iterdir()) == ["dataset.json", "interruptible", "task.yaml"]
    whole = evaluate(load_task(TASK), lno, "interruptible", tmp_path / "whole")
    tables = [pq.read_table(r.folder / "predictions.parquet") for r in (result, whole)]
    assert tables[0].equals(tables[1]) and tables[0]["deviation"].null_count == 0
    assert result.record["digest"] == whole.record["digest"]
    assert result.record["cost"]["peak_memory_bytes"] is None or result.record["cost"]["peak_memory_bytes"] > 2**20


def test_other_data_is_fitted_anew(lno, model, tmp_path):
    interrupt(lno, model, tmp_path)
    task = load_task(TASK).model_copy(update={"split": "low-lithium"})
    evaluate(task, lno, "interruptible", tmp_path, seeds=[0, 1])
    assert model.fitted == [0, 1, 2, 0, 1]


def test_fewer_seeds_take_over_what_is_there(lno, model, tmp_path):
    interrupt(lno, model, tmp_path)
    evaluate(load_task(TASK), lno, "interruptible", tmp_path, seeds=[2, 5])
    assert model.fitted == [0, 1, 2, 5]


def test_a_broken_file_is_not_taken(lno, model, tmp_path):
    interrupt(lno, model, tmp_path)
    for file in (tmp_path / TASK / ".interruptible.unfinished").iterdir():
        file.write_bytes(file.read_bytes()[:-10])
    evaluate(load_task(TASK), lno, "interruptible", tmp_path)
    assert model.fitted == [0, 1, 2, 0, 1, 2, 3, 4]


def test_a_fit_is_kept_as_it_was(tmp_path):
    fits = FinishedFits(tmp_path / "model", {"a": 1})
    for fold in (None, "../outside", "1/2"):
        fits.put(0, fold, FinishedFit(Prediction(np.array([0.1, 0.2])), 1.5, 0.25, None, None))
        kept = fits.get(0, fold)
        assert kept.prediction.values.tolist() == [0.1, 0.2] and kept.prediction.deviation is None
        assert (kept.train_seconds, kept.predict_seconds, kept.parameters) == (1.5, 0.25, None)
    assert fits.get(1, None) is None and FinishedFits(tmp_path / "model", {"a": 2}).get(0, None) is None
    assert [p.name for p in tmp_path.iterdir()] == [".model.unfinished"]
    fits.clear()
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.task import load_task
from matbench_defects.models.composition import Composition
from matbench_defects.models.model import models

class Killed(Composition):
    seeded = True
    def fit(self, rows, values, validation):
        if self.seed == 2 and sys.argv[3] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        print("fitted", self.seed, flush=True)
        super().fit(rows, values, validation)
    def __init__(self, settings, seed, device):
        super().__init__(settings, seed, device)
        self.seed = seed

models.register("killed")(Killed)
evaluate(load_task("lno-formation-energy"), open_dataset(sys.argv[1]), "killed", sys.argv[2])
"""


def test_a_killed_process_costs_one_fit(lno, tmp_path):
    (tmp_path / "killed.py").write_text(KILLED)

    def run(word):
        command = [sys.executable, "killed.py", str(lno.folder), "out", word]
        return subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False)

    done = run("kill")
    assert done.returncode == -signal.SIGKILL and done.stdout.split() == ["fitted", "0", "fitted", "1"]
    done = run("finish")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1::2] == ["2", "3", "4"]


def test_peak_memory_sees_what_is_freed_again():
    with peak_memory("cpu") as peak:
        before = peak()
        if before is None:
            pytest.skip("this system does not say how much memory was taken")
        np.ones(2**24).sum()  # 128 MiB
        assert peak() - before > 100 * 2**20
    with peak_memory("cpu") as peak:
        assert peak() < before + 100 * 2**20
