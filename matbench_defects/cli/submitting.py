"""Submissions and the leaderboard, with the tasks and datasets that they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import Task, load_task
from matbench_defects.hub.find import find_dataset
from matbench_defects.leaderboard.checking import check_submission
from matbench_defects.leaderboard.site import build_site
from matbench_defects.leaderboard.submission import SUBMISSION_FILE
from matbench_defects.leaderboard.writing import check_result, write_submission
from matbench_defects.shipped import shipped_tasks


def submit(folder: Path, out: Path, *, dataset: Path | None, check: bool, **fields: Any) -> str:
    """Turn a result into a submission, or check one, and return what there is to say.

    Parameters
    ----------
    folder : path
        ``<task>/<model>/``: a result, or a submission.
    out : path
        Where submissions lie.
    dataset : path or None
        A built dataset, where the shipped one is not meant.
    check : bool
        Write nothing.
    **fields
        Authors, code, paper, licence and training overlap.

    Raises
    ------
    InputError
        If the submission would be refused.
    """
    folder = folder.absolute()
    task = load_task(folder.parent.name)
    data = find_dataset(task.dataset_name, task.dataset_version, dataset, rows_only=True)
    if (folder / SUBMISSION_FILE).exists():
        check_submission(folder, task, data)
        return f"{folder} is a valid submission to {task.name}; CI does the same checks"
    authors = fields.pop("authors")
    if not authors:
        raise InputError("who submits? give --author, several times for several people")
    if check:
        check_result(folder, task, data, authors=authors, **fields)
        return f"{folder} would be a valid submission to {task.name}; nothing was written"
    written = write_submission(folder, task, data, out, authors=authors, **fields)
    return f"{written} written. Commit it and open a pull request; CI scores it from the predictions alone."


def build_leaderboard(out: Path, submissions: Path, only: list[str] | None = None) -> list[InputError]:
    """Build the site over every shipped task, or over some of them, and return the submissions that were refused."""
    tasks = [load_task(name) for name in only or shipped_tasks()]
    return build_site(out, submissions, datasets_of(tasks), tasks, left_alone=shipped_tasks())


def datasets_of(tasks: list[Task], *, rows_only: bool = False) -> dict[str, Dataset]:
    """Return the dataset of each task, by ``name@version``; for scoring alone, rows are enough."""
    return {t.dataset: find_dataset(t.dataset_name, t.dataset_version, rows_only=rows_only) for t in tasks}
