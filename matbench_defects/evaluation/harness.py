"""Running models on a task: fit on train and validation, predict test, write what was predicted and what it cost."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects._version import __version__
from matbench_defects.columns import Quantity
from matbench_defects.crystal.kinds.kind import kinds
from matbench_defects.dataset.reading import Dataset
from matbench_defects.dependencies import depends_on
from matbench_defects.errors import NotServedError
from matbench_defects.evaluation.finished_fits import FinishedFit, FinishedFits
from matbench_defects.evaluation.fitting import Side, fit_and_predict, side_of
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
from matbench_defects.evaluation.task_folder import write_task_folder
from matbench_defects.files import atomic_folder, check_replaceable, digest, write_json
from matbench_defects.models.model import Model, Passes, Prediction, make_model, models


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
        "task": task.model_dump(mode="json", include={"name", "target", "split", "fold", "validation", "metrics"})
        | ({"inputs": task.inputs} if task.inputs else {}),
        "dataset": digest(dataset.manifest["files"]),
        "model": model,
        "settings": complete.settings.model_dump(mode="json"),
        "seeds": chosen,
        "device": device,
        **depends_on("matbench_defects.evaluation.fitting", models.get(model), *map(kinds.get, dataset.spec.kinds)),
    }
    shown = model.replace(":", "-")
    if pretrain is not None:
        check_pretrainable(model)
        identity["pretrained_on"] = pretrain.identity() | depends_on(type(pretrain))
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
            write_task_folder(folder.parent, task, dataset)
            raise
        known = _known(folder, digest(identity))
        assert known is not None
    write_task_folder(folder.parent, task, dataset)
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
        **({"engine": kind.engine} if kind.zero_shot and hasattr(kind, "engine") else {}),
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
    every = [side_of(task, dataset, fold) for fold in folds] if folds else [side_of(task, dataset, task.fold)]
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
                fit = fit_and_predict(instance, side, model, device, pretrain)
                finished.put(seed, side.fold, fit)
            fits.append(fit)
        predictions.append([fit.prediction for fit in fits[-len(sides) :]])
    if progress:
        progress(len(seeds) * len(sides), len(seeds) * len(sides))
    table = predictions_table(dataset.quantity(task.target), sides, bool(folds), seeds, predictions)
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
        "hardware": hardware(),
        "training_data": _training_data(task, kind, any(side.held for side in sides), bool(folds))
        + ("" if pretrain is None else f", after {pretrain.description} without tested configurations"),
        "scores": {
            name: {"mean": plain_number(s.mean), "deviation": plain_number(s.deviation)}
            for name, s in score(task, dataset, table).items()
        },
    }
    with atomic_folder(folder) as temporary:
        pq.write_table(table, temporary / PREDICTIONS_FILE, compression="zstd")
        write_json(temporary / RESULT_FILE, record)
    finished.clear()


def hardware() -> str:
    """Return what this machine is, such as ``2 cores, x86_64``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}"


def predictions_table(
    quantity: Quantity, sides: list[Side], folds: bool, seeds: list[int], predictions: list[list[Prediction]]
) -> pa.Table:
    """Return what was predicted as ``predictions.parquet`` holds it: by seed, in each the sides in their order."""
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


def plain_number(value: float) -> float | None:
    """JSON has no not-a-number."""
    return round(value, 9) if np.isfinite(value) else None
