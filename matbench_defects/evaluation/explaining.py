"""How much the features of a model count on a task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import task_folds
from matbench_defects.evaluation.task import Task
from matbench_defects.models.explanation import Explanation
from matbench_defects.models.explanation_figure import draw_explanation, write_explanation
from matbench_defects.models.model import make_model, models
from matbench_defects.models.rows import Background, Rows


@dataclass(frozen=True)
class TaskExplanation:
    """How much the features of a model count on a task.

    Parameters
    ----------
    model, task : str
        Their names.
    features : Explanation
        The features with their weights.
    unit : str
        Unit of the target, which signed weights share.
    picture, table : path
        The largest as bars (PNG), and all of them (CSV).
    """

    model: str
    task: str
    features: Explanation
    unit: str
    picture: Path
    table: Path

    def __repr__(self) -> str:
        largest = ", ".join(f"{name} {weight:.3g}" for name, weight in self.features.largest(3))
        return f"<TaskExplanation of {self.model} on {self.task}: {largest}>"


def explain_model(task: Task, dataset: Dataset, name: str, out: Path) -> TaskExplanation:
    """Fit a model on a task's training and validation part, and write how much each feature counts.

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

    Raises
    ------
    InputError
        If the model has no features of its own.
    """
    model = make_model(name, seed=task.seeds[0])
    if not model.offers("explain"):
        raise InputError(f"{name} has no features of its own; cluster expansions and models on descriptors have")
    fold = task.fold or next(iter(task_folds(task, dataset)), None)
    table = dataset.part(task.split, ("train", "validation"), task.target, fold=fold)
    dataset.check_learnable(task.target)
    background = Background.of(dataset, task.target)
    model.fit(Rows.of(table, background), table[task.target].to_numpy(), None)
    unit = background.quantity.shown_unit
    folder = out / task.name
    found = TaskExplanation(name, task.name, model.explain(), unit, folder / f"{name}.png", folder / f"{name}.csv")
    draw_explanation(found.picture, found.features, f"{models.get(name).title}: {task.target}", unit)
    write_explanation(found.table, found.features)
    return found
