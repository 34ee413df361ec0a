"""What the features of a model count on a task."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import task_folds
from matbench_defects.evaluation.task import Task
from matbench_defects.models.explanation import Explained
from matbench_defects.models.explanation_figure import draw_explanation, write_explanation
from matbench_defects.models.model import Background, Rows, make_model, models
from matbench_defects.terminal import show_table

SHOWN = 10
"""Features that are printed."""


def explain_model(task: Task, dataset: Dataset, name: str, out: Path, console: Console) -> None:
    """Fit a model on a task's training and validation part, and show how much each feature counts.

    Parameters
    ----------
    task : Task
        The task; of one with folds, its first fold.
    dataset : Dataset
        The task's dataset.
    name : str
        A registered model.
    out : path
        Gets ``<task>/<model>.png`` and ``.csv``.
    console : Console
        Where the largest are printed.

    Raises
    ------
    InputError
        If the model has no features of its own.
    """
    model = make_model(name, seed=task.seeds[0])
    if not isinstance(model, Explained):
        raise InputError(f"{name} has no features of its own; cluster expansions and models on descriptors have")
    fold = task.fold or next(iter(task_folds(task, dataset)), None)
    table = dataset.part(task.split, ("train", "validation"), task.target, fold=fold)
    background = Background(dataset.spec, task.target, dataset.quantity(task.target))
    model.fit(Rows.of(table, background), table[task.target].to_numpy(), None)
    explanation = model.explain()
    unit = background.quantity.shown_unit
    folder = out / task.name
    draw_explanation(folder / f"{name}.png", explanation, f"{models.get(name).title}: {task.target}", unit)
    write_explanation(folder / f"{name}.csv", explanation)
    sign = "+" if explanation.signed else ""
    rows = [[feature, f"{weight:{sign}.4f}"] for feature, weight in explanation.largest(SHOWN)]
    show_table(console, ["feature", unit if explanation.signed else "share"], rows)
    console.print(f"{folder / name}.png and .csv", markup=False, soft_wrap=True)
