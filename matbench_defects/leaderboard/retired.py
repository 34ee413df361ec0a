"""Tasks of datasets that a newer version has replaced: kept with what scoring needs, shown, and ranked no more."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from matbench_defects.dataset.reading import DIGEST, MANIFEST, Dataset, manifest_digest, open_dataset, split_column
from matbench_defects.errors import InputError
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.tables.table import ResultTable
from matbench_defects.evaluation.task import Task, load_task
from matbench_defects.files import atomic_folder, sha256_of_file, write_json
from matbench_defects.leaderboard.scoring import Entry, Standings, collect_standings
from matbench_defects.leaderboard.views import entry_table

SCORED = ("id", "space", "content", "multiplicity", "formula_units", "nsites", "defect_species")
"""Columns that scoring needs besides splits and targets."""


@dataclass(frozen=True)
class Retired:
    """A version of a dataset that was replaced, with its tasks and submissions.

    Parameters
    ----------
    folder : path
        Holds ``dataset/``, ``tasks/`` and ``submissions/``.
    dataset : Dataset
        Ids, splits and targets of its rows, and no structure.
    tasks : list of Task
        Its tasks.
    """

    folder: Path
    dataset: Dataset
    tasks: list[Task]

    @property
    def name(self) -> str:
        """Name and version of the dataset, ``lno-cathode@1.0.0``."""
        return f"{self.dataset.name}@{self.dataset.version}"

    def standings(self) -> Standings:
        """Return every submission, checked and scored anew."""
        return collect_standings(self.folder / "submissions", self.tasks, {self.name: self.dataset})


@dataclass(frozen=True)
class RetiredTask:
    """What a site shows of a retired task.

    Parameters
    ----------
    task : Task
        The task.
    unit : str
        Unit of its target.
    table : ResultTable
        The scores, the best first.
    """

    task: Task
    unit: str
    table: ResultTable


def read_retired(root: str | Path) -> list[Retired]:
    """Return what lies in a folder of retired datasets, by name; nothing where there is no such folder.

    Raises
    ------
    InputError
        If a dataset or task there is not what it says.
    """
    root = Path(root)
    if not root.is_dir():
        return []
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        tasks = [load_task(path) for path in sorted((folder / "tasks").glob("*.yaml"))]
        found.append(Retired(folder, open_dataset(folder / "dataset"), tasks))
        for task in tasks:
            if task.dataset != found[-1].name:
                raise InputError(f"is about {task.dataset}, not {found[-1].name}", file=str(folder / "tasks"))
    return found


def retired_tasks(retired: Retired, standings: Standings) -> list[RetiredTask]:
    """Return what a site shows of the tasks of a retired dataset."""
    result = []
    for task in retired.tasks:
        quantity = retired.dataset.quantity(task.target)
        entries: Sequence[Entry] = standings.by_task[task.name]
        table = entry_table([metrics.get(name) for name in task.metrics], quantity, entries)
        result.append(RetiredTask(task, quantity.shown_unit, table))
    return result


def retire(dataset: Dataset, tasks: Iterable[Path], submissions: str | Path, out: str | Path) -> Retired:
    """Move the tasks of a dataset's version and their submissions to the retired ones, with what scoring needs.

    Parameters
    ----------
    dataset : Dataset
        The version that is retired.
    tasks : iterable of path
        The files of its tasks; they are copied, for their successors take their places.
    submissions : path-like
        Holds ``<task>/<model>/``; those of the tasks are moved.
    out : path-like
        The folder of retired datasets.

    Raises
    ------
    InputError
        If that version is retired already, or a task is about another.
    """
    target = Path(out) / f"{dataset.name}-{dataset.version}"
    if target.exists():
        raise InputError("is retired already", file=str(target))
    files = sorted(tasks)
    for file in files:
        if (task := load_task(file)).dataset != f"{dataset.name}@{dataset.version}":
            raise InputError(f"is about {task.dataset}, not {dataset.name}@{dataset.version}", file=str(file))
    moved = [folder for file in files if (folder := Path(submissions) / file.stem).is_dir()]
    with atomic_folder(target) as folder:
        _write_rows(dataset, folder / "dataset")
        (folder / "tasks").mkdir()
        (folder / "submissions").mkdir()
        for file in files:
            shutil.copyfile(file, folder / "tasks" / file.name)
        for each in moved:
            shutil.copytree(each, folder / "submissions" / each.name)
    for each in moved:
        shutil.rmtree(each)
    return next(each for each in read_retired(out) if each.folder == target)


def _write_rows(dataset: Dataset, folder: Path) -> None:
    wanted = [*SCORED, *map(split_column, dataset.splits), *dataset.targets]
    table = dataset.structures.select([name for name in wanted if name in dataset.structures.schema.names])
    path = folder / "data" / "structures" / "rows.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path, compression="zstd")
    kept = ("format", "name", "version", "builder", "targets", "splits", "unverified")
    manifest = {key: dataset.manifest[key] for key in kept if key in dataset.manifest}
    files = {path.relative_to(folder).as_posix(): sha256_of_file(path)}
    manifest |= {"retired": True, "files": files}
    write_json(folder / MANIFEST, manifest | {DIGEST: manifest_digest(manifest)})
