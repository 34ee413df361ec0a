"""Running models on a task: fit on train and validation, predict test, write what was predicted and what it cost."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matbench_defects._version import __version__
from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError, NotServedError
from matbench_defects.evaluation.finished_fits import FinishedFit, FinishedFits
from matbench_defects.evaluation.memory import peak_memory
from matbench_defects.evaluation.pretraining import Source, check_pretrainable
from matbench_defects.evaluation.results import (
    PREDICTIONS_FILE,
    REFUSAL_FILE,
    RESULT_FILE,
    Result,
    read_predictions,
    read_record,
    read_refusal,
)
from matbench_defects.evaluation.scoring import predictions_schema, score, scored_rows, task_folds
from matbench_defects.evaluation.task import Task
from matbench_defects.files import atomic_folder, check_replaceable, digest, package_digest, write_json
from matbench_defects.models.model import (
    Background,
    Model,
    Passes,
    Prediction,
    Rows,
    make_model,
    models,
)


def evaluate(
    task: Task,
    dataset: Dataset,
    model: str,
    out: str | Path,
    *,
    device: str = "cpu",
    settings: dict[str, Any] | None = None,
    seeds: list[int] | None = None,
    pretrain: Source | None = None,
    progress: Callable[[int, int], None] | None = None,
    passes: Passes | None = None,
) -> Result:
    """Fit and score one model on one task, or read the result if it is there already.

    What a killed run had finished is taken over, seed by seed and fold by fold. A model that cannot serve the task
    leaves ``refusal.json`` where its result would be, and is not fitted again to find that out.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        The task's dataset.
    model : str
        Name of a registered model.
    out : path-like
        The result goes to ``<out>/<task>/<model>``, a colon in the name as a dash; of a model that was pre-trained to
        ``<out>/<task>/<model>-from-<source>``.
    device : str
        ``cpu`` or ``cuda``.
    settings : dict, optional
        The model's settings that differ from its defaults.
    seeds : list of int, optional
        Instead of the task's. A model that ignores its seed is fitted once, and its predictions stand for each seed.
    pretrain : Source, optional
        What the model learns from first, configurations of the test part left out.
    progress : callable, optional
        Called with the number of finished fits and of all.
    passes : callable, optional
        Called by a model that is trained in passes, after each.

    Returns
    -------
    Result

    Raises
    ------
    NotServedError
        If the model cannot serve the task, such as one with elements that training does not have.
    InputError
        If the task is not about this dataset, or anything else is wrong.
    """
    chosen = seeds or task.seeds
    complete = make_model(model, seed=chosen[0], device=device, settings=settings)
    identity = {
        "task": task.model_dump(mode="json"),
        "dataset": digest(dataset.manifest["files"]),
        "model": model,
        "settings": complete.settings.model_dump(mode="json"),
        "seeds": chosen,
        "device": device,
        "code": package_digest(),
    }
    shown = model.replace(":", "-")
    if pretrain is not None:
        check_pretrainable(model)
        identity["pretrained_on"] = pretrain.identity()
        shown = f"{shown}-from-{pretrain.name}"
    folder = Path(out) / task.name / shown
    known = _known(folder, digest(identity))
    if known is None:
        if (refusal := read_refusal(folder)) is not None and refusal.get("digest") == digest(identity):
            raise NotServedError(str(refusal["reason"]))
        try:
            _run(task, dataset, model, folder, identity, settings, pretrain, progress, passes)
        except NotServedError as error:
            _refuse(folder, identity, _about(model, folder, identity, pretrain), task, error)
            raise
        known = _known(folder, digest(identity))
        assert known is not None
    return Result(folder, known, score(task, dataset, read_predictions(folder)))


def _known(folder: Path, expected: str) -> dict[str, Any] | None:
    record = read_record(folder)
    return record if record is not None and record.get("digest") == expected else None


def _about(model: str, folder: Path, identity: dict[str, Any], pretrain: Source | None) -> dict[str, Any]:
    """Return what a record says of the model."""
    kind = models.get(model)
    return {
        "name": folder.name,
        "version": __version__,
        "title": kind.title if pretrain is None else f"{kind.title}, pre-trained on {pretrain.name}",
        "description": kind.description,
        "settings": identity["settings"],
        "references": list(kind.references),
    }


def _refuse(folder: Path, identity: dict[str, Any], about: dict[str, Any], task: Task, error: NotServedError) -> None:
    """Keep why a model cannot serve a task; what stood there of other code or settings is no longer true."""
    record = {"digest": digest(identity), "task": task.name, "dataset": task.dataset, "model": about}
    with atomic_folder(folder) as temporary:
        write_json(temporary / REFUSAL_FILE, record | {"reason": str(error)})
    FinishedFits(folder, {}).clear()


def _run(
    task: Task,
    dataset: Dataset,
    model: str,
    folder: Path,
    identity: dict[str, Any],
    settings: dict[str, Any] | None,
    pretrain: Source | None,
    progress: Callable[[int, int], None] | None,
    passes: Passes | None,
) -> None:
    check_replaceable(folder, (RESULT_FILE, REFUSAL_FILE), "a result", "another --out")
    seeds, device = identity["seeds"], identity["device"]
    scored_rows(task, dataset)  # refuses what cannot be scored before anything is fitted
    folds = task_folds(task, dataset)
    every = [_side(task, dataset, fold) for fold in folds] if folds else [_side(task, dataset, task.fold)]
    sides = [side for side in every if side is not None]
    finished = FinishedFits(folder, {name: value for name, value in identity.items() if name != "seeds"})
    kind = models.get(model)
    fits: list[FinishedFit] = []
    predictions: list[list[Prediction]] = []
    for seed in seeds:
        if predictions and not kind.seeded:
            predictions.append(predictions[0])
            continue
        for side in sides:
            if progress:
                progress(len(fits), len(seeds) * len(sides))
            fit = finished.get(seed, side.fold)
            if fit is None:
                instance = make_model(model, seed=seed, device=device, settings=settings)
                instance.progress = passes
                fit = _fit(instance, side, model, device, pretrain)
                finished.put(seed, side.fold, fit)
            fits.append(fit)
        predictions.append([fit.prediction for fit in fits[-len(sides) :]])
    if progress:
        progress(len(seeds) * len(sides), len(seeds) * len(sides))
    table = _table(dataset.quantity(task.target), sides, bool(folds), seeds, predictions)
    memory = [fit.peak_memory_bytes for fit in fits if fit.peak_memory_bytes is not None]
    record = {
        "digest": digest(identity),
        "task": task.name,
        "dataset": task.dataset,
        "model": _about(model, folder, identity, pretrain),
        "seeds": seeds,
        "cost": {
            "train_seconds": round(float(np.mean([fit.train_seconds for fit in fits])), 4),
            "predict_seconds": round(float(np.mean([fit.predict_seconds for fit in fits])) * len(sides), 4),
            "structures": sum(len(side.asked) for side in sides),
            "parameters": fits[-1].parameters,
            "peak_memory_bytes": max(memory, default=None),
            "device": device,
        },
        "hardware": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores, "
        f"{platform.machine()}",
        "training_data": _training_data(task, kind, any(side.held for side in sides), bool(folds))
        + ("" if pretrain is None else f", after {pretrain.description} without tested configurations"),
        "scores": {
            name: {"mean": _plain(s.mean), "deviation": _plain(s.deviation)}
            for name, s in score(task, dataset, table).items()
        },
    }
    with atomic_folder(folder) as temporary:
        pq.write_table(table, temporary / PREDICTIONS_FILE, compression="zstd")
        write_json(temporary / RESULT_FILE, record)
    finished.clear()


def _fit(instance: Model, side: _Side, model: str, device: str, pretrain: Source | None) -> FinishedFit:
    """Fit a new model on a side, after what it is to learn from first, and let it predict."""
    first = None if pretrain is None else pretrain.apart_from(side.asked)
    with peak_memory(device) as peak:
        start = time.perf_counter()
        if first is not None:
            instance.pretrain(*first)
        instance.fit(*side.fitted, side.held)
        between = time.perf_counter()
        found = instance.predict(side.asked)
        end = time.perf_counter()
        if found.values.shape != (len(side.asked),) or not np.isfinite(found.values).all():
            raise InputError(f"the model {model} predicted something that is not a finite number for each test row")
        seconds = end - between if found.seconds is None else found.seconds
        return FinishedFit(found, between - start, seconds, instance.parameters, peak())


@dataclass(frozen=True)
class _Side:
    """What a model is handed in one fold: inputs, and values of the fitted parts alone. No test label is among it."""

    fold: str | None
    fitted: tuple[Rows, NDArray[np.float64]]
    held: tuple[Rows, NDArray[np.float64]] | None
    asked: Rows


def _side(task: Task, dataset: Dataset, fold: str | None) -> _Side | None:
    """Return what is handed to a model in a fold; None where the fold tests nothing."""
    background = Background(
        dataset.spec,
        task.target,
        dataset.quantity(task.target),
        learn_from_validation=task.validation == "learn",
    )
    train, validation, test = (
        dataset.part(task.split, part, task.target, fold=fold) for part in ("train", "validation", "test")
    )
    if not len(test):
        return None
    if not len(train):
        of_fold = "" if fold is None else f", fold '{fold}'"
        raise InputError(f"{task.dataset} has no training rows in the split '{task.split}'{of_fold}")
    return _Side(
        fold,
        (Rows.of(train, background), train[task.target].to_numpy()),
        (Rows.of(validation, background), validation[task.target].to_numpy()) if len(validation) else None,
        Rows.of(test, background),
    )


def _table(
    quantity: Quantity, sides: list[_Side], folds: bool, seeds: list[int], predictions: list[list[Prediction]]
) -> pa.Table:
    columns: dict[str, list[Any]] = {"id": [], "fold": [], "seed": [], "prediction": [], "deviation": []}
    for seed, by_side in zip(seeds, predictions, strict=True):
        for side, found in zip(sides, by_side, strict=True):
            columns["id"] += side.asked.column("id")
            columns["fold"] += [side.fold] * len(side.asked)
            columns["seed"] += [seed] * len(side.asked)
            columns["prediction"] += found.values.tolist()
            columns["deviation"] += [None] * len(side.asked) if found.deviation is None else found.deviation.tolist()
    schema = predictions_schema(quantity, folds=folds)
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _training_data(task: Task, kind: type[Model], validation: bool, folds: bool) -> str:
    before = kind.trained_on
    if kind.zero_shot:
        return f"{before}; nothing of {task.dataset}"
    parts = "train and validation parts" if validation and task.validation == "learn" else "train part"
    if validation and task.validation == "choose":
        parts += " (validation part at most to choose)"
    of_fold = " of each fold" if folds else "" if task.fold is None else f" of fold '{task.fold}'"
    return f"{before}{', then ' if before else ''}{parts}{of_fold} of the split '{task.split}' of {task.dataset}"


def _plain(value: float) -> float | None:
    """JSON has no not-a-number."""
    return round(value, 9) if np.isfinite(value) else None
