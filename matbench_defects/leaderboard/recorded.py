"""The scores as they were last: committed beside the submissions, so that a score that moves shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matbench_defects.bounded import read_json
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import scored_rows
from matbench_defects.evaluation.task import Task
from matbench_defects.files import digest, sha256_of_file, write_json
from matbench_defects.leaderboard.retired import Retired
from matbench_defects.leaderboard.scoring import Standings
from matbench_defects.leaderboard.submission import PREDICTIONS_FILE

FORMAT = 1
"""Version of the file's layout."""
SAME = 1e-9
"""Scores that differ by less than this share are the same: processors add numbers in different orders."""

Cause = Literal["predictions", "labels", "code"]


@dataclass(frozen=True)
class Change:
    """One score that is not what it was.

    Parameters
    ----------
    task, model, metric : str
        Whose it is; the metric is empty where the whole entry came or went.
    before, after : float or None
        The score; None where it was not there, or is not any more. Not-a-number where it is not defined.
    cause : {"predictions", "labels", "code"}
        What else differs: the submission's predictions, else the rows and labels of the task, else only the code.
    """

    task: str
    model: str
    metric: str
    before: float | None
    after: float | None
    cause: Cause

    @property
    def new(self) -> bool:
        """Whether there was nothing before that could have moved."""
        return self.before is None

    def __str__(self) -> str:
        what = f"{self.task}: {self.model}: {self.metric}" if self.metric else f"{self.task}: {self.model}"
        if self.before is None:
            return f"{what} is new" + ("" if self.after is None else f", {self.after:.6g}")
        if self.after is None:
            return f"{what} is gone" + (f", it was {self.before:.6g}" if self.metric else "")
        by = f", by {self.after - self.before:+.3g}" if math.isfinite(self.after - self.before) else ""
        why = {"predictions": "its predictions changed", "labels": "the test rows changed", "code": "the code changed"}
        return f"{what} moved from {self.before:.6g} to {self.after:.6g}{by}: {why[self.cause]}"


def record(standings: Standings, tasks: Iterable[Task], datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return the scores of every entry as plain data, with digests of what they were computed from.

    Parameters
    ----------
    standings : Standings
        The entries.
    tasks : iterable of Task
        The tasks that they belong to.
    datasets : mapping of str to Dataset
        By name and version.
    """
    found: dict[str, Any] = {}
    for task in sorted(tasks, key=lambda task: task.name):
        rows = scored_rows(task, datasets[task.dataset])
        folds = rows["fold"].to_pylist() if "fold" in rows.schema.names else []
        labels = digest([rows["id"].to_pylist(), folds, rows[task.target].to_pylist()])
        entries = sorted(standings.by_task[task.name], key=lambda entry: entry.checked.submission.model)
        found[task.name] = {
            "dataset": task.dataset,
            "labels": labels,
            "entries": {
                entry.checked.submission.model: {
                    "predictions": sha256_of_file(entry.checked.folder / PREDICTIONS_FILE)[:16],
                    "scores": {
                        name: float(f"{s.mean:.12g}") if math.isfinite(s.mean) else None
                        for name, s in entry.scores.items()
                    },
                }
                for entry in entries
            },
        }
    return {"format": FORMAT, "tasks": found}


def record_retired(of: Retired, standings: Standings) -> dict[str, Any]:
    """Return the scores of a retired dataset as `record` does, each task with the version that it is about."""
    found = record(standings, of.tasks, {of.name: of.dataset})["tasks"]
    return {f"{name}@{of.dataset.version}": scores for name, scores in found.items()}


def read_record(path: str | Path) -> dict[str, Any]:
    """Read scores that were written before; nothing where there is no such file.

    Raises
    ------
    InputError
        If it is not what `write_record` writes.
    """
    if not Path(path).exists():
        return {"format": FORMAT, "tasks": {}}
    data = read_json(path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InputError(f"is not a record of scores of format {FORMAT}; write it again", file=str(path))
    return data


def write_record(path: str | Path, data: dict[str, Any]) -> None:
    """Write scores; equal scores give equal bytes."""
    write_json(path, data)


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Return every score that came, went or moved between two records.

    Parameters
    ----------
    before, after : dict
        As `record` returns them.
    """
    found: list[Change] = []
    for name in sorted({*before["tasks"], *after["tasks"]}):
        old, new = (side["tasks"].get(name, {"labels": "", "entries": {}}) for side in (before, after))
        for model in sorted({*old["entries"], *new["entries"]}):
            ours, theirs = old["entries"].get(model), new["entries"].get(model)
            if ours is None or theirs is None:
                gone = None if ours is None else math.nan
                found.append(Change(name, model, "", gone, None if theirs is None else _first(theirs), "predictions"))
                continue
            cause: Cause = "code" if old["labels"] == new["labels"] else "labels"
            if ours["predictions"] != theirs["predictions"]:
                cause = "predictions"
            for metric in sorted({*ours["scores"], *theirs["scores"]}):
                was, now = _score(ours, metric), _score(theirs, metric)
                if not _equal(was, now):
                    found.append(Change(name, model, metric, was, now, cause))
    return found


def _first(entry: dict[str, Any]) -> float:
    return next((math.nan if v is None else v for v in entry["scores"].values()), math.nan)


def _score(entry: dict[str, Any], metric: str) -> float | None:
    if metric not in entry["scores"]:
        return None
    value = entry["scores"][metric]
    return math.nan if value is None else float(value)


def _equal(was: float | None, now: float | None) -> bool:
    if was is None or now is None:
        return was is now
    if math.isnan(was) or math.isnan(now):
        return math.isnan(was) and math.isnan(now)
    return math.isclose(was, now, rel_tol=SAME, abs_tol=SAME)
