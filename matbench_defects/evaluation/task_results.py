"""Results on one task as a table, the best of the first metric on top."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Console

from matbench_defects.dataset.reading import Dataset, noise_words
from matbench_defects.evaluation.gap import gap, is_ratio
from matbench_defects.evaluation.metrics import Metric, metrics
from matbench_defects.evaluation.results import Result
from matbench_defects.evaluation.scoring import Score, fold_words
from matbench_defects.evaluation.tables.table import Measured, ResultTable, task_table
from matbench_defects.evaluation.task import Task


def results_table(
    task: Task,
    dataset: Dataset,
    results: Sequence[Result],
    *,
    interpolation: Mapping[str, Score] | None = None,
    titles: Mapping[str, str] | None = None,
    tied: frozenset[str] = frozenset(),
    costs: Sequence[str] = ("train_seconds", "rate", "parameters", "peak_memory_bytes"),
) -> ResultTable:
    """Return the table of results on a task; metrics that are defined for none of them are left out.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    results : sequence of Result
        The results.
    interpolation : mapping of str to Score, optional
        The first metric of each model on the task's interpolation counterpart, for a column with the gap.
    titles : mapping of str to str, optional
        What each model is called; its name where left out.
    tied : frozenset of str
        Models that are tied with the best.
    costs : sequence of str
        Which costs are shown, see `tables.table.COSTS`.
    """
    quantity = dataset.quantity(task.target)
    first = metrics.get(task.metrics[0])
    measured = []
    for result in ranked(results, task):
        name = result.record["model"]["name"]
        inside = None if interpolation is None else interpolation.get(name)
        apart = math.nan if inside is None else gap(first, result.scores[first.name], inside)
        measured.append(
            Measured(
                name,
                titles[name] if titles else name,
                result.scores,
                result.record["cost"],
                gap=apart if interpolation else None,
                tied=name in tied,
            )
        )
    return task_table(
        defined_metrics(task, results),
        quantity,
        measured,
        costs=costs,
        unit=quantity.shown_unit,
        noise=dataset.noise(task.target),
    )


def show_results(
    task: Task,
    dataset: Dataset,
    results: Sequence[Result],
    console: Console,
    *,
    interpolation: Mapping[str, Score] | None = None,
) -> None:
    """Show the scores of several models on one task, in a terminal.

    Parameters
    ----------
    task, dataset, results, interpolation
        As for `results_table`.
    console : rich.console.Console
        Where they are shown.

    Examples
    --------
    >>> import matbench_defects as md
    >>> from rich.console import Console
    >>> task, dataset = md.load_task("lno-formation-energy"), md.load_dataset("lno-cathode")
    >>> md.show_results(task, dataset, [md.evaluate(task, "mean", dataset)], Console(width=120))
    <BLANKLINE>
    Formation energy of delithiated LiNiO2, arrangements at random
    ...
    Model   MAE ↓  RMSE ↓ ...
    mean   0.0306  0.0391 ...
    """
    console.print(f"\n{task.title}", markup=False, style="bold")
    unit = dataset.quantity(task.target).shown_unit
    split = f"split {task.split}{fold_words(task, dataset)} ({task.kind})"
    console.print(f"{task.dataset}, {task.target} in {unit}, {split}", markup=False)
    table = results_table(task, dataset, results, interpolation=interpolation)
    table.show(console)
    if words := noise_words(dataset.manifest["targets"][task.target]):
        console.print(words, markup=False)
    if interpolation:
        first = metrics.get(task.metrics[0])
        against = "divided by" if is_ratio(first) else "minus"
        console.print(f"Gap in {first.title}: {against} that on {task.interpolation}", markup=False)


def ranked(results: Sequence[Result], task: Task) -> list[Result]:
    """Return results, the best of the task's first metric first, those without a value last."""
    first = metrics.get(task.metrics[0])
    return sorted(results, key=lambda result: first.sort_key(result.scores[first.name].mean))


def defined_metrics(task: Task, results: Sequence[Result]) -> list[Metric]:
    """Return a task's metrics, without those that are defined for no result; the first one stays."""
    first, *others = map(metrics.get, task.metrics)
    return [first, *(one for one in others if not all(math.isnan(r.scores[one.name].mean) for r in results))]
