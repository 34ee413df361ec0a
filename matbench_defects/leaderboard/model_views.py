"""What the page of a model shows: how it does on every task that it was submitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matbench_defects.csv_text import csv_text
from matbench_defects.evaluation.tables.table import Row
from matbench_defects.leaderboard.export import entry_data
from matbench_defects.leaderboard.scoring import Entry
from matbench_defects.leaderboard.views import TaskView


@dataclass(frozen=True)
class Appearance:
    """A model on one task.

    Parameters
    ----------
    view : TaskView
        The task.
    entry : Entry
        The model's entry there.
    row : Row
        Its line of the task's table.
    """

    view: TaskView
    entry: Entry
    row: Row


@dataclass(frozen=True)
class ModelView:
    """A model with every task that it was submitted to.

    Parameters
    ----------
    name : str
        The model's name.
    title : str
        Its name for people, as its first submission gives it.
    baseline : bool
        Whether any task names it as a baseline.
    appearances : list of Appearance
        By task.
    """

    name: str
    title: str
    baseline: bool
    appearances: list[Appearance]


def model_views(views: Sequence[TaskView]) -> list[ModelView]:
    """Return every model of some tasks, by name."""
    found: dict[str, list[Appearance]] = {}
    for view in views:
        for entry, row in zip(view.entries, view.table.rows, strict=True):
            found.setdefault(row.name, []).append(Appearance(view, entry, row))
    return [
        ModelView(name, of[0].row.title, any(one.row.baseline for one in of), of) for name, of in sorted(found.items())
    ]


def model_data(view: ModelView) -> dict[str, Any]:
    """Return a model's entries as plain data."""
    return {
        "model": view.name,
        "title": view.title,
        "entries": [{"task": one.view.task.name, **entry_data(one.entry)} for one in view.appearances],
    }


def scores_csv(views: Sequence[TaskView], model: str | None = None) -> str:
    """Return scores as CSV, one line a task, model and metric.

    Parameters
    ----------
    views : sequence of TaskView
        The tasks.
    model : str, optional
        Only this model's.
    """
    about_model = ["task", "dataset", "model", "title", "baseline", "rank", "entries"]
    lines: list[list[Any]] = [[*about_model, "metric", "unit", "better", "mean", "deviation"]]
    for view in views:
        for entry in view.entries:
            about = entry.checked.submission
            if model not in (None, about.model):
                continue
            for metric in view.measures:
                score = entry.scores[metric.name]
                lines.append(
                    [
                        *(view.task.name, view.task.dataset, about.model, about.title),
                        *("yes" if entry.baseline else "no", entry.rank or None, len(view.entries)),
                        *(metric.name, metric.unit_for(view.quantity), metric.direction, score.mean, score.deviation),
                    ]
                )
    return csv_text(lines)
