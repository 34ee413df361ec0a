"""Collecting, scoring and ranking submissions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from leaderboard_samples import make_task, predict

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import score
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.scoring import collect_standings

Submit = Callable[..., Path]


def test_ranked_by_the_first_metric(submit: Submit, tmp_path: Path, task: Task, dataset: Dataset) -> None:
    for model, error in (("middle", 0.05), ("best", 0.01), ("mean", -1)):
        submit(model, error=error)
    standings = collect_standings(tmp_path / "submissions", [task], {task.dataset: dataset})
    entries = standings.by_task[task.name]
    assert [(e.checked.submission.model, e.rank, e.baseline) for e in entries] == [
        ("best", 1, False),
        ("middle", 2, False),
        ("mean", 3, True),
    ]
    assert standings.problems == []
    assert entries[0].scores["mae"] == score(task, dataset, entries[0].checked.predictions)["mae"]


def test_higher_can_be_better(submit: Submit, tmp_path: Path, dataset: Dataset) -> None:
    task = make_task(metrics=["r2", "mae"])
    submit("worse", error=0.05, task=task)
    submit("better", error=0.01, task=task)
    entries = collect_standings(tmp_path / "submissions", [task], {task.dataset: dataset}).by_task[task.name]
    assert [e.checked.submission.model for e in entries] == ["better", "worse"]


def test_equal_scores_share_a_place(submit: Submit, tmp_path: Path, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    for model in ("b", "a"):
        submit(model, predictions=table)
    submit("c", error=0.3)
    entries = collect_standings(tmp_path / "submissions", [task], {task.dataset: dataset}).by_task[task.name]
    assert [(e.checked.submission.model, e.rank) for e in entries] == [("a", 1), ("b", 1), ("c", 3)]


def test_places_count_on_from_all_before_them(
    submit: Submit, tmp_path: Path, task: Task, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third ties with the second, which ties with the first: 1, 1, 3, and not 1, 1, 2."""
    for model, error in (("a", 0.01), ("b", 0.02), ("c", 0.04), ("d", 0.08)):
        submit(model, error=error)
    monkeypatch.setattr("matbench_defects.leaderboard.scoring._ties", lambda *_: {("a", "b"), ("b", "c"), ("c", "d")})
    entries = collect_standings(tmp_path / "submissions", [task], {task.dataset: dataset}).by_task[task.name]
    assert [(e.checked.submission.model, e.place) for e in entries] == [
        ("a", "1="),
        ("b", "1="),
        ("c", "3="),
        ("d", "3="),
    ]


def test_metric_without_value_ranks_last(submit: Submit, tmp_path: Path, dataset: Dataset) -> None:
    # In this split no content has three test rows, so the rank correlation is not defined.
    task = make_task(metrics=["spearman_within_content", "mae"])
    submit("a", task=task)
    submit("b", task=task)
    entries = collect_standings(tmp_path / "submissions", [task], {task.dataset: dataset}).by_task[task.name]
    assert [e.rank for e in entries] == [1, 1]


def test_every_problem_is_reported(submit: Submit, tmp_path: Path, task: Task, dataset: Dataset) -> None:
    root = tmp_path / "submissions"
    submit("good")
    (submit("broken") / "predictions.parquet").write_bytes(b"")
    (submit("further") / "x").write_text("")
    (root / "no-such-task").mkdir()
    (root / task.name / "stray.txt").write_text("")
    (root / "linked").symlink_to(root / task.name)
    (root / "README.md").write_text("ignored")
    (root / task.name / ".gitkeep").write_text("ignored")
    standings = collect_standings(root, [task], {task.dataset: dataset})
    assert [e.checked.submission.model for e in standings.by_task[task.name]] == ["good"]
    messages = "\n".join(str(problem) for problem in standings.problems)
    assert len(standings.problems) == 5
    for words in (
        "is no Parquet file",
        "nothing else",
        "'no-such-task', which is no task",
        "stray.txt",
        "linked",
    ):
        assert words in messages


def test_dataset_that_is_not_at_hand(submit: Submit, tmp_path: Path, task: Task) -> None:
    submit()
    standings = collect_standings(tmp_path / "submissions", [task], {})
    assert "the dataset lno-cathode@1.0.0 is not at hand" in str(standings.problems[0])


def test_no_folder(tmp_path: Path, task: Task) -> None:
    with pytest.raises(InputError, match="is no folder"):
        collect_standings(tmp_path / "nothing", [task], {})
