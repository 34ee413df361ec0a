"""The overview of many results: a Markdown table with a row a task and a column a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matbench_defects.errors import InputError
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.scoring import Score
from matbench_defects.evaluation.task import Task
from matbench_defects.files import write_text
from matbench_defects.leaderboard.formatting import MISSING, column_decimals, fixed

BEGIN, END = "<!-- overview -->", "<!-- end of overview -->"
"""Between these lines of a Markdown file stands its overview."""
TIED = " ="
"""Stands behind a value that is tied with the best."""


@dataclass(frozen=True)
class TaskScores:
    """What models reached on one task.

    Parameters
    ----------
    task : Task
        The task.
    unit : str
        Unit of its target, as shown.
    rows : int
        Test rows.
    scores : dict of str to Score
        The first metric by model's name, the best first.
    tied : set of str
        Models that are tied with the best.
    """

    task: Task
    unit: str
    rows: int
    scores: dict[str, Score]
    tied: set[str]


def overview(found: Sequence[TaskScores]) -> str:
    """Return the table of the first metric of each task, the best in bold, models that serve most tasks first.

    Parameters
    ----------
    found : sequence of TaskScores
        The tasks, in the order of the rows.
    """
    served: dict[str, int] = {}
    for one in found:
        for name in one.scores:
            served[name] = served.get(name, 0) + 1
    names = sorted(served, key=lambda name: (-served[name], name))
    heads = ["Task", "Metric", "Test rows", *(f"`{name}`" for name in names)]
    lines = [heads, ["---"] * len(heads)]
    for one in found:
        metric = metrics.get(one.task.metrics[0])
        unit = one.unit if metric.unit is None else "" if metric.unit == "1" else metric.unit
        arrow = "↓" if metric.direction == "lower" else "↑"
        decimals = column_decimals((score.mean for score in one.scores.values()), most=5)
        best = next(iter(one.scores), None)
        row = [f"`{one.task.name}`", f"{metric.title} {arrow}{f', {unit}' if unit else ''}", str(one.rows)]
        for name in names:
            shown = fixed(one.scores[name].mean, decimals) if name in one.scores else MISSING
            row.append(f"**{shown}**" if name == best else shown + (TIED if name in one.tied else ""))
        lines.append(row)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def insert(table: str, path: Path) -> None:
    """Put an overview between the two lines of a Markdown file that are kept for it.

    Raises
    ------
    InputError
        If the file cannot be read or has no such lines.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=str(path)) from None
    between = re.compile(f"^{BEGIN}\n.*?^{END}$", re.DOTALL | re.MULTILINE)
    if len(between.findall(text)) != 1:
        raise InputError(f"has not one line {BEGIN} with a line {END} below it", file=str(path))
    write_text(path, between.sub(lambda _: f"{BEGIN}\n{table}{END}", text))
