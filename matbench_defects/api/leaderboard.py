"""Submissions and the leaderboard, with the tasks and datasets that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.api.evaluating import AnyTask
from matbench_defects.api.tasks import Task, as_task
from matbench_defects.dataset.reading import Dataset, open_dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.results import Result
from matbench_defects.evaluation.task_folder import dataset_of_folder, task_of_folder
from matbench_defects.leaderboard.checking import CheckedSubmission
from matbench_defects.leaderboard.recorded import Change
from matbench_defects.shipped import shipped_tasks

SUBMISSIONS = Path("leaderboard/submissions")
"""Where submissions lie in this repository."""


def submit(
    result: Result | str | Path,
    *,
    author: str | Sequence[str],
    task: AnyTask | None = None,
    dataset: Dataset | str | Path | None = None,
    out: str | Path = SUBMISSIONS,
    code: str | None = None,
    paper: str | None = None,
    license: str = "CC-BY-4.0",
    training_overlap: str = "unknown",
    name: str | None = None,
) -> Path:
    """Turn a result into a submission, checked as CI will, and return its folder.

    Parameters
    ----------
    result : Result or path
        What `evaluate` or `Task.score` gave, or its folder.
    author : str or sequence of str
        Who makes the submission.
    task : Task, str, path or dict, optional
        The task, where neither the folder of the result says it nor it is shipped.
    dataset : Dataset or path, optional
        A built dataset; that of the result, or the shipped one, if left out.
    out : path-like
        Where submissions lie.
    code, paper : str, optional
        Address of the code; DOI or address of the paper.
    license : str
        Licence of the predictions (SPDX).
    training_overlap : {"none", "structures", "unknown"}
        Whether test configurations are among all training data.
    name : str, optional
        Name of the model in the submission, where that of the result is a baseline's or somebody else's.

    Raises
    ------
    InputError
        If the submission would be refused.

    Examples
    --------
    >>> import matbench_defects as md
    >>> folder = md.submit(md.evaluate("lno-formation-energy", "mean"), author="Ada Lovelace", out="submissions")
    >>> sorted(file.name for file in folder.iterdir())
    ['predictions.parquet', 'submission.yaml']
    """
    from matbench_defects.leaderboard.writing import write_submission

    folder, loaded, data = _about(result, task, dataset)
    fields: dict[str, Any] = {"code": code, "paper": paper, "license": license, "training_overlap": training_overlap}
    fields["name"] = name
    return write_submission(folder, loaded, data, out, authors=_authors(author), **fields)


def check_submission(
    folder: Result | str | Path,
    *,
    author: str | Sequence[str] = (),
    task: AnyTask | None = None,
    dataset: Dataset | str | Path | None = None,
    **fields: Any,
) -> CheckedSubmission:
    """Check a submission offline, exactly as CI does; or a result, as if it were submitted. Nothing is written.

    Parameters
    ----------
    folder : Result or path
        A submission, or a result.
    author, task, dataset, **fields
        Of a result, as for `submit`.

    Raises
    ------
    InputError
        If it would be refused.

    Examples
    --------
    >>> import matbench_defects as md
    >>> folder = md.submit(md.evaluate("lno-formation-energy", "mean"), author="Ada Lovelace")
    >>> md.check_submission(folder).submission.authors
    ['Ada Lovelace']
    """
    from matbench_defects.leaderboard.checking import check_submission as check
    from matbench_defects.leaderboard.submission import SUBMISSION_FILE
    from matbench_defects.leaderboard.writing import check_result

    path, loaded, data = _about(folder, task, dataset)
    if (path / SUBMISSION_FILE).exists():
        return check(path, loaded, data)
    return check_result(path, loaded, data, authors=_authors(author), **fields)


def _about(
    folder: Result | str | Path, task: AnyTask | None, dataset: Dataset | str | Path | None
) -> tuple[Path, Task, Dataset]:
    path = (folder.folder if isinstance(folder, Result) else Path(folder)).absolute()
    loaded = task_of_folder(path.parent, Task) if task is None else as_task(task)
    where = dataset_of_folder(path.parent, loaded) if dataset is None else dataset
    return path, loaded, loaded.load_dataset(where, rows_only=True)


def _authors(author: str | Sequence[str]) -> list[str]:
    authors = [author] if isinstance(author, str) else list(author)
    if not authors:
        raise InputError("who submits? give --author, several times for several people")
    return authors


def build_leaderboard(
    out: str | Path = "site",
    submissions: str | Path = SUBMISSIONS,
    tasks: Sequence[AnyTask] | str | Path | None = None,
    datasets: Mapping[str, Dataset] | Sequence[str | Path] | None = None,
) -> list[InputError]:
    """Score every submission from its predictions and write the static site.

    With a folder of tasks it is a private site: its pages say which commands evaluate on these tasks and submit here.

    Parameters
    ----------
    out : path-like
        The site's folder.
    submissions : path-like
        Where submissions lie.
    tasks : sequence of tasks, or path, optional
        Only these, or those of a folder of task files; every shipped one if left out.
    datasets : sequence of path, or mapping of str to Dataset, optional
        Folders of built datasets, or datasets by ``name@version``; others are found as for `load_dataset`.

    Returns
    -------
    list of InputError
        The submissions that were refused and left out.

    Raises
    ------
    InputError
        If a task is not known, or `out` holds something other than a site.

    Examples
    --------
    >>> import matbench_defects as md
    >>> _ = md.submit(md.evaluate("lno-formation-energy", "mean"), author="Ada Lovelace")
    >>> md.build_leaderboard("site", tasks=["lno-formation-energy"])
    []
    """
    from matbench_defects.leaderboard.private import PrivateBoard
    from matbench_defects.leaderboard.retired import read_retired
    from matbench_defects.leaderboard.site import build_site

    given, private = datasets or {}, None
    known = given if isinstance(given, Mapping) else {f"{d.name}@{d.version}": d for d in map(open_dataset, given)}
    if isinstance(tasks, str | Path):
        folders = {about: str(of.folder) for about, of in known.items()}
        private = PrivateBoard(str(tasks), str(submissions), str(out), folders)
        tasks = _task_files(Path(tasks))
    loaded = _tasks(tasks)
    found = _datasets(loaded, known)
    retired = read_retired(_retired_beside(submissions)) if tasks is None else []
    return build_site(out, submissions, found, loaded, retired=retired, left_alone=shipped_tasks(), private=private)


def _task_files(folder: Path) -> list[Path]:
    """Return the task files of a folder."""
    if not folder.is_dir():
        raise InputError("is no folder; one with task files was expected", file=str(folder))
    if not (files := sorted(folder.glob("*.yaml"))):
        raise InputError("holds no task file; `matbench-defects init-task` writes one", file=str(folder))
    return files


def _tasks(given: Sequence[AnyTask] | None) -> list[Task]:
    return [as_task(task) for task in (shipped_tasks() if given is None else given)]


def _datasets(
    tasks: Sequence[Task], given: Mapping[str, Dataset] | None = None, *, rows_only: bool = False
) -> dict[str, Dataset]:
    """Return the dataset of each task, by ``name@version``; for scoring alone, rows are enough."""
    known = dict(given or {})
    return {task.dataset: task.load_dataset(known.get(task.dataset), rows_only=rows_only) for task in tasks}


@dataclass(frozen=True)
class ScoredRequest:
    """What is to be said of the submissions of a request.

    Parameters
    ----------
    comment : str
        As Markdown.
    problems : list of InputError
        The submissions that were refused.
    """

    comment: str
    problems: list[InputError]


def score_request(
    head: str | Path, base: str | Path = SUBMISSIONS, tasks: Sequence[AnyTask] | None = None
) -> ScoredRequest:
    """Check a request's submissions and score them beside the base's; nothing but their two files is ever opened.

    Parameters
    ----------
    head : path-like
        The folder of submissions as the request would leave it.
    base : path-like
        The trusted submissions.
    tasks : sequence of tasks, optional
        Only these may be submitted to; every shipped one if left out.

    Examples
    --------
    >>> import matbench_defects as md, pathlib
    >>> pathlib.Path("base").mkdir()
    >>> result = md.evaluate("lno-formation-energy", "composition")
    >>> _ = md.submit(result, author="Ada Lovelace", out="head", name="line-through-contents")
    >>> request = md.score_request("head", "base", tasks=["lno-formation-energy"])
    >>> request.problems, "line-through-contents" in request.comment
    ([], True)
    """
    from matbench_defects.leaderboard.request import request_comment
    from matbench_defects.leaderboard.request import score_request as score

    loaded = _tasks(tasks)
    datasets = _datasets(loaded, rows_only=True)
    request = score(Path(base), Path(head), loaded, datasets)
    return ScoredRequest(request_comment(request, loaded, datasets), request.problems)


@dataclass(frozen=True)
class Rescored:
    """Recorded scores against those computed anew.

    Parameters
    ----------
    submissions : int
        How many were scored.
    changes : list of Change
        Scores that moved, and new ones.
    problems : list of InputError
        Submissions that were refused.
    """

    submissions: int
    changes: list[Change]
    problems: list[InputError]

    @property
    def moved(self) -> list[Change]:
        """The scores that moved."""
        return [change for change in self.changes if not change.new]


def rescore(
    submissions: str | Path = SUBMISSIONS,
    scores: str | Path = "leaderboard/scores.json",
    tasks: Sequence[AnyTask] | None = None,
    *,
    write: bool = False,
) -> Rescored:
    """Score every submission anew and say which recorded score moved, by how much and why.

    Parameters
    ----------
    submissions : path-like
        Where submissions lie.
    scores : path-like
        The recorded scores.
    tasks : sequence of tasks, optional
        Only these; every shipped one if left out.
    write : bool
        Whether to record the new scores.

    Examples
    --------
    >>> import matbench_defects as md
    >>> _ = md.submit(md.evaluate("lno-formation-energy", "mean"), author="Ada Lovelace", out="submissions")
    >>> found = md.rescore("submissions", "scores.json", ["lno-formation-energy"], write=True)
    >>> found.submissions, md.rescore("submissions", "scores.json", ["lno-formation-energy"]).changes
    (1, [])
    """
    from matbench_defects.leaderboard.recorded import changes, read_record, record, record_retired, write_record
    from matbench_defects.leaderboard.retired import read_retired
    from matbench_defects.leaderboard.scoring import collect_standings

    loaded = _tasks(tasks)
    datasets = _datasets(loaded, rows_only=True)
    standings = collect_standings(submissions, loaded, datasets)
    every, now = [standings], record(standings, loaded, datasets)
    for old in read_retired(_retired_beside(submissions)) if tasks is None else []:
        every.append(old.standings())
        now["tasks"] |= record_retired(old, every[-1])
    found = changes(read_record(scores), now)
    if write:
        write_record(scores, now)
    number = sum(len(of) for each in every for of in each.by_task.values())
    return Rescored(number, found, [problem for each in every for problem in each.problems])


def retire(dataset: str, tasks: Sequence[str | Path] | None = None, submissions: str | Path = SUBMISSIONS) -> Path:
    """Retire the shipped version of a dataset before a new one takes its name: its tasks are shown, but not ranked.

    Parameters
    ----------
    dataset : str
        Name of a shipped dataset.
    tasks : sequence of path, optional
        Files of its tasks; every shipped one about it if left out. They are copied.
    submissions : path-like
        Where submissions lie; those to these tasks are moved.

    Returns
    -------
    path
        What was written, in ``retired`` beside the submissions.

    Raises
    ------
    InputError
        If that version is retired already.

    Examples
    --------
    >>> import matbench_defects as md
    >>> _ = md.submit(md.evaluate("lno-formation-energy", "mean"), author="Ada Lovelace", out="board/submissions")
    >>> sorted(path.name for path in md.retire("lno-cathode", submissions="board/submissions").iterdir())
    ['dataset', 'submissions', 'tasks']
    """
    from matbench_defects.hub.find import load_dataset
    from matbench_defects.leaderboard.retired import retire as move
    from matbench_defects.shipped import find_task

    found = load_dataset(dataset)
    about = f"{found.name}@{found.version}"
    files = [find_task(str(task)) for task in (shipped_tasks() if tasks is None else tasks)]
    files = [file for file in files if tasks is not None or as_task(file).dataset == about]
    return move(found, files, submissions, _retired_beside(submissions)).folder


def _retired_beside(submissions: str | Path) -> Path:
    return Path(submissions).parent / "retired"
