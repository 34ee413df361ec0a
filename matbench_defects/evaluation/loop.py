"""A task as a loop over folds, for models that are no class of this package: fit, predict, record, score."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.fitting import Side, side_of
from matbench_defects.evaluation.harness import hardware, plain_number, predictions_table
from matbench_defects.evaluation.results import PREDICTIONS_FILE, RESULT_FILE, Result
from matbench_defects.evaluation.scoring import score, scored_rows, task_folds
from matbench_defects.evaluation.task import Task
from matbench_defects.evaluation.task_folder import write_task_folder
from matbench_defects.files import atomic_folder, check_replaceable, digest, write_json
from matbench_defects.models.model import Prediction
from matbench_defects.models.rows import Rows

MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""What a result, and so the folder it lies in, may be called."""


class RowsWithValues(NamedTuple):
    """Rows that a model is fitted on."""

    rows: Rows
    """Ideal structures, no label among them."""
    values: NDArray[np.float64]
    """The target of each row, shape (n,)."""


class Asked(NamedTuple):
    """Rows that are predicted; their values are not handed out."""

    rows: Rows
    """Ideal structures, no label among them."""


class Fold:
    """One fold of a task, or the only one: what is fitted, what is asked, and what was recorded.

    Parameters
    ----------
    side : Side
        Inputs and values.
    seed : int or None
        The seed that predictions are for; None where they stand for every seed of the task.
    """

    def __init__(self, side: Side, seed: int | None) -> None:
        self._side = side
        self.seed = seed
        self.prediction: Prediction | None = None
        self._start = time.perf_counter()
        self._asked = self._end = self._start

    @property
    def name(self) -> str:
        """The fold's name; empty where the task has only one."""
        return self._side.fold or ""

    @property
    def train(self) -> RowsWithValues:
        """The training part."""
        return RowsWithValues(*self._side.fitted)

    @property
    def validation(self) -> RowsWithValues | None:
        """The validation part, for early stopping or to be learnt from as the task says; None where there is none."""
        return None if self._side.held is None else RowsWithValues(*self._side.held)

    @property
    def test(self) -> Asked:
        """What is predicted. The time up to when it is first asked for counts as training."""
        if self._asked == self._start:
            self._asked = time.perf_counter()
        return Asked(self._side.asked)

    @property
    def train_seconds(self) -> float:
        """Time from when the fold was handed out until its test rows were asked for."""
        return self._asked - self._start

    @property
    def predict_seconds(self) -> float:
        """Time from then until a prediction was recorded."""
        found = None if self.prediction is None else self.prediction.seconds
        return self._end - self._asked if found is None else found

    def record(self, prediction: Prediction | ArrayLike, deviation: ArrayLike | None = None) -> None:
        """Keep what a model says of the test rows.

        Parameters
        ----------
        prediction : Prediction or array, shape (n,)
            A value for each test row, in their order and in the target's unit.
        deviation : array, shape (n,), optional
            Standard deviations.

        Raises
        ------
        InputError
            If there is not one finite number a row.
        """
        if not isinstance(prediction, Prediction):
            spread = None if deviation is None else np.asarray(deviation, dtype=np.float64)
            if np.iscomplexobj(prediction):
                raise InputError("the predictions are complex numbers")
            prediction = Prediction(np.asarray(prediction, dtype=np.float64), spread)
        rows = len(self._side.asked)
        for what, values in (("predictions", prediction.values), ("deviations", prediction.deviation)):
            if values is not None and (values.shape != (rows,) or not np.isfinite(values).all()):
                where = f"fold '{self.name}' has" if self.name else "there are"
                raise InputError(
                    f"{where} {rows} test rows, but the {what} are not {rows} finite numbers (shape {values.shape})"
                )
        if prediction.deviation is not None and (prediction.deviation < 0).any():
            raise InputError("a standard deviation is negative")
        self.prediction, self._end = prediction, time.perf_counter()

    def __repr__(self) -> str:
        state = "asked" if self.prediction is None else "recorded"
        return f"<Fold {self.name or 'of all'}: {len(self.train.rows)} training, {len(self._side.asked)} test, {state}>"


@dataclass(frozen=True)
class Description:
    """What a result says of a model that is no class of this package.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and dashes; the result's folder is called so.
    title, description : str
        For people; the name where left out.
    version : str
        Version of the model.
    references : sequence of str
        DOIs.
    settings : mapping
        Settings, in plain values.
    training_data : str
        All that the model learnt from, pre-training included; the task's training part where left out.
    parameters : int, optional
        How many numbers were fitted.
    device : str
        ``cpu``, or the accelerator.
    """

    name: str
    title: str = ""
    description: str = ""
    version: str = "1"
    references: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    training_data: str = ""
    parameters: int | None = None
    device: str = "cpu"


def folds_of(task: Task, dataset: Dataset, seed: int | None = None) -> Iterator[Fold]:
    """Yield the folds of a task that test anything, each to be fitted anew.

    Raises
    ------
    InputError
        If the dataset is not the task's, or the task has no such seed.
    """
    if seed is not None and seed not in task.seeds:
        raise InputError(f"{task.name} has no seed {seed}; its seeds are {', '.join(map(str, task.seeds))}")
    scored_rows(task, dataset)  # refuses what cannot be scored before anything is fitted
    names: list[str | None] = [*task_folds(task, dataset)]
    for name in names or [task.fold]:
        side = side_of(task, dataset, name)
        if side is not None:
            yield Fold(side, seed)


def score_folds(task: Task, dataset: Dataset, folds: Sequence[Fold], about: Description, out: Path) -> Result:
    """Score what was recorded, and write it as `evaluate` does.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    folds : sequence of Fold
        Every fold once; or every fold for every seed of the task.
    about : Description
        The model.
    out : path
        The result goes to ``<out>/<task>/<name>``; an earlier result there is replaced.

    Raises
    ------
    InputError
        If a fold or a seed has no prediction, or the folder holds something else.
    """
    if not MODEL_NAME.fullmatch(about.name):
        raise InputError(f"a result cannot be called '{about.name}'; take lower-case letters, digits and dashes")
    names = task_folds(task, dataset) or [task.fold or ""]
    tested = {fold.name for fold in folds}
    by_seed: dict[int, list[Fold]] = {}
    for seed in task.seeds:
        here = {fold.name: fold for fold in folds if fold.seed in (None, seed)}
        for name in names:
            if (name in tested and name not in here) or not tested:
                raise InputError(f"{task.name} has no prediction of seed {seed}; loop over `task.folds(seed={seed})`")
        by_seed[seed] = [here[name] for name in names if name in here]
        for fold in by_seed[seed]:
            if fold.prediction is None:
                of = f" of the fold '{fold.name}'" if fold.name else ""
                raise InputError(f"{task.name} has no prediction{of}; call `fold.record(...)` in the loop")
    folder = out / task.name / about.name
    check_replaceable(folder, RESULT_FILE, "a result")
    first = by_seed[task.seeds[0]]
    predictions = [[fold.prediction for fold in of if fold.prediction is not None] for of in by_seed.values()]
    sides = [fold._side for fold in first]
    table = predictions_table(
        dataset.quantity(task.target), sides, bool(task_folds(task, dataset)), list(by_seed), predictions
    )
    scores = score(task, dataset, table)
    every = list(dict.fromkeys(fold for of in by_seed.values() for fold in of))
    record = {
        "digest": digest([task.model_dump(mode="json"), dataset.manifest["files"], table.to_pydict()]),
        "task": task.name,
        "dataset": task.dataset,
        "model": {
            "name": about.name,
            "version": about.version,
            "title": about.title or about.name,
            "description": about.description or about.title or about.name,
            "settings": dict(about.settings),
            "references": list(about.references),
        },
        "seeds": list(by_seed),
        "cost": {
            "train_seconds": round(float(np.mean([fold.train_seconds for fold in every])), 4),
            "predict_seconds": round(float(np.mean([fold.predict_seconds for fold in every])) * len(first), 4),
            "structures": sum(len(side.asked) for side in sides),
            "parameters": about.parameters,
            "peak_memory_bytes": None,
            "device": about.device,
        },
        "hardware": hardware(),
        "training_data": about.training_data
        or f"at most the train and validation parts of the split '{task.split}' of {task.dataset}",
        "scores": {
            name: {"mean": plain_number(s.mean), "deviation": plain_number(s.deviation)} for name, s in scores.items()
        },
    }
    with atomic_folder(folder) as temporary:
        pq.write_table(table, temporary / PREDICTIONS_FILE, compression="zstd")
        write_json(temporary / RESULT_FILE, record)
    write_task_folder(folder.parent, task, dataset)
    return Result(folder, record, scores)
