"""Comparing results on disk: which differences between them are ties."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.errors import InputError
from matbench_defects.evaluation.comparing import LEVEL, Comparison, compare
from matbench_defects.evaluation.results import read_predictions, read_record, result_folders
from matbench_defects.evaluation.task import Task, load_task
from matbench_defects.files import write_json
from matbench_defects.hub.find import find_dataset
from matbench_defects.plotting import html_table


@dataclass(frozen=True)
class ResultComparison:
    """Results of one task beside each other.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    task : Task
        The task.
    unit : str
        Unit of its first metric; ``1`` for a pure number.
    folder : path
        The folder of the first result.
    """

    comparison: Comparison
    task: Task
    unit: str
    folder: Path

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
        found = self.comparison.differences
        rows = [
            (x.first, x.second, f"{x.value:.3g}", f"{x.low:.3g} to {x.high:.3g}", "tie" if x.tie else "") for x in found
        ]
        return html_table(("first", "second", "difference", "interval", ""), rows, repr(self)[1:-1])


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
    loaded = load_task(task or about[0])
    if loaded.name != about[0]:
        raise InputError(f"the results are of {about[0]}, not of {loaded.name}")
    data = find_dataset(loaded.dataset_name, loaded.dataset_version, dataset, rows_only=True)
    names = _names(folders)
    predictions = {names[folder]: read_predictions(folder) for folder in folders}
    found = compare(loaded, data, predictions, resamples=resamples, seed=seed, progress=progress)
    unit = data.quantity(loaded.target).shown_unit if found.metric.unit is None else found.metric.unit
    return ResultComparison(found, loaded, unit, folders[0])


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """Return what each result is called: its model, with so many folders above it as tell results apart."""
    for depth in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = {folder: "/".join(folder.parts[-depth:]) for folder in folders}
        if len(set(names.values())) == len(folders):
            break
    return names


def comparison_data(found: Comparison, task: Task, unit: str) -> dict[str, Any]:
    """Return a comparison as plain data; what is not defined is null."""
    return {
        "task": task.name,
        "dataset": task.dataset,
        "metric": {"name": found.metric.name, "unit": unit, "better": found.metric.direction},
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
