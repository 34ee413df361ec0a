"""Tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from matbench_defects.cli.options import shown_time
from matbench_defects.cli.tables import show_table
from matbench_defects.dataset.reading import PARTS, Dataset
from matbench_defects.evaluation.gap import gap, is_ratio
from matbench_defects.evaluation.metrics import Metric, metrics
from matbench_defects.evaluation.results import Result
from matbench_defects.evaluation.scoring import Score, task_folds
from matbench_defects.evaluation.task import Task


def show_dataset(dataset: Dataset, console: Console) -> None:
    """Show what a built dataset holds."""
    manifest = dataset.manifest
    console.print(f"{dataset.name} {dataset.version} in {dataset.folder}", markup=False, style="bold")
    for name, space in manifest["spaces"].items():
        console.print(
            f"  {name}: {space['inequivalent']:,} inequivalent of {space['all']:,} configurations, "
            f"{space['labelled']:,} labelled",
            markup=False,
        )
    for name, label in manifest["labels"].items():
        discarded, cost = sum(label["discarded"].values()), shown_time(label["core_seconds"])
        console.print(
            f"  {name}: {label['labels']} labels, {discarded} discarded, {cost} of one core",
            markup=False,
            soft_wrap=True,
        )
    for note in manifest.get("differs_from_lock", []):
        console.print(f"  differs from lock.json: {note}", markup=False, soft_wrap=True, style="yellow")
    for name in dataset.splits:
        folds = dataset.folds(name)
        shown = f"{len(folds)} folds"
        if not folds:
            shown = ", ".join(f"{part} {len(dataset.part(name, part))}" for part in PARTS)
        console.print(f"  split {name}: {shown}", markup=False)


def show_results(
    task: Task,
    dataset: Dataset,
    results: list[Result],
    console: Console,
    *,
    interpolation: Mapping[str, Score] | None = None,
) -> None:
    """Show the scores of several models on one task, the best of the first metric on top.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    results : list of Result
        The results; a metric that is defined for none of them is left out.
    console : rich.console.Console
        Where they are shown.
    interpolation : mapping of str to Score, optional
        The first metric of each model on the task's interpolation counterpart, for a column with the gap.
    """
    unit = dataset.quantity(task.target).shown_unit
    console.print(f"\n{task.title}", markup=False, style="bold")
    split = f"split {task.split}{fold_words(task, dataset)} ({task.kind})"
    console.print(f"{task.dataset}, {task.target} in {unit}, {split}", markup=False)
    first = metrics.get(task.metrics[0])
    shown = defined_metrics(task, results)
    heads = ["model"]
    for name in shown:
        arrow = "↓" if metrics.get(name).direction == "lower" else "↑"
        heads.append(f"{metrics.get(name).title} {arrow}")
    if interpolation:
        heads.append(f"{first.title} gap")
    heads += ["train s", "structures/s", "parameters", "MiB"]

    rows = []
    for result in ranked(results, task):
        model = result.record["model"]["name"]
        inside = (interpolation or {}).get(model)
        row = [model, *(_shown(result.scores[name]) for name in shown)]
        if interpolation:
            row.append(_shown_gap(first, result.scores[first.name], inside))
        rows.append([*row, *_shown_cost(result.record["cost"])])
    show_table(console, heads, rows)
    if interpolation:
        against = "divided by" if is_ratio(first) else "less"
        console.print(f"{first.title} gap: {against} that on {task.interpolation}", markup=False)


def ranked(results: Sequence[Result], task: Task) -> list[Result]:
    """Return results, the best of the task's first metric first, those without a value last."""
    first = metrics.get(task.metrics[0])

    def order(result: Result) -> float:
        value = result.scores[first.name].mean
        return math.inf if math.isnan(value) else value if first.direction == "lower" else -value

    return sorted(results, key=order)


def defined_metrics(task: Task, results: Sequence[Result]) -> list[str]:
    """Return a task's metrics, without those that are defined for no result; the first one stays."""
    first = task.metrics[0]
    return [n for n in task.metrics if n == first or not all(math.isnan(r.scores[n].mean) for r in results)]


def fold_words(task: Task, dataset: Dataset) -> str:
    """Return which folds a task is about, after a comma; nothing where its split has none."""
    if task.fold is not None:
        return f", fold {task.fold}"
    folds = task_folds(task, dataset)
    return f", {len(folds)} folds" if folds else ""


def _shown_gap(metric: Metric, outside: Score, inside: Score | None) -> str:
    value = math.nan if inside is None else gap(metric, outside, inside)
    if math.isnan(value):
        return "-"
    return f"× {value:.2f}" if is_ratio(metric) else f"{value:+.3g}"


def _shown_cost(cost: Mapping[str, Any]) -> list[str]:
    rate = cost["structures"] / cost["predict_seconds"] if cost["predict_seconds"] else math.inf
    memory = cost.get("peak_memory_bytes")
    return [
        f"{cost['train_seconds']:.2f}",
        "-" if math.isinf(rate) else f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}",
        "" if cost["parameters"] is None else f"{cost['parameters']:,}",
        "" if memory is None else f"{memory / 2**20:,.0f}",
    ]


def _shown(score: Score) -> str:
    if math.isnan(score.mean):
        return "-"
    spread = f" ± {score.deviation:.2g}" if score.deviation else ""
    return f"{score.mean:.3g}{spread}"


def show_comparison(compared: Any, console: Console) -> None:
    """Show which differences between results are ties.

    Parameters
    ----------
    compared : ResultComparison
        What `matbench_defects.compare` found.
    console : rich.console.Console
        Where it is shown.
    """
    found, task = compared.comparison, compared.task
    unit = "" if compared.unit == "1" else compared.unit
    names = list(found.values)
    by_pair = {(one.first, one.second): one for one in found.differences}
    title = f"{found.metric.title}{f' in {unit}' if unit else ''}"
    console.print(f"{task.name}: {title}, {found.rows} test configurations", markup=False, style="bold")
    heads = ["result", found.metric.title, f"less {names[0]}", f"{100 * found.level:.0f} % interval", "tied with"]
    rows = []
    for name in names:
        one = by_pair.get((names[0], name))
        ties = [
            x.second if x.first == name else x.first for x in found.differences if name in (x.first, x.second) and x.tie
        ]
        rows.append(
            [
                name,
                _shown_value(found.values[name]),
                "" if one is None else _shown_value(-one.value),
                "" if one is None or math.isnan(one.low) else f"{_shown_value(-one.high)} to {_shown_value(-one.low)}",
                ", ".join(ties) or "none",
            ]
        )
    show_table(console, heads, rows, texts=["tied with"])


def _shown_value(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"
