"""The scores as JSON and CSV, for whoever wants to go on computing."""

from __future__ import annotations

import math
from typing import Any

from matbench_defects.csv_text import csv_text
from matbench_defects.evaluation.metrics import Metric
from matbench_defects.evaluation.tables.table import Column
from matbench_defects.leaderboard.scoring import Entry
from matbench_defects.leaderboard.views import TaskView


def task_data(view: TaskView) -> dict[str, Any]:
    """Return a task with its entries as plain data; a metric that is not defined is null."""
    task, quantity = view.task, view.quantity
    return {
        "task": task.name,
        "title": task.title,
        "kind": task.kind,
        **({} if task.interpolation is None else {"interpolation": task.interpolation}),
        "dataset": task.dataset,
        "unverified": view.dataset.unverified,
        "split": task.split,
        **({} if task.fold is None else {"fold": task.fold}),
        "target": {k: v for k, v in {"name": task.target, **vars(quantity)}.items() if v},
        "scored_rows": view.rows_count,
        "seeds": sorted(task.seeds),
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title,
                "unit": metric.unit_for(quantity) or "1",
                "better": metric.direction,
                "description": metric.description,
                **_contributing(metric, view),
            }
            for metric in view.measures
        ],
        "entries": [
            entry_data(entry) | ({} if view.gaps is None else {"gap": _finite(view.gaps[i])})
            for i, entry in enumerate(view.entries)
        ],
    }


def _contributing(metric: Metric, view: TaskView) -> dict[str, Any]:
    """Return how many things a metric is an average over, where that is not every row."""
    count = next((entry.scores[metric.name].count for entry in view.entries), None)
    return {} if metric.basis is None or count is None else {"average_over": {metric.basis.noun: count}}


def entry_data(entry: Entry) -> dict[str, Any]:
    """Return an entry with its scores as plain data."""
    return {
        "rank": entry.rank or None,
        "made_the_labels": entry.own,
        "shared": entry.shared,
        "baseline": entry.baseline,
        **({"near_the_labels": entry.near} if entry.near else {}),
        "scores": {
            name: {
                "mean": _finite(score.mean),
                "standard_deviation": _finite(score.deviation),
                "by_seed": {str(seed): _finite(value) for seed, value in score.by_seed.items()},
                **({"by_fold": {f: _finite(v) for f, v in score.by_fold.items()}} if score.by_fold else {}),
            }
            for name, score in entry.scores.items()
        },
        "submission": entry.checked.submission.model_dump(mode="json"),
    }


def task_csv(view: TaskView) -> str:
    """Return a task's table as CSV: one line an entry; units stand in the header."""
    header = ["rank", "model", "title", "version", "baseline"]
    for metric in view.measures:
        header += [Column("", metric.name, metric.unit_for(view.quantity)).head(), f"{metric.name} standard deviation"]
    if view.gaps is not None:
        header.append(f"gap to {view.task.interpolation}")
    header += ["train (s)", "predict (s)", "structures", "parameters", "peak memory (bytes)", "device", "hardware"]
    lines: list[list[Any]] = [header]
    for i, entry in enumerate(view.entries):
        about = entry.checked.submission
        line: list[Any] = [
            entry.rank or None,
            about.model,
            about.title,
            about.version,
            "yes" if entry.baseline else "no",
        ]
        for score in entry.scores.values():
            line += [_finite(score.mean), _finite(score.deviation)]
        if view.gaps is not None:
            line.append(_finite(view.gaps[i]))
        cost = about.cost
        line += [cost.train_seconds, cost.predict_seconds, cost.structures, cost.parameters]
        line += [cost.peak_memory_bytes, cost.device]
        lines.append([*line, about.hardware])
    return csv_text(lines)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
