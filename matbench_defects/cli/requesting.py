"""What CI does with submissions: score a request's beside the base's, and say which recorded scores moved."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from matbench_defects.cli.submitting import datasets_of
from matbench_defects.evaluation.task import load_task
from matbench_defects.files import write_text
from matbench_defects.leaderboard.recorded import changes, read_record, record, write_record
from matbench_defects.leaderboard.request import request_comment, score_request
from matbench_defects.leaderboard.scoring import collect
from matbench_defects.shipped import shipped_tasks


def show_request(base: Path, head: Path, comment: Path | None, console: Console) -> bool:
    """Score a request's submissions beside the base's, show the comment, and return whether nothing was refused.

    Parameters
    ----------
    base, head : path
        Folders of submissions: the trusted one, and as the request would leave it.
    comment : path or None
        Where the comment goes as Markdown.
    console : rich.console.Console
        Where it is shown.
    """
    tasks = [load_task(name) for name in shipped_tasks()]
    datasets = datasets_of(tasks, rows_only=True)
    request = score_request(base, head, tasks, datasets)
    text = request_comment(request, tasks, datasets)
    if comment:
        write_text(comment, text)
    console.print(text, markup=False, soft_wrap=True)
    return not request.problems


def show_moved(submissions: Path, scores: Path, write: bool, console: Console) -> bool:
    """Score every submission anew, say what differs from the recorded scores, and return whether nothing moved.

    Parameters
    ----------
    submissions : path
        Where submissions lie.
    scores : path
        The recorded scores, a JSON file.
    write : bool
        Record the new scores.
    console : rich.console.Console
        Where it is shown.
    """
    tasks = [load_task(name) for name in shipped_tasks()]
    datasets = datasets_of(tasks, rows_only=True)
    standings = collect(submissions, tasks, datasets)
    now = record(standings, tasks, datasets)
    found = changes(read_record(scores), now)
    for change in found:
        console.print(str(change), markup=False, soft_wrap=True)
    for problem in standings.problems:
        console.print(f"refused: {problem}", markup=False, soft_wrap=True)
    entries = sum(len(of) for of in standings.by_task.values())
    moved = [change for change in found if not change.new]
    console.print(f"{entries} submissions scored, {len(moved)} scores moved, {len(found) - len(moved)} new")
    if write:
        write_record(scores, now)
        console.print(f"{scores} written", markup=False, soft_wrap=True)
    return not standings.problems and (write or not moved)
