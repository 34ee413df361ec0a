"""What `compare` does and shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from matbench_defects.cli.tables import show_table
from matbench_defects.errors import InputError
from matbench_defects.evaluation.comparing import LEVEL, Comparison, compare
from matbench_defects.evaluation.results import read_predictions, read_record, result_folders
from matbench_defects.evaluation.task import Task, load_task
from matbench_defects.files import write_json
from matbench_defects.hub.find import find_dataset


@dataclass(frozen=True)
class Compared:
    """A comparison with what is needed to show it.

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

    def show(self, console: Console, out: Path | None) -> None:
        """Show which differences are ties, and write every pair as JSON.

        Parameters
        ----------
        console : rich.console.Console
            Where they are shown.
        out : path or None
            The JSON file; ``comparison.json`` beside the first result where left out.
        """
        _show(self.comparison, self.task, "" if self.unit == "1" else self.unit, console)
        path = out or self.folder.parent / "comparison.json"
        write_json(path, comparison_data(self.comparison, self.task, self.unit))
        console.print(f"Every pair stands in {path}", markup=False, soft_wrap=True)


def compare_results(
    paths: Sequence[Path],
    *,
    task: str | None = None,
    dataset: Path | None = None,
    resamples: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Compared:
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
    return Compared(found, loaded, unit, folders[0])


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


def _show(found: Comparison, task: Task, unit: str, console: Console) -> None:
    names = list(found.values)
    by_pair = {(one.first, one.second): one for one in found.differences}
    title = f"{found.metric.title}{f' in {unit}' if unit else ''}"
    console.print(f"{task.name}: {title}, {found.rows} test configurations", markup=False, style="bold")
    heads = ["result", found.metric.title, f"less {names[0]}", f"{100 * LEVEL:.0f} % interval", "tied with"]
    rows = []
    for name in names:
        one = by_pair.get((names[0], name))
        ties = [
            x.second if x.first == name else x.first for x in found.differences if name in (x.first, x.second) and x.tie
        ]
        rows.append(
            [
                name,
                _shown(found.values[name]),
                "" if one is None else _shown(-one.value),
                "" if one is None or math.isnan(one.low) else f"{_shown(-one.high)} to {_shown(-one.low)}",
                ", ".join(ties) or "none",
            ]
        )
    show_table(console, heads, rows, texts=["tied with"])


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"
