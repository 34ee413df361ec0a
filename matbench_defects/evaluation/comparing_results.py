"""Results on disk compared: which differences between them are ties, as a table and as plain data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from matbench_defects.errors import InputError
from matbench_defects.evaluation.comparing import LEVEL, ModelComparison, compare
from matbench_defects.evaluation.results import read_predictions, read_record, result_folders
from matbench_defects.evaluation.tables.numbers import fixed
from matbench_defects.evaluation.tables.table import EMPTY, Cell, Column, ResultTable, Row, decimals_of, sortable
from matbench_defects.evaluation.task import Task
from matbench_defects.evaluation.task_folder import dataset_of_folder, task_of_folder
from matbench_defects.files import write_json
from matbench_defects.hub.find import find_dataset


@dataclass(frozen=True)
class ResultComparison:
    """Results of one task beside each other.

    Parameters
    ----------
    comparison : ModelComparison
        What was found.
    task : Task
        The task.
    unit : str
        Unit of its first metric; empty for a pure number.
    folder : path
        The folder of the first result.
    """

    comparison: ModelComparison
    task: Task
    unit: str
    folder: Path

    def table(self) -> ResultTable:
        """Return the table of the results, the best first, each with its difference to the best and its ties."""
        found = self.comparison
        metric, names = found.metric, list(found.values)
        by_pair = {(one.first, one.second): one for one in found.differences}
        decimals = decimals_of(metric, [*found.values.values(), *(one.value for one in by_pair.values())])
        columns = [
            Column(metric.name, metric.title, self.unit, metric.direction),
            Column("difference", f"minus {names[0]}"),
            Column("interval", f"{100 * LEVEL:.0f} % interval"),
            Column("ties", "tied with", numeric=False),
        ]
        rows = []
        for name, value in found.values.items():
            one = by_pair.get((names[0], name))
            ties = [x.second if x.first == name else x.first for x in found.differences if x.tie and name in x.names]
            cells = [Cell(fixed(value, decimals), sortable(value), best=name == names[0]), Cell(""), Cell("")]
            if one is not None:
                cells[1] = Cell(fixed(-one.value, decimals), sortable(-one.value))
                interval = f"{fixed(-one.high, decimals)} to {fixed(-one.low, decimals)}"
                cells[2] = EMPTY if math.isnan(one.low) else Cell(interval, sortable(-one.high))
            rows.append(Row(name, name, [*cells, Cell(", ".join(ties) or "none")]))
        return ResultTable("Result", columns, rows, self.unit)

    def show(self, console: Console) -> None:
        """Show in a terminal which differences are ties."""
        found = self.comparison
        title = f"{found.metric.title}{f' in {self.unit}' if self.unit else ''}"
        console.print(f"{self.task.name}: {title}, {found.rows} test configurations", markup=False, style="bold")
        self.table().show(console)

    def write(self, out: Path | None = None) -> Path:
        """Write every pair as JSON, and return where.

        Parameters
        ----------
        out : path, optional
            The JSON file; ``comparison.json`` beside the first result where left out.
        """
        path = out or self.folder.parent / "comparison.json"
        write_json(path, comparison_data(self.comparison, self.task, self.unit))
        return path

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {value:.3g}" for name, value in self.comparison.values.items())
        return f"<ResultComparison on {self.task.name} in {self.comparison.metric.title}: {values}>"

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def compare_results(
    paths: Sequence[Path],
    *,
    task: str | None = None,
    dataset: Path | None = None,
    resamples: int = 5000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ResultComparison:
    """Compare results of one task.

    Parameters
    ----------
    paths : sequence of path
        Folders of results, or of a task with several.
    task : str, optional
        The task's file or name; what the results say where left out.
    dataset : path, optional
        A built dataset, where the shipped one is not meant.
    resamples, seed, progress
        As for `evaluation.comparing.compare`.

    Raises
    ------
    InputError
        If the results are not of one task.
    """
    folders = list(dict.fromkeys(folder.absolute() for folder in result_folders(paths)))
    about = sorted({str((read_record(folder) or {}).get("task")) for folder in folders})
    if len(about) > 1:
        raise InputError(f"the results are of several tasks: {', '.join(about)}; give those of one")
    of_task = folders[0].parent
    loaded = task_of_folder(of_task if of_task.name == about[0] else of_task.with_name(about[0]), Task, task)
    if loaded.name != about[0]:
        raise InputError(f"the results are of {about[0]}, not of {loaded.name}")
    where = dataset or dataset_of_folder(of_task, loaded)
    data = find_dataset(loaded.dataset_name, loaded.dataset_version, where, rows_only=True)
    names = _names(folders)
    predictions = {names[folder]: read_predictions(folder) for folder in folders}
    found = compare(loaded, data, predictions, resamples=resamples, seed=seed, progress=progress)
    return ResultComparison(found, loaded, found.metric.unit_for(data.quantity(loaded.target)), folders[0])


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """Return what each result is called: its model, with so many folders above it as tell results apart."""
    for depth in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = {folder: "/".join(folder.parts[-depth:]) for folder in folders}
        if len(set(names.values())) == len(folders):
            break
    return names


def comparison_data(found: ModelComparison, task: Task, unit: str) -> dict[str, Any]:
    """Return a comparison as plain data; what is not defined is null."""
    return {
        "task": task.name,
        "dataset": task.dataset,
        "metric": {"name": found.metric.name, "unit": unit or "1", "better": found.metric.direction},
        "bootstrap": {
            "over": "test configurations, the same ones for every result and seed",
            "configurations": found.rows,
            "resamples": found.resamples,
            "seed": found.seed,
            "interval": LEVEL,
        },
        "results": [{"result": name, "value": _finite(value)} for name, value in found.values.items()],
        "differences": [
            {
                "first": one.first,
                "second": one.second,
                "difference": _finite(one.value),
                "low": _finite(one.low),
                "high": _finite(one.high),
                "tie": None if math.isnan(one.low) else one.tie,
            }
            for one in found.differences
        ],
    }


def _finite(value: float) -> float | None:
    return round(value, 9) if math.isfinite(value) else None
