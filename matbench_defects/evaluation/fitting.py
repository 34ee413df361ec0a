"""One fit: what a model is handed of a task, and what it predicts. Predictions depend on this and the model alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError, nearest
from matbench_defects.evaluation.finished_fits import FinishedFit
from matbench_defects.evaluation.memory import peak_memory
from matbench_defects.models.model import Model, Prediction
from matbench_defects.models.named_by_user import faults_of
from matbench_defects.models.rows import Background, Rows

if TYPE_CHECKING:
    from matbench_defects.evaluation.pretraining import Source
    from matbench_defects.evaluation.task import Task


@dataclass(frozen=True)
class Side:
    """What a model is handed in one fold: inputs, and values of the fitted parts alone. No test label is among it."""

    fold: str | None
    fitted: tuple[Rows, NDArray[np.float64]]
    held: tuple[Rows, NDArray[np.float64]] | None
    asked: Rows


def side_of(task: Task, dataset: Dataset, fold: str | None) -> Side | None:
    """Return what is handed to a model in a fold; None where the fold tests nothing."""
    background = Background.of(dataset, task.target, learn_from_validation=task.validation == "learn")
    check_inputs(task, dataset)
    train, validation, test = (
        dataset.part(task.split, part, task.target, fold=fold) for part in ("train", "validation", "test")
    )
    if not len(test):
        return None
    if not len(train):
        of_fold = "" if fold is None else f", fold '{fold}'"
        raise InputError(f"{task.dataset} has no training rows in the split '{task.split}'{of_fold}")
    return Side(
        fold,
        (Rows.of(train, background, task.inputs), train[task.target].to_numpy()),
        (Rows.of(validation, background, task.inputs), validation[task.target].to_numpy()) if len(validation) else None,
        Rows.of(test, background, task.inputs),
    )


def check_inputs(task: Task, dataset: Dataset) -> None:
    """Refuse inputs that the dataset has not, or from which the target is computed.

    Raises
    ------
    InputError
        Naming the input.
    """
    known = dataset.manifest["labels"]
    for label in task.inputs:
        if label not in known:
            raise InputError(f"{task.dataset} has no label '{label}'; {nearest(label, known)}")
        if label == dataset.manifest["targets"][task.target].get("label"):
            raise InputError(f"{task.target} is computed from {label}, which cannot be an input")


def fit_and_predict(instance: Model, side: Side, model: str, device: str, pretrain: Source | None) -> FinishedFit:
    """Fit a new model on a side, after what it is to learn from first, and let it predict."""
    first = None if pretrain is None else pretrain.apart_from(side.asked)
    with peak_memory(device) as peak:
        start = time.perf_counter()
        with faults_of(model):
            if first is not None:
                instance.pretrain(*first)
            instance.fit(*side.fitted, side.held)
            between = time.perf_counter()
            found = instance.predict(side.asked)
            end = time.perf_counter()
        if not isinstance(found, Prediction):
            found = Prediction(np.asarray(found, dtype=np.float64))
        if found.values.shape != (len(side.asked),) or not np.isfinite(found.values).all():
            raise InputError(f"the model {model} predicted something that is not a finite number for each test row")
        seconds = end - between if found.seconds is None else found.seconds
        return FinishedFit(found, between - start, seconds, instance.parameters, peak())
