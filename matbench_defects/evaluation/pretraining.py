"""What a model learns from before it is fitted: the labels of another domain, or of another target of the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.dataset.reading import Dataset
from matbench_defects.dataset.references import reference_contents
from matbench_defects.errors import InputError, nearest
from matbench_defects.evaluation.task import load_task
from matbench_defects.files import digest
from matbench_defects.hub.find import find_dataset, labelled_dataset
from matbench_defects.models.model import models
from matbench_defects.models.rows import Background, Rows
from matbench_defects.shipped import shipped_specs, shipped_tasks

Part = tuple[Rows, NDArray[np.float64]]


@dataclass(frozen=True)
class Source:
    """Rows with values that a model may learn from first.

    Parameters
    ----------
    name : str
        The task or dataset, as a part of file names.
    description : str
        Which rows they are, for people.
    dataset : str
        Digest of the dataset's files.
    training : tuple of Rows and ndarray
        What is fitted.
    validation : tuple of Rows and ndarray, or None
        What decides when to stop.
    """

    name: str
    description: str
    dataset: str
    training: Part
    validation: Part | None

    def identity(self) -> dict[str, Any]:
        """Return what predictions depend on."""
        background = self.training[0].background
        return {"rows": self.description, "dataset": self.dataset, "target": background.target}

    def apart_from(self, rows: Rows) -> tuple[Rows, NDArray[np.float64], Part | None]:
        """Return training and validation part without the configurations among some rows.

        A label of a test row tells of its other labels, so the same configuration may not be learnt from either, by
        whatever engine or for whatever target.

        Parameters
        ----------
        rows : Rows
            What will be tested.

        Raises
        ------
        InputError
            If nothing is left, or what the values refer to is tested.
        """
        tested = _configurations(rows)
        self._check_references(tested)
        training = _without(self.training, tested)
        if not len(training[0]):
            raise InputError(f"{self.name} has no configuration that is not tested, so nothing to pre-train on")
        validation = None if self.validation is None else _without(self.validation, tested)
        return *training, validation if validation and len(validation[0]) else None

    def _check_references(self, tested: set[tuple[str, str]]) -> None:
        """Refuse values that refer to a tested configuration: its label is in all of them, whichever rows are left."""
        background = self.training[0].background
        if background.spec.rules == 1 or background.labelled is None:
            return  # such references are tested in the source itself
        spaces, targets = background.spaces, {background.target: background.resolved}
        contents = {name: reference_contents(background.spec, space, targets) for name, space in spaces.items()}
        digests = {name: space.digest() for name, space in spaces.items()}
        for row in background.labelled.to_pylist():
            if (digests[row["space"]], row["id"]) in tested:
                content = spaces[row["space"]].content(np.frombuffer(row["occupation"], dtype=np.uint8))
                if content in contents[row["space"]]:
                    raise InputError(f"every value of {self.name} refers to {row['id']}, which is tested")


def _configurations(rows: Rows) -> set[tuple[str, str]]:
    """Return which configurations rows are; spaces of one name may have another host in another dataset."""
    hosts = {name: rows.background.spaces[name].digest() for name in set(rows.column("space"))}
    return {(hosts[space], id_) for space, id_ in zip(rows.column("space"), rows.column("id"), strict=True)}


def _without(part: Part, tested: set[tuple[str, str]]) -> Part:
    rows, values = part
    hosts = {name: rows.background.spaces[name].digest() for name in set(rows.column("space"))}
    names = zip(rows.column("space"), rows.column("id"), strict=True)
    kept = np.array([i for i, (s, id_) in enumerate(names) if (hosts[s], id_) not in tested], dtype=np.int64)
    return rows.take(kept), values[kept]


def source_of(given: str) -> Source:
    """Return what a name given for pre-training stands for.

    Parameters
    ----------
    given : str
        A task, a file or a shipped name: its training and validation parts, all labelled rows where it runs over folds.
        Or ``DATASET:TARGET``, the folder of a dataset or a spec with labels: all rows labelled with that target; its
        first target where none is named.

    Raises
    ------
    InputError
        If it is neither.
    """
    name, _, target = given.partition(":")
    if name in shipped_tasks() or (Path(name).is_file() and Path(name).name != "spec.yaml"):
        task = load_task(name)
        dataset = find_dataset(task.dataset_name, task.dataset_version)
        if dataset.folds(task.split) and task.fold is None:
            return _all_rows(dataset, task.target, task.name)
        training, validation = (
            dataset.part(task.split, part, task.target, fold=task.fold) for part in ("train", "validation")
        )
        return _source(dataset, task.target, task.name, f"training part of the task {task.name}", training, validation)
    if not (Path(name).exists() or name in shipped_specs()):
        known = [*shipped_tasks(), *shipped_specs()]
        raise InputError(f"no task or dataset is called '{name}'; {nearest(name, known)}")
    dataset = labelled_dataset(name)
    return _all_rows(dataset, target or dataset.targets[0], dataset.name)


def _all_rows(dataset: Dataset, target: str, name: str) -> Source:
    dataset.quantity(target)
    every = dataset.structures.filter(dataset.structures[target].is_valid())
    description = f"all rows of {dataset.name}@{dataset.version} with {target}"
    return _source(dataset, target, name, description, every, every.slice(0, 0))


def _source(
    dataset: Dataset, target: str, name: str, description: str, training: pa.Table, validation: pa.Table
) -> Source:
    dataset.check_learnable(target)
    background = Background.of(dataset, target)
    parts = [(Rows.of(table, background), table[target].to_numpy()) for table in (training, validation)]
    held = parts[1] if len(validation) else None
    return Source(name, description, digest(dataset.manifest["files"]), parts[0], held)


def check_pretrainable(model: str) -> None:
    """Refuse a model that cannot be pre-trained.

    Raises
    ------
    InputError
        Naming those that can.
    """
    able = [name for name, kind in models.items() if kind.offers("pretrain")]
    if not models.get(model).offers("pretrain"):
        raise InputError(f"the model {model} cannot be pre-trained; these can: {', '.join(able)}")
