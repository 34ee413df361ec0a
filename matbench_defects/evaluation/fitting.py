"""One fit: what a model is handed of a task, and what it predicts. Predictions depend on this and the model alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    """What a model is handed in one fold: inputs, and values of the fitted parts alone. No test label is among it.

    These numbers reach it; ``tests/evaluation/test_no_test_label.py`` changes every test label and sees that none of
    them changes:

    - of every row, tested ones too: the ideal structure and what follows from it (`rows.INPUT_COLUMNS`), the contents,
      and the columns of the kind of space; never a label;
    - of every row, the label that the task declares as an input: of another method than the target's, and not on the
      structures that the target's label relaxed;
    - of fitted rows, the target. It holds the row's own label; the labels of its space's end members, which train in
      every fold; those of reference phases and hosts, which are no rows; or numbers that the spec gives for these;
    - in the background, which configurations have a label, and the target's unit, divisor and definition;
    - of pre-training, the same of another task or dataset, tested configurations and all that refers to them left out.

    Targets that compare rows, such as a distance to a hull that configurations span, are learnt by no model. Datasets
    of specs with ``rules: 1`` are older than both: there an end member may be tested, and such a target learnt.
    """

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
        own = dataset.manifest["targets"][task.target].get("label")
        if label == own:
            raise InputError(f"{task.target} is computed from {label}, which cannot be an input")
        if own in known and _method(known[label]) == _method(known[own]):
            raise InputError(f"{task.target} is computed from {own}, which {label} repeats, so it cannot be an input")
        if known[label].get("structures") == own:
            raise InputError(f"{label} is on the structures that {own} relaxed, so it is no input for {task.target}")


def _method(label: dict[str, Any]) -> list[Any]:
    """Return what decides the numbers of a label."""
    return [label.get(name) for name in ("engine", "settings", "relax", "continues")]


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
