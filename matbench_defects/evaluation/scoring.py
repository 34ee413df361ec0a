"""Scores from predictions: the one place where they are computed, for results and for the leaderboard alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.metrics import Scored, metrics
from matbench_defects.evaluation.task import Task


def predictions_schema(quantity: Quantity) -> pa.Schema:
    """Return the schema of ``predictions.parquet``: one row a seed and test configuration.

    Parameters
    ----------
    quantity : Quantity
        The target's unit, divisor and reference state, which the predictions repeat.
    """
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("seed", pa.int32(), nullable=False),
            quantity.field("prediction"),
            quantity.field("deviation"),
        ]
    )


@dataclass(frozen=True)
class Score:
    """One metric over the seeds.

    Parameters
    ----------
    by_seed : dict of int to float
        The metric of each seed; not-a-number where it is not defined.
    """

    by_seed: dict[int, float]

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        values = list(self.by_seed.values())
        return values[0] if len(set(values)) == 1 else float(np.mean(values))

    @property
    def deviation(self) -> float:
        """Standard deviation over the seeds (of the sample, n - 1); exactly zero where all are equal."""
        values = list(self.by_seed.values())
        return float(np.std(values, ddof=1)) if len(set(values)) > 1 else 0.0


def scored_rows(task: Task, dataset: Dataset) -> pa.Table:
    """Return the rows that a task's predictions are scored on, sorted by id.

    Raises
    ------
    InputError
        If the dataset is not the task's, or has no such rows.
    """
    if (dataset.name, dataset.version) != (task.dataset_name, task.dataset_version):
        raise InputError(f"{task.name} is about {task.dataset}, not {dataset.name}@{dataset.version}")
    dataset.quantity(task.target)
    rows = dataset.part(task.split, "test", task.target)
    if not len(rows):
        raise InputError(f"{task.dataset} has no test rows in the split '{task.split}'")
    return rows


def score(task: Task, dataset: Dataset, predictions: pa.Table) -> dict[str, Score]:
    """Score predictions on a task.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        The task's dataset.
    predictions : pyarrow.Table
        Columns ``id``, ``seed``, ``prediction`` and, if given, ``deviation``: every test id once a seed.

    Returns
    -------
    dict of str to Score
        By metric, in the order of the task.

    Raises
    ------
    InputError
        If ids are missing, repeated or not of the test part.
    """
    rows = scored_rows(task, dataset)
    ids = rows["id"].to_pylist()
    content = np.array(
        [f"{s}:{c}" for s, c in zip(rows["space"].to_pylist(), rows["content"].to_pylist(), strict=True)]
    )
    by_seed: dict[int, dict[str, float]] = {}
    for seed in sorted(set(predictions["seed"].to_pylist())):
        given = predictions.filter(pc.equal(predictions["seed"], seed)).sort_by("id")
        if given["id"].to_pylist() != ids:
            raise InputError(f"the predictions of seed {seed} are not one for each test id of {task.name}")
        deviation = None
        if "deviation" in given.schema.names and given["deviation"].null_count == 0:
            deviation = given["deviation"].to_numpy()
        scored = Scored(
            truth=rows[task.target].to_numpy(),
            prediction=given["prediction"].to_numpy(),
            deviation=deviation,
            content=content,
            multiplicity=rows["multiplicity"].to_numpy(),
        )
        by_seed[seed] = {name: metrics.get(name)(scored) for name in task.metrics}
    return {name: Score({seed: values[name] for seed, values in by_seed.items()}) for name in task.metrics}
