"""Scores from predictions: the one place where they are computed, for results and for the leaderboard alike."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.cell_energies import above_hull, atoms_of, cell_factor
from matbench_defects.evaluation.metrics import Scored, metrics
from matbench_defects.evaluation.task import Task


def predictions_schema(quantity: Quantity, *, folds: bool = False) -> pa.Schema:
    """Return the schema of ``predictions.parquet``: one row a seed and test configuration.

    Parameters
    ----------
    quantity : Quantity
        The target's unit, divisor and reference state, which the predictions repeat.
    folds : bool
        Whether the task runs over the folds of its split; a column then says which fold a row belongs to.
    """
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            *([pa.field("fold", pa.string(), nullable=False)] if folds else []),
            pa.field("seed", pa.int32(), nullable=False),
            quantity.field("prediction"),
            quantity.field("deviation"),
        ]
    )


@dataclass(frozen=True)
class Score:
    """One metric over the seeds, and over the folds where each is scored on its own.

    Parameters
    ----------
    by_seed : dict of int to float
        The metric of each seed, its mean over such folds; not-a-number where it is not defined.
    by_fold : dict of str to float
        The mean over the seeds in each fold, where rows are tested in several folds; else nothing, for then the test
        parts of all folds are scored together.
    count : int or None
        Of a metric that is an average over something else than all rows, how many of these there are: in the fold that
        has most, where each is scored on its own.
    """

    by_seed: dict[int, float]
    by_fold: dict[str, float] = field(default_factory=dict)
    count: int | None = None

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return _mean(list(self.by_seed.values()))

    @property
    def deviation(self) -> float:
        """Standard deviation (n - 1) over the folds where they are scored one by one, else over the seeds.

        Exactly zero where all are equal.
        """
        values = list((self.by_fold or self.by_seed).values())
        return float(np.std(values, ddof=1)) if len(set(values)) > 1 else 0.0


def _mean(values: list[float]) -> float:
    return values[0] if len(set(values)) == 1 else float(np.mean(values))


def task_folds(task: Task, dataset: Dataset) -> list[str]:
    """Return the folds that a task runs over; nothing where it names one, or its split has none."""
    return [] if task.fold is not None else dataset.folds(task.split)


def fold_words(task: Task, dataset: Dataset) -> str:
    """Return which folds a task is about, after a comma; nothing where its split has none."""
    if task.fold is not None:
        return f", fold {task.fold}"
    folds = task_folds(task, dataset)
    return f", {len(folds)} folds" if folds else ""


def rows_in_words(rows: pa.Table) -> str:
    """Return how many configurations are tested, and in how many fits where that is more than once each.

    Parameters
    ----------
    rows : pyarrow.Table
        What `scored_rows` returns.
    """
    distinct = len(set(rows["id"].to_pylist()))
    if distinct == len(rows):
        return f"{distinct} test rows"
    fits = len(set(rows["fold"].to_pylist()))
    each = f"each in {fits} fits" if distinct * fits == len(rows) else f"in {fits} fits, {len(rows)} predictions in all"
    return f"{distinct} test rows, {each}"


def scored_rows(task: Task, dataset: Dataset) -> pa.Table:
    """Return the rows that a task's predictions are scored on, sorted by id.

    Of a task that runs over folds they are the test rows of each, sorted by a column ``fold`` first.

    Raises
    ------
    InputError
        If the dataset is not the task's, or has no such rows.
    """
    if (dataset.name, dataset.version) != (task.dataset_name, task.dataset_version):
        raise InputError(f"{task.name} is about {task.dataset}, not {dataset.name}@{dataset.version}")
    dataset.check_learnable(task.target)
    folds = task_folds(task, dataset)
    if not folds:
        rows = dataset.part(task.split, "test", task.target, fold=task.fold)
    else:
        tested = [dataset.part(task.split, "test", task.target, fold=fold) for fold in folds]
        named = [
            rows.append_column(pa.field("fold", pa.string()), pa.array([fold] * len(rows), pa.string()))
            for fold, rows in zip(folds, tested, strict=True)
        ]
        rows = pa.concat_tables(named).sort_by([("fold", "ascending"), ("id", "ascending")])
    if not len(rows):
        raise InputError(f"{task.dataset} has no test rows in the split '{task.split}'")
    return rows


@dataclass(frozen=True)
class ScoredPart:
    """Rows that a metric is computed on together: those of one seed, and of one fold where folds are scored alone.

    Parameters
    ----------
    seed : int
        The seed.
    fold : str
        The fold; empty where the test parts of all folds are scored together.
    ids : list of str
        The configurations, in the order of the rows.
    scored : Scored
        Predictions beside the truth.
    """

    seed: int
    fold: str
    ids: list[str]
    scored: Scored


def scored_parts(task: Task, dataset: Dataset, predictions: pa.Table) -> list[ScoredPart]:
    """Bring labels and predictions together.

    Where each row is tested in one fold, as with k folds or one group left out, the folds' test parts are scored
    together; where rows are tested in several, each fold is scored on its own.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        The task's dataset.
    predictions : pyarrow.Table
        Columns ``id``, ``seed``, ``prediction`` and, if given, ``deviation``: every test id once a seed. With folds
        also ``fold``: every test id of a fold once a seed.

    Returns
    -------
    list of ScoredPart
        By seed, then by fold; every seed has the same folds.

    Raises
    ------
    InputError
        If ids are missing, repeated or not of the test part.
    """
    rows = scored_rows(task, dataset)
    order = [name for name in ("fold", "id") if name in rows.schema.names]
    missing = [name for name in order if name not in predictions.schema.names]
    if missing:
        raise InputError(f"the predictions have no column '{missing[0]}', which {task.name} needs")
    keys = rows.select(order).to_pydict()
    folds = np.array(keys["fold"] if "fold" in order else [""] * len(rows))
    alone = len(set(keys["id"])) < len(rows)
    sides = {f: folds == f for f in dict.fromkeys(folds.tolist())} if alone else {"": np.ones(len(rows), dtype=bool)}
    tested = {fold: rows.filter(here) for fold, here in sides.items()}
    parts = []
    for seed in sorted(set(predictions["seed"].to_pylist())):
        given = predictions.filter(pc.equal(predictions["seed"], seed)).sort_by([(n, "ascending") for n in order])
        if given.select(order).to_pydict() != keys:
            raise InputError(f"the predictions of seed {seed} are not one for each test id of {task.name}")
        for fold, here in sides.items():
            scored = _scored(task, dataset, tested[fold], given.filter(here))
            parts.append(ScoredPart(seed, fold, tested[fold]["id"].to_pylist(), scored))
    return parts


def score(task: Task, dataset: Dataset, predictions: pa.Table) -> dict[str, Score]:
    """Score predictions on a task.

    Parameters
    ----------
    task, dataset, predictions
        As for `scored_parts`.

    Returns
    -------
    dict of str to Score
        By metric, in the order of the task.

    Raises
    ------
    InputError
        If ids are missing, repeated or not of the test part.
    """
    parts = scored_parts(task, dataset, predictions)
    folds = [fold for fold in dict.fromkeys(part.fold for part in parts) if fold]
    result = {}
    for name in task.metrics:
        metric = metrics.get(name)
        found: dict[int, dict[str, float]] = {}
        for part in parts:
            found.setdefault(part.seed, {})[part.fold] = metric(part.scored)
        result[name] = Score(
            {seed: _mean(list(values.values())) for seed, values in found.items()},
            {fold: _mean([values[fold] for values in found.values()]) for fold in folds},
            None if metric.basis is None else max(metric.basis.count(part.scored) for part in parts),
        )
    return result


def _scored(task: Task, dataset: Dataset, rows: pa.Table, given: pa.Table) -> Scored:
    """Bring labels and predictions of the same rows together."""
    deviation = None
    if "deviation" in given.schema.names and given["deviation"].null_count == 0:
        deviation = given["deviation"].to_numpy()
    return Scored(
        truth=rows[task.target].to_numpy(),
        prediction=given["prediction"].to_numpy(),
        deviation=deviation,
        content=np.array(
            [f"{s}:{c}" for s, c in zip(rows["space"].to_pylist(), rows["content"].to_pylist(), strict=True)]
        ),
        multiplicity=rows["multiplicity"].to_numpy(),
        cell=cell_factor(dataset.quantity(task.target), rows),
        atoms=atoms_of(rows),
        above_hull=above_hull(dataset, task.target, rows),
    )
