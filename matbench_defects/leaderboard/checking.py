"""The check that a submission has to pass: the same one for its author and for CI.

What a submission holds is a stranger's. Names, links and sizes are therefore looked at before any file is opened.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError, Mistakes
from matbench_defects.evaluation.scoring import scored_rows
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.near_labels import noise_note
from matbench_defects.leaderboard.predictions import check_predictions, shown
from matbench_defects.leaderboard.scale import Scale, scale_of
from matbench_defects.leaderboard.submission import NAME_PATTERN, PREDICTIONS_FILE, SUBMISSION_FILE, Submission
from matbench_defects.spec.document import Document, read_document, validate

LARGEST = {SUBMISSION_FILE: 64_000, PREDICTIONS_FILE: 20_000_000}
"""How many bytes each file of a submission may have; a submission holds these and nothing else."""
MOST_ENTRIES = 1000
MOST_NAMED = 5
"""So many files that do not belong there are named."""
"""How many names of a folder are looked at; two belong there, and any other is refused."""


@dataclass(frozen=True)
class CheckedSubmission:
    """A submission that passed the check.

    Parameters
    ----------
    folder : path
        Where it lies.
    submission : Submission
        What it says of itself.
    predictions : pyarrow.Table
        Its predictions, sorted by seed and id: every test id once a seed, finite, in the target's unit.
    scale : Scale
        How large they are against the labels, and whether they look as if they were in another unit. Nobody is refused
        for that.
    near : str
        What is to be said where they are nearer to the labels than these are to themselves, such as ``its error is
        below the noise of the labels``; else empty.
    """

    folder: Path
    submission: Submission
    predictions: pa.Table
    scale: Scale
    near: str = ""


def check_submission(folder: str | Path, task: Task, dataset: Dataset) -> CheckedSubmission:
    """Check one submission, entirely and offline.

    Parameters
    ----------
    folder : path-like
        ``<task>/<model>/``, which holds ``submission.yaml`` and ``predictions.parquet``.
    task : Task
        The task it is for.
    dataset : Dataset
        The task's dataset.

    Returns
    -------
    CheckedSubmission

    Raises
    ------
    InputError
        At the first mistake: which file, row or field, and how to mend it.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow the links that are refused here
    check_layout(folder)
    submission = read_submission(folder / SUBMISSION_FILE, task, folder.name)
    if folder.parent.name != task.name:
        raise InputError(
            f"lies in the folder '{folder.parent.name}' but is checked for the task '{task.name}'; "
            f"move it to {task.name}/{folder.name}/",
            file=str(folder),
        )
    predictions = check_predictions(folder / PREDICTIONS_FILE, task, dataset, submission.model, submission.seeds)
    truth = scored_rows(task, dataset)[task.target].to_numpy()
    near = noise_note(predictions, truth, dataset.noise(task.target))
    return CheckedSubmission(folder, submission, predictions, scale_of(task, dataset, predictions), near)


def check_layout(folder: Path) -> None:
    """Check names, kinds and sizes of what a submission's folder holds, opening nothing.

    Parameters
    ----------
    folder : path
        ``<task>/<model>/``.

    Raises
    ------
    InputError
        Naming each thing that does not belong there.
    """
    place = str(folder.parent.parent)
    for name, of in ((folder.parent.name, "task"), (folder.name, "model")):
        if not re.fullmatch(NAME_PATTERN, name):
            raise InputError(
                f"the folder {shown(name)} is no {of}'s name; use lower-case letters, digits and dashes", file=place
            )
    for path in (folder.parent, folder):
        kind = _kind(path)
        if kind != "folder":
            raise InputError(f"is {_article(kind)}; a submission is a plain folder <task>/<model>/", file=str(path))
    found: set[str] = set()
    mistakes = Mistakes()
    with os.scandir(folder) as entries:
        for entry in sorted(itertools.islice(entries, MOST_ENTRIES), key=lambda entry: entry.name):
            found.add(entry.name)
    if strange := sorted(found - set(LARGEST)):
        names = ", ".join(map(shown, strange[:MOST_NAMED]))
        more = f" and {len(strange) - MOST_NAMED} more" if len(strange) > MOST_NAMED else ""
        what = f"holds {names}{more}; a submission holds {SUBMISSION_FILE} and {PREDICTIONS_FILE} and nothing else, so "
        mistakes.add(InputError(f"{what}remove it", file=str(folder)))
    if len(strange) >= MOST_NAMED:  # what should be there may be among those that were not looked at
        mistakes.tell()
    for name, largest in LARGEST.items():
        with mistakes.noted():
            if name not in found:
                raise InputError(f"has no {name}; `matbench-defects submit` writes both files", file=str(folder))
            _check_plain(folder / name, largest)
    mistakes.tell()


def _check_plain(path: Path, largest: int) -> None:
    kind = _kind(path)
    if kind != "file":
        raise InputError(f"is {_article(kind)}; put the file itself there", file=str(path))
    about = path.lstat()
    if about.st_nlink > 1:
        raise InputError("is a hard link to a file that has another name too; put a copy there", file=str(path))
    if about.st_size > largest:
        raise InputError(f"has {about.st_size} bytes; at most {largest} are allowed", file=str(path))


def _kind(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise InputError(f"cannot be looked at ({error.strerror or error})", file=str(path)) from None
    if stat.S_ISLNK(mode):
        return "symbolic link"
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "special file"


def _article(kind: str) -> str:
    return kind if kind == "missing" else f"a {kind}"


def read_submission(path: Path, task: Task, model: str) -> Submission:
    """Read ``submission.yaml`` and check that it agrees with the task and with the name of its folder.

    Parameters
    ----------
    path : path
        The file, already known to be a small plain one.
    task : Task
        The task it is for.
    model : str
        Name of the folder it lies in.

    Raises
    ------
    InputError
        With file, line, field and what was expected.
    """
    document = read_document(path)
    submission = validate(Submission, document.data, document)
    mistakes = Mistakes()
    for field, found, expected, of in (
        ("task", submission.task, task.name, "it is checked for"),
        ("dataset", submission.dataset, task.dataset, "the task is about"),
        ("model", submission.model, model, "its folder is called"),
    ):
        if found != expected:
            mistakes.add(document.error((field,), f"is '{found}', but {of} '{expected}'; the two must agree"))
    with mistakes.noted():
        _check_seeds(submission, task, document)
    mistakes.tell()
    return submission


def _check_seeds(submission: Submission, task: Task, document: Document) -> None:
    # All of the task's seeds and no others: whoever chooses among seeds chooses a score.
    if len(set(submission.seeds)) < len(submission.seeds):
        raise document.error(("seeds",), "names a seed twice")
    if set(submission.seeds) != set(task.seeds):
        raise document.error(
            ("seeds",), f"are {sorted(submission.seeds)}, but the task asks for {sorted(task.seeds)}; give all of them"
        )
