"""Evaluation: no test label reaches a model, results are kept, scores come from predictions."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from matbench_defects.errors import InputError
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.scoring import score, scored_rows
from matbench_defects.evaluation.task import load_task
from matbench_defects.models.mean import Mean
from matbench_defects.models.model import Prediction, models
from matbench_defects.shipped import shipped_tasks

TASK = "lno-formation-energy"


@pytest.fixture
def spy():
    """A model that keeps what it is handed."""
    seen = []

    class Spy(Mean):
        seeded = True

        def __init__(self, settings, seed, device):
            super().__init__(settings, seed, device)
            self.seed = seed

        def fit(self, rows, values, validation):
            seen.append((rows, values, validation))
            super().fit(rows, values, validation)

        def predict(self, rows):
            seen.append(rows)
            return Prediction(np.full(len(rows), float(self.seed)))

    with models.temporarily("spy", Spy):
        yield seen


def test_a_model_never_sees_a_test_label(lno, spy, tmp_path):
    task = load_task(TASK)
    evaluate(task, lno, "spy", tmp_path, seeds=[0])
    (rows, values, (held_rows, held)), asked = spy
    test = set(lno.part(task.split, "test")["id"].to_pylist())
    assert not test & set(rows.column("id")) and not test & set(held_rows.column("id"))
    assert set(asked.column("id")) == test
    labels = {n for n in lno.structures.schema.names if n.startswith(("sevennet", "chgnet", "formation", "split"))}
    for handed in (rows, held_rows, asked):
        assert not labels & set(handed.table.schema.names)
    truth = dict(zip(lno.structures["id"].to_pylist(), lno.structures[task.target].to_pylist(), strict=True))
    assert values.tolist() == [truth[i] for i in rows.column("id")]
    assert held.tolist() == [truth[i] for i in held_rows.column("id")]


def test_a_validation_part_may_be_for_choosing_only(lno, spy, tmp_path):
    task = load_task(TASK)
    means = {}
    for use in ("learn", "choose"):
        found = evaluate(task.model_copy(update={"validation": use}), lno, "mean", tmp_path / use, seeds=[0])
        (means[use],) = set(pq.read_table(found.folder / "predictions.parquet")["prediction"].to_pylist())
        said = found.record["training_data"]
        assert ("train and validation parts" in said) == (use == "learn")
    labels = {part: lno.part(task.split, part)[task.target].to_numpy() for part in ("train", "validation")}
    assert means["choose"] == pytest.approx(labels["train"].mean())
    assert means["learn"] == pytest.approx(np.concatenate([*labels.values()]).mean())
    # Models that stop by it are handed it all the same.
    evaluate(task.model_copy(update={"validation": "choose"}), lno, "spy", tmp_path, seeds=[0])
    assert len(spy[0][2][0]) == len(labels["validation"])


def test_result_and_resume(lno, spy, tmp_path):
    task = load_task(TASK)
    result = evaluate(task, lno, "spy", tmp_path)
    assert sorted(p.name for p in result.folder.iterdir()) == ["predictions.parquet", "result.json"]
    assert result.record["seeds"] == [0, 1, 2, 3, 4]
    assert len(spy) == 10
    truth = lno.part(task.split, "test", task.target)[task.target].to_numpy()
    by_hand = [np.abs(seed - truth).mean() for seed in range(5)]
    assert result.scores["mae"].mean == pytest.approx(np.mean(by_hand))
    assert result.scores["mae"].deviation == pytest.approx(np.std(by_hand, ddof=1))
    again = evaluate(task, lno, "spy", tmp_path)
    assert len(spy) == 10 and again.record == result.record
    evaluate(task, lno, "spy", tmp_path, seeds=[7])
    assert len(spy) == 12


def test_scores_on_disk_are_those_of_the_predictions(lno, tmp_path):
    task = load_task(TASK)
    result = evaluate(task, lno, "composition", tmp_path)
    record = json.loads((result.folder / "result.json").read_text())
    again = score(task, lno, pq.read_table(result.folder / "predictions.parquet"))
    for name, found in again.items():
        if np.isnan(found.mean):  # composition gives no deviations
            assert name in ("nll", "miscalibration_area") and record["scores"][name]["mean"] is None
            continue
        assert record["scores"][name]["mean"] == pytest.approx(found.mean, abs=1e-8)
        assert found.deviation == 0


def test_foreign_folder_is_left_alone(lno, tmp_path):
    folder = tmp_path / TASK / "mean"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is not a result"):
        evaluate(load_task(TASK), lno, "mean", tmp_path)
    assert (folder / "notes.txt").read_text() == "mine"


def test_predictions_must_be_one_for_each_row(lno, tmp_path):
    task = load_task(TASK)
    table = pq.read_table(evaluate(task, lno, "mean", tmp_path).folder / "predictions.parquet")
    assert score(task, lno, table)["mae"].mean > 0
    for broken in (table.slice(1), pa.concat_tables([table, table.slice(0, 1)])):
        with pytest.raises(InputError, match="are not one for each test id"):
            score(task, lno, broken)


def test_a_task_about_another_dataset_is_refused(lno):
    task = load_task(TASK).model_copy(update={"dataset": "lno-cathode@9.9.9"})
    with pytest.raises(InputError, match=r"is about lno-cathode@9\.9\.9, not lno-cathode@1\.0\.0"):
        scored_rows(task, lno)


def test_every_shipped_task_names_what_there_is():
    for name, path in shipped_tasks().items():
        task = load_task(path)
        assert task.name == name
        assert set(task.baselines) <= set(models.names())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("metrics: [mae", "metrics: [maee", "metrics: no metric is called 'maee'; did you mean 'mae'?"),
        ("split: random", "splits: random", "splits: unknown field; did you mean 'split'?"),
        (
            "kind: interpolation",
            "kind: inside",
            "kind: input should be 'interpolation' or 'extrapolation', not 'inside'",
        ),
        ("dataset: lno-cathode@1.0.0", "dataset: lno-cathode", "dataset: string should match pattern"),
        ("name: lno", "name: other", "name: is 'other-formation-energy', but the file is called"),
    ],
)
def test_a_mistake_in_a_task_names_its_place(tmp_path, old, new, message):
    text = shipped_tasks()[TASK].read_text()
    path = tmp_path / f"{TASK}.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_task(path)
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if new.split(":")[0] + ":" in text)
    assert str(caught.value).startswith(f"{path}:{line}: ") and message in str(caught.value)
