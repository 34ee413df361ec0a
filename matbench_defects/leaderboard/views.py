"""What the pages show, as plain data: columns, rows, cards. The templates only lay it out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.gap import gap, is_ratio
from matbench_defects.evaluation.metrics import Metric, metrics
from matbench_defects.evaluation.scoring import Score, scored_rows, task_folds
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.formatting import MISSING, column_decimals, fixed, mebibytes, seconds, spread, whole
from matbench_defects.leaderboard.plots import task_plots
from matbench_defects.leaderboard.scoring import Entry
from matbench_defects.leaderboard.submission import Submission

ARROWS = {"lower": "↓", "higher": "↑"}
"""Which way is better."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its key, header, unit, which way is better, and whether it holds numbers."""

    key: str
    title: str
    unit: str = ""
    direction: str = ""
    numeric: bool = True

    @property
    def arrow(self) -> str:
        """``↓`` where lower is better, ``↑`` where higher is, else nothing."""
        return ARROWS.get(self.direction, "")


@dataclass(frozen=True)
class Cell:
    """A cell: its text, its spread, what it sorts by (empty where it is not defined), whether it leads its column.

    In the table across tasks `place` is the rank there.
    """

    text: str
    sort: str
    spread: str = ""
    best: bool = False
    place: str = ""


@dataclass(frozen=True)
class Row:
    """A line of a table: an entry, or a model across tasks."""

    name: str
    title: str
    note: str
    baseline: bool
    cells: list[Cell]
    rank: int = 0
    place: str = ""


@dataclass(frozen=True)
class Bar:
    """An entry in an overview's bar chart; `length` runs from 0 to 100."""

    title: str
    text: str
    length: float
    baseline: bool


@dataclass(frozen=True)
class TaskView:
    """A task with its entries.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    quantity : Quantity
        What is predicted.
    rows_count : int
        Number of test rows; one that is tested in several folds counts once.
    split : str
        The split and its folds, in words.
    spread : str
        What standard deviations are over, in words; empty where there is but one seed.
    entries : list of Entry
        The entries, best first.
    measures : list of Metric
        The task's metrics; the first ranks.
    gaps : list of float or None
        Of an extrapolation with a counterpart, the gap of each entry in the first metric, not-a-number where the model
        has no entry there; else None.
    columns, rows
        The table.
    plots : dict
        What the plots show, as plain data.
    bars : list of Bar
        The best entries and the best baselines, best first.
    verdict : str
        The best entry against the best baseline, in one sentence.
    """

    task: Task
    dataset: Dataset
    quantity: Quantity
    rows_count: int
    split: str
    spread: str
    entries: list[Entry]
    measures: list[Metric]
    gaps: list[float] | None
    columns: list[Column]
    rows: list[Row]
    plots: dict[str, Any]
    bars: list[Bar]
    verdict: str


def task_view(
    task: Task, dataset: Dataset, entries: list[Entry], interpolation: Sequence[Entry] | None = None
) -> TaskView:
    """Return what the page of a task shows.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    entries : list of Entry
        The entries, best first.
    interpolation : sequence of Entry, optional
        The entries of the task's interpolation counterpart.
    """
    quantity = dataset.quantity(task.target)
    rows = scored_rows(task, dataset)
    distinct = len(set(rows["id"].to_pylist()))
    folds = task_folds(task, dataset)
    measures = [metrics.get(name) for name in task.metrics]
    first = measures[0]
    gaps = None if interpolation is None else _gaps(entries, interpolation, first)
    columns, cells = _table(entries, measures, quantity, gaps)
    lines = []
    for i, entry in enumerate(entries):
        about = entry.checked.submission
        own = [column[i] for column in cells]
        lines.append(Row(about.model, about.title, about.description, entry.baseline, own, entry.rank, entry.place))
    return TaskView(
        task=task,
        dataset=dataset,
        quantity=quantity,
        rows_count=distinct,
        split=_split_words(task, folds),
        spread=_spread_words(task, len(folds) if distinct < len(rows) else 1),
        entries=entries,
        measures=measures,
        gaps=gaps,
        columns=columns,
        rows=lines,
        plots=task_plots(task, dataset, entries, rows, quantity.shown_unit, first, unit_of(first, quantity)),
        bars=_bars(entries, first),
        verdict=_verdict(entries, first, quantity),
    )


def _split_words(task: Task, folds: list[str]) -> str:
    if task.fold is not None:
        return f"{task.split}, fold {task.fold}"
    return f"{task.split}, {len(folds)} folds" if folds else task.split


def _spread_words(task: Task, scored_alone: int) -> str:
    if scored_alone > 1:
        return f"{scored_alone} folds"
    return f"{len(task.seeds)} seeds" if len(task.seeds) > 1 else ""


def unit_of(metric: Metric, quantity: Quantity) -> str:
    """Return the unit of a metric for people; empty for a pure number."""
    unit = quantity.shown_unit if metric.unit is None else metric.unit
    return "" if unit == "1" else unit


def _gaps(entries: Sequence[Entry], interpolation: Sequence[Entry], metric: Metric) -> list[float]:
    inside = {entry.checked.submission.model: entry.scores[metric.name] for entry in interpolation}
    named = [(entry.checked.submission.model, entry.scores[metric.name]) for entry in entries]
    return [gap(metric, score, inside[model]) if model in inside else math.nan for model, score in named]


def _table(
    entries: list[Entry], measures: list[Metric], quantity: Quantity, gaps: list[float] | None
) -> tuple[list[Column], list[list[Cell]]]:
    columns, cells = [], []
    for metric in measures:
        columns.append(Column(metric.name, metric.title, unit_of(metric, quantity), metric.direction))
        cells.append(_score_cells([entry.scores[metric.name] for entry in entries], metric))
    if gaps is not None:
        first = measures[0]
        unit = "×" if is_ratio(first) else unit_of(first, quantity)
        columns.append(Column("gap", f"Gap in {first.title}", unit, first.direction))
        decimals = 2 if is_ratio(first) else _decimals(gaps, first)
        cells.append([Cell(fixed(value, decimals), _sortable(value)) for value in gaps])
    abouts = [entry.checked.submission for entry in entries]
    for column, value, text in _COST:
        columns.append(column)
        values = [value(about) for about in abouts]
        cells.append([Cell(text(v), "" if v is None else _sortable(v)) for v in values])
    columns.append(Column("device", "Device", numeric=False))
    cells.append([Cell(about.cost.device, about.cost.device) for about in abouts])
    return columns, cells


def _none_or(text: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: MISSING if value is None else text(value)


_COST: list[tuple[Column, Callable[[Submission], float | None], Callable[[float | None], str]]] = [
    (Column("train", "Train", "s"), lambda about: about.cost.train_seconds, _none_or(seconds)),
    (Column("predict", "Predict", "s"), lambda about: about.cost.predict_seconds, _none_or(seconds)),
    (Column("parameters", "Parameters"), lambda about: about.cost.parameters, _none_or(lambda v: whole(int(v)))),
    (
        Column("memory", "Memory", "MiB"),
        lambda about: about.cost.peak_memory_bytes,
        _none_or(lambda v: whole(mebibytes(v))),
    ),
]


def _score_cells(scores: Sequence[Score], metric: Metric) -> list[Cell]:
    means = [score.mean for score in scores]
    decimals = _decimals(means, metric)
    texts = [fixed(mean, decimals) for mean in means]
    finite = [mean for mean in means if math.isfinite(mean)]
    best = fixed(min(finite) if metric.direction == "lower" else max(finite), decimals) if finite else None
    return [
        Cell(text, _sortable(score.mean), spread(score, decimals), text == best)
        for score, text in zip(scores, texts, strict=True)
    ]


def _decimals(values: Sequence[float], metric: Metric) -> int:
    # Shares and correlations are read against 1, whatever the smallest of them is.
    return 3 if metric.unit == "1" else column_decimals(values)


def _sortable(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else ""


def _leaders(entries: list[Entry], metric: Metric) -> tuple[Entry | None, Entry | None]:
    """Return the best entry that is no baseline, and the best baseline."""
    defined = [entry for entry in entries if math.isfinite(entry.scores[metric.name].mean)]
    best = next((entry for entry in defined if not entry.baseline), None)
    return best, next((entry for entry in defined if entry.baseline), None)


def _verdict(entries: list[Entry], metric: Metric, quantity: Quantity) -> str:
    if not entries:
        return "No submissions yet."
    best, baseline = _leaders(entries, metric)
    if best is None:
        leader = f"; {baseline.checked.submission.title} leads" if baseline else ""
        return f"Only baselines so far{leader}."
    title = best.checked.submission.title
    if baseline is None:
        return f"{title} leads; there is no baseline to compare it with."
    reference = baseline.checked.submission.title
    if best.rank == baseline.rank:
        luck = "the difference may be the luck of the test rows"
        return f"{title} and the best baseline, {reference}, share a place: {luck}."
    ours, theirs = best.scores[metric.name].mean, baseline.scores[metric.name].mean
    if abs(ours - theirs) <= math.hypot(best.scores[metric.name].deviation, baseline.scores[metric.name].deviation):
        over = "folds" if best.scores[metric.name].by_fold else "seeds"
        return f"{title} and the best baseline, {reference}, are level within their spread over the {over}."
    if (ours >= theirs) if metric.direction == "lower" else (ours <= theirs):
        return f"No entry beats the best baseline, {reference}; {title} comes nearest."
    if metric.direction == "lower" and theirs > 0:
        return (
            f"{title} has a {100 * (1 - ours / theirs):.0f} % lower {metric.title} than the best baseline, {reference}."
        )
    decimals = _decimals([ours, theirs], metric)
    return f"{title} reaches {fixed(ours, decimals)}, the best baseline, {reference}, {fixed(theirs, decimals)}."


def _bars(entries: list[Entry], metric: Metric, most: int = 6) -> list[Bar]:
    defined = [entry for entry in entries if math.isfinite(entry.scores[metric.name].mean)]
    picked = [i for i, entry in enumerate(defined) if not entry.baseline][: most // 2]
    picked += [i for i, entry in enumerate(defined) if entry.baseline][: most - len(picked)]
    chosen = [defined[i] for i in sorted(picked)]
    means = [entry.scores[metric.name].mean for entry in chosen]
    decimals = _decimals(means, metric)
    longest = max([abs(mean) for mean in means], default=0.0) or 1.0
    return [
        Bar(
            entry.checked.submission.title,
            fixed(mean, decimals),
            round(100 * max(mean, 0.0) / longest, 1),
            entry.baseline,
        )
        for entry, mean in zip(chosen, means, strict=True)
    ]


def models_table(views: Sequence[TaskView]) -> tuple[list[Column], list[Row]]:
    """Return the table of every model on every task, by each task's first metric; models in order of relative rank.

    The relative rank is the mean of a model's place by the number of entries, over every task that has any. A task that
    the model was not submitted to counts as the last place: nobody gains by leaving the hard ones out.
    """
    columns = [Column("relative_rank", "Relative rank", "place / entries", "lower")]
    columns += [
        Column(
            view.task.name,
            view.task.title,
            f"{view.measures[0].title}{' / ' if unit_of(view.measures[0], view.quantity) else ''}"
            f"{unit_of(view.measures[0], view.quantity)}",
            view.measures[0].direction,
        )
        for view in views
    ]
    cells: list[Mapping[str, Cell]] = [
        {row.name: replace(row.cells[0], place=row.place) for row in view.rows} for view in views
    ]
    shares: dict[str, list[float]] = {}
    titles: dict[str, Row] = {}
    for view in views:
        for row in view.rows:
            shares.setdefault(row.name, []).append(row.rank / len(view.rows))
            titles.setdefault(row.name, row)
    entered = sum(bool(view.rows) for view in views)
    relative = {name: (sum(of) + entered - len(of)) / entered for name, of in shares.items()}
    order = sorted(relative, key=lambda name: (relative[name], name))
    empty = Cell(MISSING, "")
    rows = []
    for name in order:
        counted = len(shares[name])
        note = f"{counted} of {len(views)} tasks" if counted < len(views) else ""
        baseline = titles[name].baseline
        own = [Cell(fixed(relative[name], 2), repr(relative[name])), *(by_name.get(name, empty) for by_name in cells)]
        rows.append(Row(name, titles[name].title, note, baseline, own))
    return columns, rows
