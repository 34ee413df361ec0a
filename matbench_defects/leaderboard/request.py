"""A pull request's submissions: found by names, kinds and sizes alone, then checked and scored by this code.

The request is a stranger's folder. Nothing of it is opened before its layout is known to be right, no link is followed,
and what is said of it in the end holds no text of the stranger's but names that are plain words.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError, nearest
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.tables.markdown import markdown_lines
from matbench_defects.evaluation.tables.table import NOISY
from matbench_defects.evaluation.task import Task
from matbench_defects.files import sha256_of_file
from matbench_defects.leaderboard.checking import LARGEST, check_layout, read_submission
from matbench_defects.leaderboard.names import TakenNames
from matbench_defects.leaderboard.near_labels import PUBLIC
from matbench_defects.leaderboard.predictions import shown
from matbench_defects.leaderboard.scoring import KEPT_BESIDE, Entry, Scored, check_and_score, placed
from matbench_defects.leaderboard.submission import NAME_PATTERN, SUBMISSION_FILE
from matbench_defects.leaderboard.views import entry_table

MOST_SUBMISSIONS = 20
"""How many submissions one request may add or change."""
MOST_FOLDERS = 10_000
"""How many folders of a request are looked at."""
MOST_SHOWN = 20
"""How many refusals a comment lists."""

Name = tuple[str, str]
"""Task and model."""


@dataclass
class Request:
    """What a request brings.

    Parameters
    ----------
    added, changed, removed : list of (task, model)
        Submissions that the base does not hold, holds otherwise, or holds alone.
    standings : dict of str to list of Entry
        The tasks that the request touches: entries of the base and of the request, ranked together.
    problems : list of InputError
        What was refused, and why.
    """

    added: list[Name] = field(default_factory=list)
    changed: list[Name] = field(default_factory=list)
    removed: list[Name] = field(default_factory=list)
    standings: dict[str, list[Entry]] = field(default_factory=dict)
    problems: list[InputError] = field(default_factory=list)


def score_request(
    base: str | Path, head: str | Path, tasks: Iterable[Task], datasets: Mapping[str, Dataset]
) -> Request:
    """Check and score what a request adds to a folder of submissions or changes in it.

    Parameters
    ----------
    base : path-like
        The trusted submissions, ``<task>/<model>/``.
    head : path-like
        The same folder as the request would leave it.
    tasks : iterable of Task
        The tasks of the leaderboard.
    datasets : mapping of str to Dataset
        By name and version as tasks say them, ``lno-cathode@1.0.0``.

    Returns
    -------
    Request
        With the refusals among it; nothing is raised for what the request holds.
    """
    base, head = Path(base), Path(os.path.abspath(head))  # noqa: PTH100 - resolve() would follow links
    known = {task.name: task for task in tasks}
    request = Request()
    asked = _asked(head, known, request)
    there = set(_plain_folders(base, known))
    new = [name for name in asked if name not in there or not _same(base, head, name)]
    request.removed = sorted(there - set(asked) - {_name_of(problem) for problem in request.problems})
    if len(new) > MOST_SUBMISSIONS:
        request.problems.append(
            InputError(f"adds or changes {len(new)} submissions; split it, {MOST_SUBMISSIONS} are scored at once")
        )
        return request
    if not new:
        return request
    taken = TakenNames(base, known.values())
    for task in sorted({name[0] for name in new}):
        _score_task(known[task], base, head, [name for name in new if name[0] == task], datasets, request, there, taken)
    return request


def _asked(head: Path, known: Mapping[str, Task], request: Request) -> list[Name]:
    """Return the submissions of the request whose layout is right; file the others among the problems."""
    if head.is_symlink() or not head.is_dir():
        request.problems.append(InputError("holds no plain folder of submissions, <task>/<model>/"))
        return []
    found: list[Name] = []
    looked = 0
    for above in _listed(head):
        if above.name not in known:
            message = f"holds {shown(above.name)}, which is no task; {nearest(above.name, known)}"
            request.problems.append(InputError(message, file=head.name))
            continue
        if above.is_symlink() or not above.is_dir(follow_symlinks=False):
            request.problems.append(InputError("is no plain folder", file=above.name))
            continue
        for entry in _listed(Path(above.path)):
            looked += 1
            if looked > MOST_FOLDERS:
                request.problems.append(InputError(f"holds more than {MOST_FOLDERS} folders; {MOST_FOLDERS} are read"))
                return found
            try:
                check_layout(Path(entry.path))
                found.append((above.name, entry.name))
            except InputError as error:
                request.problems.append(_within(error, head))
    return found


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((e for e in entries if e.name not in KEPT_BESIDE), key=lambda entry: entry.name)


def _plain_folders(base: Path, known: Mapping[str, Task]) -> list[Name]:
    if not base.is_dir():
        raise InputError("is no folder; the base's submissions lie in <task>/<model>/ below it", file=str(base))
    return [(task, entry.name) for task in known if (base / task).is_dir() for entry in _listed(base / task)]


def _same(base: Path, head: Path, name: Name) -> bool:
    pairs = [(base.joinpath(*name, file), head.joinpath(*name, file)) for file in LARGEST]
    if any(not old.is_file() or old.stat().st_size != new.stat().st_size for old, new in pairs):
        return False
    return all(sha256_of_file(old) == sha256_of_file(new) for old, new in pairs)


def _name_of(problem: InputError) -> Name:
    """Return which submission was refused; it stands in the request, so it is not taken away."""
    parts = Path(problem.file or "").parts
    return (parts[0], parts[1]) if len(parts) > 1 else ("", "")


def _within(error: InputError, head: Path) -> InputError:
    """Return the same error with its file named from the folder of submissions on."""

    def named(one: InputError) -> InputError:
        file = os.path.relpath(one.file, head) if one.file else None
        return InputError(one.message, file=file, line=one.line, field=one.field)

    return error.changed(named)


def _score_task(
    task: Task,
    base: Path,
    head: Path,
    new: list[Name],
    datasets: Mapping[str, Dataset],
    request: Request,
    there: set[Name],
    taken: TakenNames,
) -> None:
    brought: list[Scored] = []
    for name in new:
        try:
            folder = head.joinpath(*name)
            taken.check(read_submission(folder / SUBMISSION_FILE, task, folder.name), str(folder / SUBMISSION_FILE))
            brought.append(check_and_score(folder, task, datasets))
            (request.changed if name in there else request.added).append(name)
        except InputError as error:
            request.problems.append(_within(error, head))
    kept: list[Scored] = []
    for name in sorted(there - set(new)):
        if name[0] == task.name:
            with contextlib.suppress(InputError):  # what is wrong with the base is not this request's affair
                kept.append(check_and_score(base.joinpath(*name), task, datasets))
    request.standings[task.name] = placed(task, datasets[task.dataset], [*kept, *brought])


def request_comment(request: Request, tasks: Iterable[Task], datasets: Mapping[str, Dataset]) -> str:
    """Return what there is to say of a request, as Markdown.

    Parameters
    ----------
    request : Request
        What `score_request` found.
    tasks : iterable of Task
        The tasks of the leaderboard.
    datasets : mapping of str to Dataset
        By name and version.

    Returns
    -------
    str
        Tables of the touched tasks, the request's entries bold beside the baselines; then what was refused. Titles,
        authors and other words of a submission do not stand there.
    """
    known = {task.name: task for task in tasks}
    parts = ["### Scores of this request"]
    new = {*request.added, *request.changed}
    for name, entries in request.standings.items():
        ours = [entry for entry in entries if (name, entry.checked.submission.model) in new]
        if ours:
            parts.append(_table(known[name], datasets[known[name].dataset], entries, request))
    if not new:
        parts.append("No submission is added or changed that could be scored.")
    if request.changed:
        parts.append(f"Replaces a submission that is there: {_names(request.changed)}.")
    if request.removed:
        parts.append(f"Takes a submission away: {_names(request.removed)}. Say why in the request.")
    if request.problems:
        parts.append("### Refused")
        parts.append("\n".join(f"- {_code(str(problem))}" for problem in request.problems[:MOST_SHOWN]))
        if len(request.problems) > MOST_SHOWN:
            parts.append(f"and {len(request.problems) - MOST_SHOWN} more.")
    if new:
        parts.append(PUBLIC)
    parts.append(
        "Computed from the predictions by the base branch's code. Run the same check with "
        "`matbench-defects submit FOLDER --check`."
    )
    return "\n\n".join(parts) + "\n"


def _table(task: Task, dataset: Dataset, entries: list[Entry], request: Request) -> str:
    measures = [metrics.get(name) for name in task.metrics]
    quantity = dataset.quantity(task.target)
    ours = {model for name, model in [*request.added, *request.changed] if name == task.name}
    rows = [entry for entry in entries if entry.checked.submission.model in ours or entry.baseline]
    noise = dataset.noise(task.target)
    table = entry_table(measures, quantity, rows, noise=noise)
    lines = [["place", "model", *table.heads[1:]], ["---:", "---", *["---:"] * len(measures)]]
    for row in table.rows:
        marked = f"**{row.name}**" if row.name in ours else f"{row.name} (baseline)"
        lines.append([f"{row.place} of {len(entries)}", marked, *map(str, row.cells)])
    scales = [
        f"- `{e.checked.submission.model}`: {e.checked.scale}" for e in rows if e.checked.submission.model in ours
    ]
    near = [f"**{e.checked.submission.model}**: {e.near}." for e in rows if e.near]
    if noise is not None:
        near.append(f"{NOISY} stands behind errors that are not above the noise of the labels ({noise:.2g}).")
    parts = [f"**{task.name}** on `{task.dataset}`", markdown_lines(lines).rstrip(), "\n".join(scales), *near]
    return "\n\n".join(filter(None, parts))


def _names(names: list[Name]) -> str:
    # The base's own names are plain words; a request's were checked to be.
    return ", ".join(f"`{task}/{model}`" for task, model in names if re.fullmatch(NAME_PATTERN, model))


def _code(text: str) -> str:
    """Return a text as Markdown code on one line, which shows neither links, pictures, names called out nor HTML."""
    plain = "".join(c if c.isprintable() else "?" for c in text).replace("`", "'")
    return f"`{plain[:600]}`"
