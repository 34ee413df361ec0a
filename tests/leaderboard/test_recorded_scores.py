"""A score that moves is said to move, by how much and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from leaderboard_samples import predict

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.recorded import changes, read_record, record, write_record
from matbench_defects.leaderboard.scoring import collect_standings

Submit = Callable[..., Path]


@pytest.fixture
def scored(tmp_path: Path, task: Task, dataset: Dataset) -> Callable[[], dict[str, Any]]:
    def run() -> dict[str, Any]:
        datasets = {task.dataset: dataset}
        return record(collect_standings(tmp_path / "submissions", [task], datasets), [task], datasets)

    return run


Scored = Callable[[], dict[str, Any]]


def test_nothing_moves_by_itself(submit: Submit, scored: Scored, tmp_path: Path) -> None:
    submit("schnet")
    write_record(tmp_path / "scores.json", scored())
    assert changes(read_record(tmp_path / "scores.json"), scored()) == []
    first = (tmp_path / "scores.json").read_bytes()
    write_record(tmp_path / "scores.json", scored())
    assert (tmp_path / "scores.json").read_bytes() == first


def test_new_and_gone(submit: Submit, scored: Scored, tmp_path: Path) -> None:
    submit("first")
    before = scored()
    submit("second")
    found = changes(before, scored())
    assert str(found[0]).startswith("lno-energy: second is new, 0.0") and found[0].new
    gone = changes(scored(), before)
    assert [str(c) for c in gone] == ["lno-energy: second is gone"] and not gone[0].new


def test_other_predictions(submit: Submit, scored: Scored, task: Task, dataset: Dataset) -> None:
    folder = submit("schnet")
    before = scored()
    pq.write_table(predict(task, dataset, 0.1, seed=9), folder / "predictions.parquet")
    found = changes(before, scored())
    assert {c.metric for c in found} >= {"mae", "rmse", "r2"} and {c.cause for c in found} == {"predictions"}


def test_other_code(submit: Submit, scored: Scored) -> None:
    submit("schnet")
    before = scored()
    mae = metrics.get("mae")
    longer = type(mae)(**{**vars(mae), "compute": lambda scored: mae(scored) + 0.25})
    with metrics.temporarily("mae", longer):
        found = changes(before, scored())
    assert [(c.metric, c.cause) for c in found] == [("mae", "code")]
    assert "by +0.25: the code changed" in str(found[0])


def test_other_labels(
    submit: Submit, scored: Scored, monkeypatch: pytest.MonkeyPatch, task: Task, dataset: Dataset
) -> None:
    submit("schnet")
    before = scored()
    table = dataset.structures
    moved = np.array(table[task.target]) + 0.01 * np.random.default_rng(0).normal(size=len(table))
    place = table.schema.get_field_index(task.target)
    monkeypatch.setitem(dataset.__dict__, "structures", table.set_column(place, table.schema.field(place), [moved]))
    found = changes(before, scored())
    assert found and {c.cause for c in found} == {"labels"} and "the test rows changed" in str(found[0])


def test_a_metric_that_became_undefined_moved(submit: Submit, scored: Scored) -> None:
    submit("schnet")
    before, after = scored(), scored()
    after["tasks"]["lno-energy"]["entries"]["schnet"]["scores"]["r2"] = None
    assert [c.metric for c in changes(before, after)] == ["r2"]
    del before["tasks"]["lno-energy"]["entries"]["schnet"]["scores"]["r2"]
    assert all(c.new for c in changes(before, after))


def test_a_record_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="is not a record of scores of format 1"):
        read_record(tmp_path / "scores.json")
