"""Every hostile submission is refused with one clear line, takes no other down with it, and is never carried out."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hostile_case import Case, Place
from hostile_descriptions import DESCRIPTIONS
from hostile_folders import FOLDERS
from hostile_predictions import PREDICTIONS
from leaderboard_samples import describe, place, predict

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.checking import check_submission
from matbench_defects.leaderboard.scoring import collect_standings

CASES = [*FOLDERS, *DESCRIPTIONS, *PREDICTIONS]
OWNED = Path("/tmp/owned")
"""What those that run commands would make."""


@pytest.fixture
def good(tmp_path: Path, task: Task, dataset: Dataset) -> Place:
    table = predict(task, dataset)
    (tmp_path / "outside").mkdir()
    folder = place(tmp_path / "submissions", describe(task, "schnet"), table)
    return Place(folder, tmp_path / "outside", task, dataset, table)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 40 and len({case.name for case in CASES}) == len(CASES)


def test_unspoilt_it_passes(good: Place) -> None:
    assert check_submission(good.folder, good.task, good.dataset).submission.model == "schnet"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused(case: Case, good: Place) -> None:
    folder = case.spoil(good) or good.folder
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(InputError) as caught:
        check_submission(folder, good.task, good.dataset)
    message = str(caught.value)
    assert case.words in message
    # One line that a terminal and a CI log only show: no control character, not too long.
    assert message.replace(str(folder), "").isprintable() and len(message.replace(str(folder), "")) < 700
    assert pa.default_memory_pool().max_memory() - before < 3e8
    assert not OWNED.exists()


def test_the_others_stay_on_the_board(tmp_path: Path, task: Task, dataset: Dataset) -> None:
    root, outside = tmp_path / "submissions", tmp_path / "outside"
    chosen = [*FOLDERS[2:5], *DESCRIPTIONS[:5], *PREDICTIONS[:8]]
    table = predict(task, dataset)
    place(root, describe(task, "honest"), table)
    for i, case in enumerate(chosen):
        folder = place(root, describe(task, f"hostile-{i}"), table)
        (outside / str(i)).mkdir(parents=True)
        case.spoil(Place(folder, outside / str(i), task, dataset, table))
    standings = collect_standings(root, [task], {task.dataset: dataset})
    assert [entry.checked.submission.model for entry in standings.by_task[task.name]] == ["honest"]
    assert len(standings.problems) == len(chosen)
