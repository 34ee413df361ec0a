"""The overview of many results: a table with a row a task and a column a model."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matbench_defects.bounded import read_text
from matbench_defects.columns import Quantity
from matbench_defects.errors import InputError
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.scoring import Score
from matbench_defects.evaluation.tables.table import Cell, Column, ResultTable, Row, score_cells
from matbench_defects.evaluation.task import Task
from matbench_defects.files import write_text

BEGIN, END = "<!-- overview -->", "<!-- end of overview -->"
"""Between these lines of a Markdown file stands its overview."""


@dataclass(frozen=True)
class TaskScores:
    """What models reached on one task.

    Parameters
    ----------
    task : Task
        The task.
    quantity : Quantity
        What it predicts.
    rows : int
        Test rows; one that is tested in several fits counts once.
    scores : dict of str to Score
        The first metric by model's name, the best first.
    tied : frozenset of str
        Models that are tied with the best.
    """

    task: Task
    quantity: Quantity
    rows: int
    scores: dict[str, Score]
    tied: frozenset[str]
    noise: float | None = None


def overview(found: Sequence[TaskScores]) -> ResultTable:
    """Return the table of the first metric of each task, without spreads; models that serve most tasks first.

    Parameters
    ----------
    found : sequence of TaskScores
        The tasks, in the order of the rows.
    """
    served = Counter(name for one in found for name in one.scores)
    names = sorted(served, key=lambda name: (-served[name], name))
    columns = [Column("metric", "Metric", numeric=False), Column("rows", "Test rows")]
    columns += [Column(name, f"`{name}`") for name in names]
    rows = []
    for one in found:
        metric = metrics.get(one.task.metrics[0])
        head = Column(metric.name, metric.title, metric.unit_for(one.quantity), metric.direction).head()
        places = {i for i, name in enumerate(names) if name in one.tied}
        shown = score_cells(metric, [one.scores.get(name) for name in names], places, one.noise)
        cells = [dataclasses.replace(cell, spread="") for cell in shown]
        rows.append(Row(one.task.name, f"`{one.task.name}`", [Cell(head), Cell(str(one.rows)), *cells]))
    return ResultTable("Task", columns, rows)


def insert(table: str, path: Path) -> None:
    """Put an overview between the two lines of a Markdown file that are kept for it.

    Raises
    ------
    InputError
        If the file cannot be read or has no such lines.
    """
    text = read_text(path)
    between = re.compile(f"^{BEGIN}\n.*?^{END}$", re.DOTALL | re.MULTILINE)
    if len(between.findall(text)) != 1:
        raise InputError(f"has not one line {BEGIN} with a line {END} below it", file=str(path))
    write_text(path, between.sub(lambda _: f"{BEGIN}\n{table}{END}", text))
