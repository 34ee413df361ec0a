"""The folder of a task's results: what the task was, and which dataset it was evaluated on.

So whatever follows `evaluate` finds a task that is not shipped, and its dataset, without being told again.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from matbench_defects.bounded import read_json
from matbench_defects.dataset.reading import MANIFEST, Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import T, Task, counterpart, load_task, read_task
from matbench_defects.files import write_json, write_text

TASK_FILE = "task.yaml"
"""What the task is."""
DATASET_FILE = "dataset.json"
"""Where its dataset lies, seen from the folder: nothing of it enters results or submissions."""


def write_task_folder(folder: Path, task: Task, dataset: Dataset) -> None:
    """Write what a task and its interpolation counterpart are, and where the dataset lies, into a folder of results.

    Parameters
    ----------
    folder : path
        ``<out>/<task>``.
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    """
    files = {TASK_FILE: task}
    if task.interpolation is not None:
        files[f"{task.interpolation}.yaml"] = counterpart(task, task.file)
    for name, one in files.items():
        said = one.model_dump(mode="json", exclude_defaults=True)
        write_text(folder / name, yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=100))
    place = os.path.relpath(dataset.folder.resolve(), folder.resolve())
    write_json(folder / DATASET_FILE, {"dataset": task.dataset, "folder": Path(place).as_posix()})


def task_of_folder(folder: Path, kind: type[T], given: str | Path | None = None) -> T:
    """Return the task that a folder of results is about.

    Parameters
    ----------
    folder : path
        ``<out>/<task>``.
    kind : type
        `Task`, or a class derived from it.
    given : str or path, optional
        A task's file or shipped name, instead of what the folder says.

    Raises
    ------
    InputError
        If neither the folder nor the shipped tasks say what it is.
    """
    if given is not None:
        return load_task(given, kind)
    if (folder / TASK_FILE).is_file():
        return read_task(folder / TASK_FILE, kind)
    try:
        return load_task(folder.name, kind)
    except InputError as error:
        raise InputError(f"{error.message}; say which task it is: --task FILE") from None


def dataset_of_folder(folder: Path, task: Task) -> Path | None:
    """Return where the dataset of a folder of results lies; None where it does not say, or it is another one by now."""
    try:
        said = read_json(folder / DATASET_FILE)
        place = folder / str(said["folder"])
        manifest = read_json(place / MANIFEST)
        found = f"{manifest['name']}@{manifest['version']}"
    except (InputError, KeyError, TypeError):
        return None
    return place if found == task.dataset == said.get("dataset") else None
