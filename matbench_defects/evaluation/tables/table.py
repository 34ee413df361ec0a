"""The table of results: what stands in its cells, whoever shows it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matbench_defects.columns import Quantity
from matbench_defects.evaluation.gap import is_ratio
from matbench_defects.evaluation.metrics import Metric
from matbench_defects.evaluation.metrics.metric import ARROWS
from matbench_defects.evaluation.scoring import Score
from matbench_defects.evaluation.tables.numbers import (
    MISSING,
    column_decimals,
    fixed,
    mebibytes,
    seconds,
    spread,
    whole,
)
from matbench_defects.plotting import html_table

if TYPE_CHECKING:
    from rich.console import Console

TIED = "="
"""Stands behind a value that is tied with the best, and behind a place that is shared."""
NOISY = "~"
"""Stands behind an error that is not above the noise of the labels."""
FEWEST_SHOWN = 3
"""A metric that is an average over fewer things than this, such as contents, is a dash, unless it ranks."""
FEW = 20
"""Of a metric over fewer things than this the number stands in its head."""


@dataclass(frozen=True)
class Column:
    """A column: its key, title, unit, which way is better, and whether it holds numbers."""

    key: str
    title: str
    unit: str = ""
    direction: str = ""
    numeric: bool = True

    @property
    def arrow(self) -> str:
        """``↓`` where lower is better, ``↑`` where higher is, else nothing."""
        return ARROWS.get(self.direction, "")

    def head(self, known_unit: str = "") -> str:
        """Return title, arrow and unit on one line, such as ``MAE ↓ (eV per atom)``.

        Parameters
        ----------
        known_unit : str
            A unit that is not repeated, for it stands above the table.
        """
        unit = f" ({self.unit})" if self.unit and self.unit != known_unit else ""
        return f"{self.title}{f' {self.arrow}' if self.arrow else ''}{unit}"


@dataclass(frozen=True)
class Cell:
    """A cell: its text, its spread, what it sorts by (empty where it is not defined), whether it leads its column.

    In a table across tasks `place` is the rank there. `tied` says that a value is tied with the best, `noisy` that an
    error is not above the noise of the labels.
    """

    text: str
    sort: str = ""
    spread: str = ""
    best: bool = False
    place: str = ""
    tied: bool = False
    noisy: bool = False

    @property
    def marks(self) -> str:
        """The signs behind the value."""
        return " ".join(filter(None, [TIED if self.tied else "", NOISY if self.noisy else ""]))

    def __str__(self) -> str:
        return " ".join(filter(None, [self.text, self.spread, self.marks]))


EMPTY = Cell(MISSING)
"""Stands where there is nothing to show."""


@dataclass(frozen=True)
class Row:
    """A line: a model on a task or across tasks, or a task across models."""

    name: str
    title: str
    cells: list[Cell]
    note: str = ""
    baseline: bool = False
    rank: int = 0
    place: str = ""


@dataclass(frozen=True)
class ResultTable:
    """Results beside each other.

    Parameters
    ----------
    first : str
        Head of the column with the titles of the rows.
    columns : list of Column
        The other columns.
    rows : list of Row
        The lines, with a cell a column.
    unit : str
        A unit that stands above the table, so that heads need not repeat it.
    """

    first: str
    columns: list[Column]
    rows: list[Row]
    unit: str = ""

    @property
    def heads(self) -> list[str]:
        """The heads of all columns as text."""
        return [self.first, *(column.head(self.unit) for column in self.columns)]

    def lines(self) -> list[list[str]]:
        """Return the rows as text, the title first."""
        return [[row.title, *map(str, row.cells)] for row in self.rows]

    def show(self, console: Console) -> None:
        """Show the table in a terminal."""
        from matbench_defects.terminal import show_table

        texts = {head for head, column in zip(self.heads[1:], self.columns, strict=True) if not column.numeric}
        show_table(console, self.heads, self.lines(), texts=texts)

    def _repr_html_(self) -> str:
        return html_table(self.heads, [(row.title, *row.cells) for row in self.rows])


@dataclass(frozen=True)
class Measured:
    """What one model reached on one task, and what it took.

    Parameters
    ----------
    name, title : str
        The model's name, and what it is called in the table.
    scores : mapping of str to Score
        By metric.
    cost : mapping of str to Any
        ``train_seconds``, ``predict_seconds``, ``structures``, ``parameters``, ``peak_memory_bytes``, ``device``.
    gap : float or None
        How much worse it does than on the task's interpolation counterpart, see `evaluation.gap`.
    tied : bool
        Whether its first metric is tied with the best.
    note, baseline, rank, place
        As for `Row`.
    """

    name: str
    title: str
    scores: Mapping[str, Score]
    cost: Mapping[str, Any] = field(default_factory=dict)
    gap: float | None = None
    tied: bool = False
    note: str = ""
    baseline: bool = False
    rank: int = 0
    place: str = ""


def task_table(
    measures: Sequence[Metric],
    quantity: Quantity,
    measured: Sequence[Measured],
    *,
    costs: Sequence[str] = (),
    first: str = "Model",
    unit: str = "",
    noise: float | None = None,
) -> ResultTable:
    """Return the table of a task: metrics, the gap where there is one, and costs, a row a model.

    Parameters
    ----------
    measures : sequence of Metric
        The metrics to show; the first ranks.
    quantity : Quantity
        What is predicted.
    measured : sequence of Measured
        The rows, in their order.
    costs : sequence of str
        Which of `COSTS` are shown.
    first : str
        Head of the column with the titles.
    unit : str
        A unit that stands above the table.
    noise : float, optional
        Noise of the labels in the target's unit; errors not above it are marked.
    """
    columns: list[Column] = []
    cells: list[list[Cell]] = []
    for number, metric in enumerate(measures):
        tied = {i for i, one in enumerate(measured) if one.tied} if not number else set()
        scores = [one.scores.get(metric.name) for one in measured]
        count = next((one.count for one in scores if one is not None), None)
        title = metric.title + few_words(metric, count)
        columns.append(Column(metric.name, title, metric.unit_for(quantity), metric.direction))
        shown = number == 0 or count is None or count >= FEWEST_SHOWN
        cells.append(score_cells(metric, scores, tied, noise) if shown else [EMPTY for _ in scores])
    if any(one.gap is not None for one in measured):
        ratio = is_ratio(measures[0])
        shown_unit = "×" if ratio else measures[0].unit_for(quantity)
        columns.append(Column("gap", f"Gap in {measures[0].title}", shown_unit, measures[0].direction))
        gaps = [math.nan if one.gap is None else one.gap for one in measured]
        decimals = 2 if ratio else decimals_of(measures[0], gaps)
        cells.append([Cell(fixed(value, decimals), sortable(value)) for value in gaps])
    for key in costs:
        columns.append(COSTS[key])
        cells.append([_cost_cell(key, one.cost) for one in measured])
    rows = [
        Row(one.name, one.title, [column[i] for column in cells], one.note, one.baseline, one.rank, one.place)
        for i, one in enumerate(measured)
    ]
    return ResultTable(first, columns, rows, unit)


def few_words(metric: Metric, count: int | None) -> str:
    """Return how many things a metric is an average over, behind a comma; nothing where they are many, or all rows."""
    if metric.basis is None or count is None or count >= FEW:
        return ""
    return f", {count} {metric.basis.noun.removesuffix('s') if count == 1 else metric.basis.noun}"


def score_cells(
    metric: Metric, scores: Sequence[Score | None], tied: Collection[int] = (), noise: float | None = None
) -> list[Cell]:
    """Return the cells of one metric, all with as many decimals, those of the best marked.

    Parameters
    ----------
    metric : Metric
        The metric.
    scores : sequence of Score or None
        Its values; None where a model has none.
    tied : collection of int
        Places of those that are tied with the best.
    noise : float, optional
        Noise of the labels in the target's unit.
    """
    floor = noise if noise is not None and metric.beside_noise else -math.inf
    means = [math.nan if score is None else score.mean for score in scores]
    finite = [mean for mean in means if math.isfinite(mean)]
    decimals = decimals_of(metric, means)
    best = fixed(min(finite, key=metric.sort_key), decimals) if finite else None
    return [
        EMPTY
        if score is None
        else Cell(
            fixed(score.mean, decimals),
            sortable(score.mean),
            spread(score, decimals),
            fixed(score.mean, decimals) == best and i not in tied,
            tied=i in tied,
            noisy=score.mean <= floor,
        )
        for i, score in enumerate(scores)
    ]


def decimals_of(metric: Metric, values: Sequence[float]) -> int:
    """Return how many decimals values of a metric are shown with beside each other."""
    # Shares and correlations are read against 1, whatever the smallest of them is.
    return 3 if metric.unit == "1" else column_decimals(values)


def sortable(value: float | None) -> str:
    """Return what a number is sorted by; nothing where it is not defined."""
    return repr(float(value)) if value is not None and math.isfinite(value) else ""


COSTS = {
    "train_seconds": Column("train", "Train", "s"),
    "predict_seconds": Column("predict", "Predict", "s"),
    "rate": Column("rate", "Structures", "1/s"),
    "parameters": Column("parameters", "Parameters"),
    "peak_memory_bytes": Column("memory", "Memory", "MiB"),
    "device": Column("device", "Device", numeric=False),
}
"""What a model takes; ``rate`` is structures predicted a second."""


def _cost_cell(key: str, cost: Mapping[str, Any]) -> Cell:
    value = cost.get(key)
    if key == "rate" and cost.get("predict_seconds"):
        value = cost["structures"] / cost["predict_seconds"]
    if value is None:
        return EMPTY
    if key == "device":
        return Cell(value, value)
    if key == "peak_memory_bytes":
        return Cell(whole(mebibytes(value)), sortable(value))
    if key == "parameters" or (key == "rate" and value >= 10):
        return Cell(whole(round(value)), sortable(value))
    return Cell(f"{value:.2g}" if key == "rate" else seconds(value), sortable(value))
