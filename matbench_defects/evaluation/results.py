"""Results on disk: finding and reading what `evaluate` wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from matbench_defects.bounded import LARGEST_FILE, read_json, read_parquet
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import Score
from matbench_defects.plotting import html_table

RESULT_FILE = "result.json"
"""Name of the file in which an evaluation says what it did."""
REFUSAL_FILE = "refusal.json"
"""Name of the file that says why a model could not serve a task, where a result would be."""
PREDICTIONS_FILE = "predictions.parquet"
"""Name of the file that holds what was predicted."""


@dataclass(frozen=True)
class Result:
    """What one model did on one task.

    Parameters
    ----------
    folder : path
        Holds ``predictions.parquet`` and ``result.json``.
    record : dict
        What ``result.json`` says.
    scores : dict of str to Score
        By metric, computed from the predictions on disk.
    """

    folder: Path
    record: dict[str, Any]
    scores: dict[str, Score]

    def __repr__(self) -> str:
        scores = ", ".join(f"{name} {score.mean:.4g}" for name, score in self.scores.items())
        return f"<Result of {self.record['model']['name']} on {self.record['task']}: {scores}>"

    def _repr_html_(self) -> str:
        rows = [(name, f"{score.mean:.4g}", f"{score.deviation:.2g}") for name, score in self.scores.items()]
        caption = f"{self.record['model']['title']} on {self.record['task']}"
        return html_table(("metric", "mean", "deviation"), rows, caption)


def read_record(folder: Path) -> dict[str, Any] | None:
    """Return what ``result.json`` of a folder says; None where there is none that can be read."""
    return _record(folder / RESULT_FILE)


def read_refusal(folder: Path) -> dict[str, Any] | None:
    """Return what ``refusal.json`` of a folder says; None where there is none that can be read.

    It names ``task``, ``dataset`` and ``model`` as a result does, and gives the ``reason``.
    """
    return _record(folder / REFUSAL_FILE)


def _record(path: Path) -> dict[str, Any] | None:
    try:
        record = read_json(path)
    except InputError:
        return None
    return record if isinstance(record, dict) else None


def read_predictions(folder: Path) -> pa.Table:
    """Return the predictions of a result.

    Raises
    ------
    InputError
        If there are none that can be read.
    """
    return read_parquet(folder / PREDICTIONS_FILE, LARGEST_FILE)


def result_folders(paths: Iterable[Path]) -> list[Path]:
    """Return the folders of results: each path itself, or those in it where it is a task's folder.

    Raises
    ------
    InputError
        If a path is neither.
    """
    found: list[Path] = []
    for path in paths:
        if (path / RESULT_FILE).is_file():
            found.append(path)
            continue
        inside = sorted(
            inner.parent for inner in path.glob(f"*/{RESULT_FILE}") if not inner.parent.name.startswith(".")
        )
        if not inside:
            raise InputError(
                f"holds no {RESULT_FILE}, and no folders that do; give results/TASK or results/TASK/MODEL, "
                "as `matbench-defects evaluate` wrote them",
                file=str(path),
            )
        found += inside
    return found
