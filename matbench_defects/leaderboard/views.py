"""What the pages show, as plain data: columns, rows, cards. The templates only lay it out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset, noise_words
from matbench_defects.evaluation.gap import gap
from matbench_defects.evaluation.metrics import Metric, metrics
from matbench_defects.evaluation.scoring import fold_words, rows_in_words, scored_rows, task_folds
from matbench_defects.evaluation.tables.numbers import fixed
from matbench_defects.evaluation.tables.table import (
    EMPTY,
    FEWEST_SHOWN,
    Cell,
    Column,
    Measured,
    ResultTable,
    Row,
    decimals_of,
    sortable,
    task_table,
)
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.plots import task_plots
from matbench_defects.leaderboard.scoring import Entry

SHOWN_COSTS = ("train_seconds", "predict_seconds", "parameters", "peak_memory_bytes", "device")
"""What the table of a task says of cost."""


FEW_WORDS = f"Metrics over few things say how many in their head; over fewer than {FEWEST_SHOWN} they are a dash."


@dataclass(frozen=True)
class ChartBar:
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
    tested : str
        The same in words, with the number of fits that each is tested in.
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
    table : ResultTable
        The table.
    plots : dict
        What the plots show, as plain data.
    bars : list of ChartBar
        The best entries and the best baselines, best first.
    few : str
        That metrics over few contents or stable rows say over how many, where there are such.
    verdict : str
        The best entry against the best baseline, in one sentence.
    noise : str
        What is known of the noise of the labels, in sentences; empty where it was not measured.
    """

    task: Task
    dataset: Dataset
    quantity: Quantity
    rows_count: int
    tested: str
    split: str
    spread: str
    entries: list[Entry]
    measures: list[Metric]
    gaps: list[float] | None
    table: ResultTable
    plots: dict[str, Any]
    bars: list[ChartBar]
    few: str
    verdict: str
    noise: str


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
    table = entry_table(measures, quantity, entries, costs=SHOWN_COSTS, gaps=gaps, noise=dataset.noise(task.target))
    few = any(of.title != metric.title for of, metric in zip(table.columns, measures, strict=False))
    return TaskView(
        task=task,
        dataset=dataset,
        quantity=quantity,
        rows_count=distinct,
        tested=rows_in_words(rows),
        split=f"{task.split}{fold_words(task, dataset)}",
        spread=_spread_words(task, len(folds) if distinct < len(rows) else 1),
        entries=entries,
        measures=measures,
        gaps=gaps,
        table=table,
        plots=task_plots(task, dataset, entries, rows, quantity, first),
        bars=_bars(entries, first),
        few=FEW_WORDS if few else "",
        verdict=_verdict(entries, first, quantity),
        noise=noise_words(dataset.manifest["targets"][task.target]),
    )


def _spread_words(task: Task, scored_alone: int) -> str:
    if scored_alone > 1:
        return f"{scored_alone} folds"
    return f"{len(task.seeds)} seeds" if len(task.seeds) > 1 else ""


def entry_table(
    measures: Sequence[Metric],
    quantity: Quantity,
    entries: Sequence[Entry],
    *,
    costs: Sequence[str] = (),
    gaps: Sequence[float] | None = None,
    noise: float | None = None,
) -> ResultTable:
    """Return the table of entries on a task; parameters as for `evaluation.tables.table.task_table`."""
    measured = []
    for i, entry in enumerate(entries):
        about = entry.checked.submission
        measured.append(
            Measured(
                about.model,
                about.title,
                entry.scores,
                vars(about.cost),
                gap=None if gaps is None else gaps[i],
                note=about.description,
                baseline=entry.baseline,
                rank=entry.rank,
                place=entry.place,
            )
        )
    return task_table(measures, quantity, measured, costs=costs, noise=noise)


def _gaps(entries: Sequence[Entry], interpolation: Sequence[Entry], metric: Metric) -> list[float]:
    inside = {entry.checked.submission.model: entry.scores[metric.name] for entry in interpolation}
    named = [(entry.checked.submission.model, entry.scores[metric.name]) for entry in entries]
    return [gap(metric, score, inside[model]) if model in inside else math.nan for model, score in named]


def _leaders(entries: list[Entry], metric: Metric) -> tuple[Entry | None, Entry | None]:
    """Return the best entry that is no baseline, and the best baseline."""
    defined = [entry for entry in entries if entry.rank and math.isfinite(entry.scores[metric.name].mean)]
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
    if metric.sort_key(ours) >= metric.sort_key(theirs):
        return f"No entry beats the best baseline, {reference}; {title} comes nearest."
    if metric.direction == "lower" and theirs > 0:
        return (
            f"{title} has a {100 * (1 - ours / theirs):.0f} % lower {metric.title} than the best baseline, {reference}."
        )
    decimals = decimals_of(metric, [ours, theirs])
    return f"{title} reaches {fixed(ours, decimals)}, the best baseline, {reference}, {fixed(theirs, decimals)}."


def _bars(entries: list[Entry], metric: Metric, most: int = 6) -> list[ChartBar]:
    defined = [entry for entry in entries if entry.rank and math.isfinite(entry.scores[metric.name].mean)]
    picked = [i for i, entry in enumerate(defined) if not entry.baseline][: most // 2]
    picked += [i for i, entry in enumerate(defined) if entry.baseline][: most - len(picked)]
    chosen = [defined[i] for i in sorted(picked)]
    means = [entry.scores[metric.name].mean for entry in chosen]
    decimals = decimals_of(metric, means)
    longest = max([abs(mean) for mean in means], default=0.0) or 1.0
    return [
        ChartBar(
            entry.checked.submission.title,
            fixed(mean, decimals),
            round(100 * max(mean, 0.0) / longest, 1),
            entry.baseline,
        )
        for entry, mean in zip(chosen, means, strict=True)
    ]


def models_table(views: Sequence[TaskView]) -> ResultTable:
    """Return the table of every model on every task, by each task's first metric; models in order of relative rank.

    The relative rank is the mean of a model's place by the number of entries, over every task that has any. A task that
    the model was not submitted to counts as the last place: nobody gains by leaving the hard ones out.
    """
    columns = [Column("relative_rank", "Relative rank", "place / entries", "lower")]
    cells: list[Mapping[str, Cell]] = []
    shares: dict[str, list[float]] = {}
    models: dict[str, Row] = {}
    for view in views:
        first, rows = view.measures[0], [row for row in view.table.rows if row.rank]
        unit = " / ".join(filter(None, [first.title, first.unit_for(view.quantity)]))
        columns.append(Column(view.task.name, view.task.title, unit, first.direction))
        cells.append({row.name: replace(row.cells[0], place=row.place) for row in view.table.rows})
        for row in rows:
            shares.setdefault(row.name, []).append(row.rank / len(rows))
            models.setdefault(row.name, row)
    entered = sum(bool(of) for of in cells)
    relative = {name: (sum(of) + entered - len(of)) / entered for name, of in shares.items()}
    rows = []
    for name in sorted(relative, key=lambda name: (relative[name], name)):
        counted = len(shares[name])
        note = f"{counted} of {len(views)} tasks" if counted < len(views) else ""
        rank = Cell(fixed(relative[name], 2), sortable(relative[name]))
        own = [rank, *(by_name.get(name, EMPTY) for by_name in cells)]
        rows.append(Row(name, models[name].title, own, note, models[name].baseline))
    return ResultTable("Model", columns, rows)
