"""A synthetic dataset, a task on it, and a way to submit to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from leaderboard_samples import describe, make_task, place, predict, write_dataset

from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.site import build_site


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_dataset(tmp_path_factory.mktemp("dataset") / "lno-cathode")


@pytest.fixture(scope="session")
def task() -> Task:
    return make_task()


@pytest.fixture
def submit(tmp_path: Path, task: Task, dataset: Dataset) -> Callable[..., Path]:
    """Return a function that places a submission below `tmp_path` and returns its folder."""

    def make(
        model: str = "schnet",
        error: float = 0.02,
        predictions: pa.Table | None = None,
        task: Task = task,
        **fields: Any,
    ) -> Path:
        table = predict(task, dataset, error, seed=len(model)) if predictions is None else predictions
        return place(tmp_path / "submissions", describe(task, model, **fields), table)

    return make


@pytest.fixture
def build(submit: Callable[..., Path], tmp_path: Path, dataset: Dataset, task: Task) -> Callable[[], Path]:
    def make() -> Path:
        low = make_task("lno-low", split="low-lithium", kind="extrapolation", title="To low lithium content")
        empty = make_task("lno-new", title="A task without submissions", description="")
        root = tmp_path / "submissions"
        root.mkdir(exist_ok=True)
        problems = build_site(tmp_path / "site", root, {task.dataset: dataset}, [task, low, empty])
        assert problems == []
        return tmp_path / "site"

    return make
