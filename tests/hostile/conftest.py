"""The synthetic dataset, task and submissions of the leaderboard's tests, for what strangers might make of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "leaderboard"))

from leaderboard_samples import make_task, write_dataset

from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.task import Task


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_dataset(tmp_path_factory.mktemp("dataset") / "lno-cathode")


@pytest.fixture(scope="session")
def task() -> Task:
    return make_task()
