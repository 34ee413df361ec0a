"""What `evaluate` does: models on tasks, one after the other; what one cannot serve does not stop the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from matbench_defects.cli.progress import Progress
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.pretraining import check_pretrainable, source_of
from matbench_defects.evaluation.results import Result, read_predictions, read_record
from matbench_defects.evaluation.scoring import Score, score
from matbench_defects.evaluation.task import Task, counterpart, load_task
from matbench_defects.evaluation.task_results import show_results
from matbench_defects.hub.find import find_dataset
from matbench_defects.models.model import models
from matbench_defects.shipped import find_task


def evaluate_all(
    tasks: Sequence[str],
    names: Sequence[str],
    console: Console,
    progress: Progress,
    *,
    dataset: Path | None,
    out: Path,
    device: str,
    seeds: list[int] | None,
    settings: Mapping[str, dict[str, Any]] | None = None,
    pretrain: str | None = None,
) -> tuple[int, list[InputError]]:
    """Run every model on every task and show the scores, task by task.

    Parameters
    ----------
    tasks : sequence of str
        Files or shipped names.
    names : sequence of str
        Registered models.
    console : rich.console.Console
        Where scores are shown.
    progress : callable
        Given a title, a context manager that gives a function of done and total.
    dataset : path or None
        A built dataset, where the shipped ones are not meant.
    out : path
        Where results go.
    device : str
        ``cpu`` or ``cuda``.
    seeds : list of int or None
        Instead of the tasks' seeds.
    settings : mapping of str to dict, optional
        Settings of models that differ from their defaults, by the model's name.
    pretrain : str, optional
        A task or dataset that every model learns from first, see `pretraining.source_of`.

    Returns
    -------
    results : int
        How many results there are.
    problems : list of InputError
        Why a model has no result on a task; `NotServedError` where it cannot serve it.

    Raises
    ------
    InputError
        If a task or model is not known, or a dataset cannot be had, before anything is fitted.
    """
    loaded = [(load_task(task), find_task(task)) for task in dict.fromkeys(tasks)]
    for name in names:
        models.get(name)
        if pretrain is not None:
            check_pretrainable(name)
    source = None if pretrain is None else source_of(pretrain)
    datasets: dict[str, Dataset] = {}
    for task, _ in loaded:
        if task.dataset not in datasets:
            with progress("labels") as show:
                found = find_dataset(task.dataset_name, task.dataset_version, dataset, progress=show)
            datasets[task.dataset] = found
    problems: list[InputError] = []
    produced = 0
    for task, path in loaded:
        data = datasets[task.dataset]
        results = []
        for name in dict.fromkeys(names):
            try:
                with progress(f"{task.name}, {name}" if len(loaded) > 1 else name) as show:
                    results.append(
                        evaluate(
                            task,
                            data,
                            name,
                            out,
                            device=device,
                            settings=(settings or {}).get(name),
                            seeds=seeds,
                            pretrain=source,
                            progress=show,
                            passes=show.passes,
                        )
                    )
            except InputError as error:
                problems.append(type(error)(f"{task.name}, {name}: {error}"))
        produced += len(results)
        if results:
            show_results(task, data, results, console, interpolation=_interpolation(task, path, data, results, out))
            hint = f"Results lie in {out / task.name}. To submit one: matbench-defects submit {results[0].folder}"
            console.print(f"{hint} --author NAME", markup=False, soft_wrap=True)
    return produced, problems


def _interpolation(
    task: Task, path: Path, dataset: Dataset, results: Sequence[Result], out: Path
) -> dict[str, Score] | None:
    """Return what each model scores on the task's interpolation counterpart, as far as that was evaluated before.

    Only a result of the same model settings counts. None where the task names no counterpart.
    """
    if task.interpolation is None:
        return None
    inside = counterpart(task, path)
    found = {}
    for result in results:
        about = result.record["model"]
        folder = out / inside.name / about["name"]
        record = read_record(folder)
        if (
            record is not None
            and record.get("dataset") == inside.dataset
            and record.get("model", {}).get("settings") == about["settings"]
        ):
            scores = score(inside, dataset, read_predictions(folder))
            found[about["name"]] = scores[inside.metrics[0]]
    return found
