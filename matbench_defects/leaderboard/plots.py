"""What the plots of a task's page show, as plain data; ``plots.js`` draws it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.metrics import Metric
from matbench_defects.evaluation.metrics.calibration import SMALLEST
from matbench_defects.evaluation.scoring import task_folds
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.scoring import Entry

MOST_POINTS = 600
"""Beyond this many test rows an even selection of them is drawn."""
MOST_CONTENTS = 60
"""Beyond this many contents those with the most test rows are drawn."""
MORE = 1.5
"""So many times the smallest training part the largest has to be for a learning curve."""
NOMINAL = [round(0.05 * i, 2) for i in range(1, 20)]
"""The central intervals whose coverage calibration plots show."""

Floats = NDArray[np.float64]


def task_plots(
    task: Task,
    dataset: Dataset,
    entries: Sequence[Entry],
    rows: pa.Table,
    quantity: Quantity,
    metric: Metric,
) -> dict[str, Any]:
    """Return what the plots of a task show.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    entries : sequence of Entry
        Its entries, best first.
    rows : pyarrow.Table
        The rows that are scored, in the order of the entries' predictions.
    quantity : Quantity
        What labels and predictions are.
    metric : Metric
        The metric that ranks.
    """
    truth = rows[task.target].to_numpy()
    ids = rows["id"].to_pylist()
    chosen = _chosen(truth)
    groups = {"contents": _contents(rows), "defects": _defects(rows)}
    sizes = _training_sizes(task, dataset)
    front, first = _front(entries, metric), _first_shown(entries)
    return {
        "unit": quantity.shown_unit,
        "metric": {"title": metric.title, "unit": metric.unit_for(quantity), "direction": metric.direction},
        "rows": {"total": len(ids), "ids": [ids[i] for i in chosen], "truth": _short(truth[chosen])},
        "groups": {
            name: {"labels": list(found), "rows": [len(places) for places in found.values()]}
            for name, found in groups.items()
        },
        "nominal": NOMINAL,
        "entries": [
            _entry_plots(entry, truth, chosen, groups, sizes, metric) | {"front": i in front, "shown": i in first}
            for i, entry in enumerate(entries)
        ],
    }


def _entry_plots(
    entry: Entry,
    truth: Floats,
    chosen: list[int],
    groups: dict[str, dict[str, list[int]]],
    sizes: dict[str, int],
    metric: Metric,
) -> dict[str, Any]:
    about, table, score = entry.checked.submission, entry.checked.predictions, entry.scores[metric.name]
    predicted = table["prediction"].to_numpy().reshape(-1, len(truth))
    error = np.abs(predicted - truth).mean(axis=0)
    spread = predicted.std(axis=0, ddof=1) if len(predicted) > 1 else np.zeros(len(truth))
    return {
        "model": about.model,
        "title": about.title,
        "baseline": entry.baseline,
        "rank": entry.rank,
        "predicted": _short(predicted.mean(axis=0)[chosen]),
        "spread": _short(spread[chosen]) if spread.max(initial=0.0) > 1e-9 * (np.ptp(truth) or 1.0) else None,
        "errors": {name: [_number(error[places].mean()) for places in of.values()] for name, of in groups.items()},
        "coverage": _coverage(table, predicted - truth),
        "learning": _learning(score.by_fold, sizes) if sizes else None,
        "seconds": _number(about.cost.train_seconds + about.cost.predict_seconds),
        "score": _number(score.mean),
    }


def _chosen(truth: Floats) -> list[int]:
    """Return an even selection of rows by their label."""
    if len(truth) <= MOST_POINTS:
        return list(range(len(truth)))
    order = np.argsort(truth, kind="stable")
    return sorted(int(i) for i in order[np.linspace(0, len(truth) - 1, MOST_POINTS).round().astype(int)])


def _contents(rows: pa.Table) -> dict[str, list[int]]:
    spaces, contents = rows["space"].to_pylist(), rows["content"].to_pylist()
    several = len(set(spaces)) > 1
    found: dict[str, list[int]] = {}
    for i, (space, content) in enumerate(zip(spaces, contents, strict=True)):
        found.setdefault(f"{space}: {content}" if several else content, []).append(i)
    if len(found) > MOST_CONTENTS:
        largest = sorted(found, key=lambda name: (-len(found[name]), name))[:MOST_CONTENTS]
        found = {name: found[name] for name in largest}
    return dict(sorted(found.items(), key=lambda item: _natural(item[0])))


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key by which Li2 comes before Li10."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", text)]


def _defects(rows: pa.Table) -> dict[str, list[int]]:
    """Return the rows by how many sites differ from the parent; nothing where the dataset does not say."""
    if "defect_species" not in rows.schema.names:
        return {}
    numbers = [len(species or []) for species in rows["defect_species"].to_pylist()]
    found: dict[int, list[int]] = {}
    for i, number in enumerate(numbers):
        found.setdefault(number, []).append(i)
    return {str(number): found[number] for number in sorted(found)}


def _training_sizes(task: Task, dataset: Dataset) -> dict[str, int]:
    """Return how many rows each fold trains on, where the same rows are tested after training on more and more."""
    folds = task_folds(task, dataset)
    sizes = {fold: len(dataset.part(task.split, "train", task.target, fold=fold)) for fold in folds}
    tested = {tuple(dataset.part(task.split, "test", task.target, fold=fold)["id"].to_pylist()) for fold in folds}
    grows = len(tested) == 1 and max(sizes.values()) >= MORE * min(sizes.values())
    return sizes if grows else {}


def _learning(by_fold: dict[str, float], sizes: dict[str, int]) -> list[tuple[int, float | None]]:
    """Return the score by number of training rows, the mean of the folds that have as many."""
    found: dict[int, list[float]] = {}
    for fold, value in by_fold.items():
        found.setdefault(sizes[fold], []).append(value)
    return [(size, _number(float(np.mean(found[size])))) for size in sorted(found)]


def _coverage(table: pa.Table, error: Floats) -> list[float] | None:
    """Return the share of labels within each central interval of a normal distribution about the prediction."""
    from scipy.special import erf

    if table["deviation"].null_count:
        return None
    deviation = table["deviation"].to_numpy().reshape(error.shape)
    if (deviation < SMALLEST).any():  # as the metrics have it
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = erf(np.nan_to_num(np.abs(error) / deviation, nan=0.0) / math.sqrt(2))
    return [_number(float((inside <= share).mean())) or 0.0 for share in NOMINAL]


def _front(entries: Sequence[Entry], metric: Metric) -> set[int]:
    """Return the entries that no other beats in both time and score."""
    points = []
    for i, entry in enumerate(entries):
        cost, mean = entry.checked.submission.cost, entry.scores[metric.name].mean
        if math.isfinite(mean):
            points.append((cost.train_seconds + cost.predict_seconds, metric.sort_key(mean), i))
    best, found = None, set()
    for _, value, i in sorted(points):
        if best is None or value < best:
            best = value
            found.add(i)
    return found


def _first_shown(entries: Sequence[Entry]) -> set[int]:
    """Return the three best entries and the two best baselines."""
    best = [i for i, entry in enumerate(entries) if entry.rank and not entry.baseline][:3]
    return {*best, *[i for i, entry in enumerate(entries) if entry.baseline][:2]}


def _number(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _short(values: Floats) -> list[float | None]:
    return [float(f"{value:.5g}") for value in values]
