"""Models on tasks: fitting, scoring, comparing and explaining."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.api.tasks import Task, as_task
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.comparing_results import ResultComparison, compare_results
from matbench_defects.evaluation.explaining import TaskExplanation, explain_model
from matbench_defects.evaluation.harness import evaluate as _evaluate
from matbench_defects.evaluation.pretraining import Source, check_pretrainable, source_of
from matbench_defects.evaluation.results import Result, read_predictions, read_record
from matbench_defects.evaluation.scoring import Score, score
from matbench_defects.evaluation.task import counterpart
from matbench_defects.models.model import Model, ModelSettings, settings_of
from matbench_defects.models.model import make_model as _make_model
from matbench_defects.models.named_by_user import allow_model
from matbench_defects.shipped import find_task

AnyTask = Task | str | Path | dict[str, Any]
"""A task, its file or shipped name, or what such a file holds."""
Progress = Callable[[str], AbstractContextManager[Any]]
"""Given a title, a context manager that gives a function of done and total, with a function `passes` on it."""


def make_model(name: str, *, seed: int = 0, device: str = "cpu", settings: dict[str, Any] | None = None) -> Model:
    """Return a new model by its name.

    Parameters
    ----------
    name : str
        A registered model (`listing("models")`); a class of one's own file, which is run: ``path/to/file.py:Class``; or
        an ASE calculator without fitting: ``ase:module.Class``.
    seed : int
        Seed of everything random in it.
    device : str
        ``cpu`` or ``cuda``.
    settings : dict, optional
        Settings that differ from the defaults.

    Raises
    ------
    InputError
        If the name, a setting or the device is not known.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.make_model("cluster-expansion", settings={"cutoff": 4.0}).settings.cutoff
    4.0
    """
    return _make_model(allow_model(name), seed=seed, device=device, settings=settings)


def model_settings(name: str, given: Mapping[str, Any] | None = None) -> ModelSettings:
    """Return all settings of a model, the given ones checked.

    Parameters
    ----------
    name : str
        As for `make_model`.
    given : mapping, optional
        Settings that differ from the defaults.

    Raises
    ------
    InputError
        If the name or a setting is not known, or a value does not suit.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.model_settings("schnet", {"cutoff": 4.0}).cutoff
    4.0
    """
    return settings_of(allow_model(name), dict(given or {}))


def evaluate(
    task: AnyTask,
    model: str,
    dataset: Dataset | str | Path | None = None,
    *,
    out: str | Path = "results",
    device: str = "cpu",
    seeds: Sequence[int] | None = None,
    settings: dict[str, Any] | None = None,
    pretrain: str | Source | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Fit a model on the training part of a task, predict its test part, and score it; or read the result if it exists.

    If killed, rerun it: only seeds and folds that were not finished are fitted.

    Parameters
    ----------
    task : Task, str, path or dict
        As for `load_task`.
    model : str
        As for `make_model`.
    dataset : Dataset or path, optional
        A built dataset; the shipped spec is built if left out.
    out : path-like
        The result goes to ``<out>/<task>/<model>``.
    device : str
        ``cpu`` or ``cuda``.
    seeds : sequence of int, optional
        Instead of the task's.
    settings : dict, optional
        The model's settings that differ from its defaults.
    pretrain : str, optional
        A task, or a dataset as ``DATASET:TARGET``, from which the model learns first.
    progress : callable, optional
        Called with the number of finished fits and of all; a function `passes` on it is called after each pass of a
        model that is trained in passes.

    Returns
    -------
    Result

    Raises
    ------
    NotServedError
        If the model cannot serve the task, such as one with elements that training does not have.
    InputError
        If anything is not known, or the dataset is another.

    Examples
    --------
    >>> import matbench_defects as md
    >>> result = md.evaluate("lno-formation-energy", "mean", seeds=[0])
    >>> result
    <Result of mean on lno-formation-energy: mae 0.0306, rmse 0.03912, ...>
    >>> result.folder.as_posix(), result.scores["mae"].deviation
    ('results/lno-formation-energy/mean', 0.0)
    """
    model = allow_model(model)
    loaded = as_task(task)
    return _evaluate(
        loaded,
        loaded.load_dataset(dataset),
        model,
        out,
        device=device,
        settings=settings,
        seeds=None if seeds is None else list(seeds),
        pretrain=source_of(pretrain) if isinstance(pretrain, str) else pretrain,
        progress=progress,
        passes=getattr(progress, "passes", None),
    )


@dataclass(frozen=True)
class Evaluated:
    """What several models did on one task.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    results : list of Result
        One a model that serves the task.
    problems : list of InputError
        Why others have none; `NotServedError` where the model cannot serve the task.
    interpolation : dict of str to Score, or None
        By model, the first metric on the task's interpolation counterpart, as far as that was evaluated before with
        the same settings; None where the task names no counterpart.
    """

    task: Task
    dataset: Dataset
    results: list[Result]
    problems: list[InputError]
    interpolation: dict[str, Score] | None


def evaluate_all(
    tasks: Sequence[str | Path],
    models: Sequence[str],
    dataset: str | Path | None = None,
    *,
    out: str | Path = "results",
    device: str = "cpu",
    seeds: Sequence[int] | None = None,
    settings: Mapping[str, dict[str, Any]] | None = None,
    pretrain: str | None = None,
    progress: Progress | None = None,
) -> Iterator[Evaluated]:
    """Run every model on every task, and yield what they did task by task; one that fails does not stop the others.

    Parameters
    ----------
    tasks : sequence of str or path
        Files or shipped names.
    models : sequence of str
        As for `make_model`.
    dataset, out, device, seeds, pretrain
        As for `evaluate`.
    settings : mapping of str to dict, optional
        Settings that differ from the defaults, by the model's name.
    progress : callable, optional
        Given a title, a context manager that gives what `evaluate` takes.

    Raises
    ------
    InputError
        If a task, model or setting is not known, or a dataset cannot be had, before anything is fitted.

    Examples
    --------
    >>> import matbench_defects as md
    >>> for found in md.evaluate_all(["lno-formation-energy"], ["mean", "pathway-ridge"], seeds=[0]):
    ...     print(found.results, [type(problem).__name__ for problem in found.problems])
    [<Result of mean on lno-formation-energy: ...>] ['NotServedError']
    """
    show_progress = progress or (lambda title: nullcontext())
    loaded = [(as_task(task), find_task(str(task))) for task in dict.fromkeys(tasks)]
    names = {allow_model(typed): typed for typed in models}
    given = {name: (settings or {}).get(typed) for name, typed in names.items()}
    for name in names:
        model_settings(name, given[name])
        if pretrain is not None:
            check_pretrainable(name)
    source = None if pretrain is None else source_of(pretrain)
    datasets: dict[str, Dataset] = {}
    for task, _ in loaded:
        if task.dataset not in datasets:
            with show_progress("labels") as show:
                datasets[task.dataset] = task.load_dataset(dataset, progress=show)
    return _evaluated(loaded, datasets, list(names), Path(out), device, seeds, given, source, show_progress)


def _evaluated(
    tasks: Sequence[tuple[Task, Path]],
    datasets: Mapping[str, Dataset],
    names: Sequence[str],
    out: Path,
    device: str,
    seeds: Sequence[int] | None,
    settings: Mapping[str, dict[str, Any] | None],
    source: Source | None,
    progress: Progress,
) -> Iterator[Evaluated]:
    for task, path in tasks:
        data, results = datasets[task.dataset], []
        problems: list[InputError] = []
        for name in names:
            options: dict[str, Any] = {"out": out, "device": device, "seeds": seeds, "settings": settings.get(name)}
            try:
                with progress(f"{task.name}, {name}" if len(tasks) > 1 else name) as show:
                    results.append(evaluate(task, name, data, **options, pretrain=source, progress=show))
            except InputError as error:
                problems.append(type(error)(f"{task.name}, {name}: {error}"))
        yield Evaluated(task, data, results, problems, _interpolation(task, path, data, results, out))


def _interpolation(
    task: Task, path: Path, dataset: Dataset, results: Sequence[Result], out: Path
) -> dict[str, Score] | None:
    """Return what each model scores on the task's interpolation counterpart, as far as that was evaluated before.

    Only a result of the same model settings counts. None where the task names no counterpart.
    """
    if task.interpolation is None or not results:
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


def compare(
    results: Result | str | Path | Sequence[Result | str | Path],
    *,
    task: str | Path | None = None,
    dataset: str | Path | None = None,
    resamples: int = 5000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ResultComparison:
    """Say which differences between results of one task are ties, by a paired bootstrap over the test rows.

    Parameters
    ----------
    results : sequence of Result or path
        Results, their folders, or the folder of a task with several.
    task : str or path, optional
        The task's file, where it is not shipped.
    dataset : path, optional
        A built dataset, where the shipped one is not meant.
    resamples, seed : int
        How often the test rows are drawn anew, and the seed of the draws.
    progress : callable, optional
        Called with how many draws are done and how many there are.

    Returns
    -------
    ResultComparison
        ``comparison.values`` and ``comparison.differences``; ``write()`` writes every pair as JSON.

    Raises
    ------
    InputError
        If there are fewer than two results, or they are of several tasks.

    Examples
    --------
    >>> import matbench_defects as md
    >>> results = [md.evaluate("lno-formation-energy", name, seeds=[0]) for name in ("mean", "composition")]
    >>> md.compare(results, resamples=200)
    <ResultComparison on lno-formation-energy in MAE: composition 0.0279, mean 0.0306>
    """
    given = [results] if isinstance(results, str | Path | Result) else results
    folders = [each.folder if isinstance(each, Result) else Path(each) for each in given]
    folder = None if dataset is None else Path(dataset)
    named = None if task is None else str(task)
    return compare_results(folders, task=named, dataset=folder, resamples=resamples, seed=seed, progress=progress)


def explain(
    task: AnyTask,
    model: str,
    dataset: Dataset | str | Path | None = None,
    *,
    out: str | Path = "explanations",
) -> TaskExplanation:
    """Fit a model on a task's training part and say how much each of its features counts.

    Parameters
    ----------
    task : Task, str, path or dict
        As for `load_task`; of one with folds, its first fold.
    model : str
        A model with features of its own.
    dataset : Dataset or path, optional
        A built dataset; the shipped spec is built if left out.
    out : path-like
        Gets ``<task>/<model>.png`` and ``.csv``.

    Raises
    ------
    InputError
        If the model has no features of its own.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.explain("lno-formation-energy", "composition")
    <TaskExplanation of composition on lno-formation-energy: ...>
    """
    loaded = as_task(task)
    return explain_model(loaded, loaded.load_dataset(dataset), allow_model(model), Path(out))
