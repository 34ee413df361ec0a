"""A commented task for a dataset, to be edited."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.scoring import predictions_schema, score, scored_rows, task_folds
from matbench_defects.evaluation.tables.table import FEWEST_SHOWN
from matbench_defects.evaluation.task import Task
from matbench_defects.spec.document import Document, validate

CANDIDATES = (
    "mae",
    "rmse",
    "r2",
    "spearman",
    "spearman_within_content",
    "ground_state_hit",
    "regret_1",
    "boltzmann_300K",
)
"""Metrics that a new task has where they are defined on its test rows."""
UNCERTAINTY = ("nll", "miscalibration_area")
"""Metrics of models that say how sure they are; a dash for others."""
WITHIN = ("random", "k-fold")
"""Splits whose test rows lie within what training covers, unless they keep a group together."""


def new_task(
    dataset: Dataset, target: str | None = None, split: str | None = None, name: str | None = None
) -> tuple[str, str]:
    """Return the name of a task, and the task as commented YAML.

    Parameters
    ----------
    dataset : Dataset
        A built dataset.
    target : str, optional
        One of its targets; the first that a model may learn if left out.
    split : str, optional
        One of its splits; the first if left out.
    name : str, optional
        What the task is called; dataset, target and split if left out.

    Raises
    ------
    InputError
        If there is no such target or split, or the dataset has none.
    """
    target = target or learnable_targets(dataset)[0]
    dataset.check_learnable(target)
    if not dataset.splits:
        raise InputError(
            f"{dataset.name} has no split; give its spec `splits`, such as random: {{by: k-fold, folds: 5}}"
        )
    split = split or dataset.splits[0]
    dataset.folds(split)  # refuses one that it has not
    inside = _within(dataset, split)
    fields = {
        "name": name or task_name(dataset, target, split),
        "title": f"{target.replace('_', ' ').capitalize()} of {dataset.name}, split {split}",
        "dataset": f"{dataset.name}@{dataset.version}",
        "target": target,
        "split": split,
        "kind": "interpolation" if inside else "extrapolation",
        "metrics": ["mae"],
    }
    task = validate(Task, fields, Document({}))
    measured = [*_defined(task, dataset), *UNCERTAINTY]
    quantity = dataset.quantity(target)
    folds = task_folds(task, dataset)
    tested = len(set(scored_rows(task, dataset)["id"].to_pylist()))
    others = [one for one in learnable_targets(dataset) if one != target]
    in_folds = f" in {len(folds)} folds" if folds else ""
    covered = "test rows lie within what training covers" if inside else "test rows lie outside what training covers"
    text = f"""\
# A task: what is predicted, on which dataset and split, and how it is scored. `matbench-defects schema task` describes
# every field, `matbench-defects list metrics` every metric.
name: {task.name}
title: {task.title}
# description: What a good score means.
dataset: {task.dataset}
# In {quantity.shown_unit}{_or(others, "target")}.
target: {target}
# {tested} test rows{in_folds}{_or([one for one in dataset.splits if one != split], "split")}.
split: {split}
# Whether {covered}, is for you to say: interpolation or extrapolation.
kind: {task.kind}
# The first ranks. The last {len(UNCERTAINTY)} are of models that say how sure they are.
metrics: [{", ".join(measured)}]
# Models that draw random numbers are fitted once a seed.
seeds: [0, 1, 2]
# Marked on the leaderboard.
baselines: [mean, composition]
"""
    return task.name, text


def task_name(dataset: Dataset, target: str, split: str) -> str:
    """Return what a task is called that is not named: dataset, target and split."""
    return "-".join(part.replace("_", "-") for part in (dataset.name, target, split))[:63].strip("-")


def learnable_targets(dataset: Dataset) -> list[str]:
    """Return the targets that a model may learn.

    Raises
    ------
    InputError
        If there is none.
    """
    said = dataset.manifest["targets"]
    if found := [name for name in dataset.targets if not said[name].get("compares_rows")]:
        return found
    raise InputError(f"{dataset.name} has no target that a model may learn; give its spec `targets`")


def only_target(dataset: Dataset) -> str:
    """Return the only target that a model may learn.

    Raises
    ------
    InputError
        If there are several.
    """
    found = learnable_targets(dataset)
    if len(found) > 1:
        raise InputError(f"{dataset.name} has several targets; give --target: {', '.join(found)}")
    return found[0]


def _within(dataset: Dataset, split: str) -> bool:
    given = dataset.spec.splits.get(split)
    operator = "" if given is None else given.by
    return operator in WITHIN and not getattr(given, "together", None)


def _or(others: Sequence[str], kind: str) -> str:
    return f"; other {kind}s: {', '.join(others)}" if others else ""


def _defined(task: Task, dataset: Dataset) -> list[str]:
    """Return the candidates that are defined on the test rows: those that perfect predictions get a number of."""
    rows = scored_rows(task, dataset)
    every = task.model_copy(update={"metrics": [name for name in CANDIDATES if name in metrics], "seeds": [0]})
    quantity, size = dataset.quantity(task.target), rows.num_rows
    columns = {
        "id": rows["id"],
        **({"fold": rows["fold"]} if "fold" in rows.schema.names else {}),
        "seed": pa.array(np.zeros(size, dtype=np.int32)),
        "prediction": rows[task.target].cast(pa.float64()),
        "deviation": pa.nulls(size, pa.float64()),
    }
    schema = predictions_schema(quantity, folds="fold" in columns)
    scores = score(every, dataset, pa.table([columns[name] for name in schema.names], schema=schema))
    counted = {name: scores[name].count for name in every.metrics}
    few = {name for name, count in counted.items() if count is not None and count < FEWEST_SHOWN}
    return [name for name in every.metrics if math.isfinite(scores[name].mean) and name not in few]
