"""From an evaluation's result to a submission."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from matbench_defects.bounded import read_json
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.results import RESULT_FILE
from matbench_defects.evaluation.task import Task
from matbench_defects.files import atomic_folder, write_text
from matbench_defects.leaderboard.checking import CheckedSubmission, check_layout, check_submission
from matbench_defects.leaderboard.predictions import check_predictions
from matbench_defects.leaderboard.submission import (
    PREDICTIONS_FILE,
    SUBMISSION_FILE,
    Cost,
    Submission,
    submission_text,
)
from matbench_defects.spec.document import Document, validate


class _Model(BaseModel):
    model_config = ConfigDict(protected_namespaces=())

    name: str
    version: str
    title: str
    description: str = ""
    references: list[str] = []
    engine: str | None = None


class _Result(BaseModel):
    """What a submission takes from ``result.json``; its scores are not among it, they are computed again."""

    model_config = ConfigDict(protected_namespaces=())

    task: str
    dataset: str
    model: _Model
    seeds: list[int]
    cost: Cost
    hardware: str
    training_data: str


def write_submission(
    result: str | Path,
    task: Task,
    dataset: Dataset,
    out_root: str | Path,
    *,
    authors: list[str],
    training_overlap: str = "unknown",
    code: str | None = None,
    paper: str | None = None,
    license: str = "CC-BY-4.0",
    name: str | None = None,
) -> Path:
    """Write the submission of an evaluation's result, and check it as CI will.

    Parameters
    ----------
    result : path-like
        The folder ``<task>/<model>/`` that the evaluation wrote: ``result.json`` and ``predictions.parquet``.
    task : Task
        The task.
    dataset : Dataset
        The task's dataset.
    out_root : path-like
        Where submissions lie; this one goes to ``<task>/<model>/`` in it. An older one there is replaced.
    authors : list of str
        Who makes the submission.
    training_overlap : {"none", "structures", "unknown"}
        Whether test configurations are among what the model was fitted on, pretraining included.
    code : str, optional
        Address of the model's code.
    paper : str, optional
        DOI or address of the model's paper; left out, the first of the model's references.
    license : str
        SPDX identifier under which the predictions are given.
    name : str, optional
        Name of the model in the submission; that of the result if left out. The title says it too.

    Returns
    -------
    pathlib.Path
        The submission's folder. The same result gives the same bytes.

    Raises
    ------
    InputError
        If the result is not what an evaluation writes, or the submission would be refused.
    """
    result = Path(result)
    found = _read_result(result / RESULT_FILE)
    if (found.task, found.dataset) != (task.name, task.dataset):
        message = f"is about {found.task} on {found.dataset}, not {task.name} on {task.dataset}"
        raise InputError(message, file=str(result / RESULT_FILE))
    if set(found.seeds) != set(task.seeds):
        message = f"are {sorted(found.seeds)}, but the task asks for {sorted(task.seeds)}; evaluate with all of them"
        raise InputError(message, file=str(result / RESULT_FILE), field="seeds")
    fields: dict[str, Any] = {
        "task": task.name,
        "dataset": task.dataset,
        "model": name or found.model.name,
        "version": found.model.version,
        "title": f"{found.model.title} ({name})" if name else found.model.title,
        "description": found.model.description or found.model.title,
        "authors": authors,
        "code": code,
        "paper": paper or next(iter(found.model.references), None),
        "training_data": found.training_data,
        "training_overlap": training_overlap,
        "engine": found.model.engine,
        "seeds": sorted(found.seeds),
        "cost": found.cost.model_dump(),
        "hardware": found.hardware,
        "license": license,
    }
    submission = validate(Submission, fields, Document({}))
    predictions = check_predictions(
        result / PREDICTIONS_FILE, task, dataset, submission.model, submission.seeds, codecs=None
    )
    folder = Path(out_root) / task.name / submission.model
    if folder.is_symlink() or folder.exists():
        check_layout(folder.absolute())  # an older submission is replaced, anything else is not
    with atomic_folder(folder) as temporary:
        write_text(temporary / SUBMISSION_FILE, submission_text(submission))
        pq.write_table(predictions, temporary / PREDICTIONS_FILE, compression="snappy", row_group_size=1_000_000)
    return check_submission(folder, task, dataset).folder


def check_result(
    result: str | Path, task: Task, dataset: Dataset, *, authors: list[str], **fields: Any
) -> CheckedSubmission:
    """Write the submission of a result to a temporary folder, check it as CI will, and leave nothing behind.

    Parameters
    ----------
    result, task, dataset, authors, **fields
        As for `write_submission`.

    Returns
    -------
    CheckedSubmission
        What would be submitted.
    """
    with tempfile.TemporaryDirectory() as root:
        folder = write_submission(result, task, dataset, root, authors=authors, **fields)
        return check_submission(folder, task, dataset)


def _read_result(path: Path) -> _Result:
    if not path.exists():
        raise InputError(
            f"holds no {path.name}; give the folder results/<task>/<model> that `matbench-defects evaluate` wrote",
            file=str(path.parent),
        )
    data = read_json(path)
    try:
        return validate(_Result, data, Document({}))
    except InputError as error:
        raise error.changed(lambda one: InputError(one.message, file=str(path), field=one.field)) from None
