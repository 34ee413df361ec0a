"""A benchmark task: its folds, and the score of what was predicted in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError, nearest
from matbench_defects.evaluation import task as evaluation
from matbench_defects.evaluation.loop import Description, Fold, folds_of, score_folds
from matbench_defects.evaluation.results import Result


class Task(evaluation.Task):
    """One benchmark task: what is predicted, on which dataset and split, and how it is scored.

    Examples
    --------
    >>> import matbench_defects as md
    >>> task = md.load_task("lno-formation-energy")
    >>> task
    <Task lno-formation-energy: formation_energy of lno-cathode@1.0.0, split random>
    >>> model = md.make_model("mean")
    >>> for fold in task.folds():
    ...     model.fit(fold.train.rows, fold.train.values, fold.validation)
    ...     fold.record(model.predict(fold.test.rows))
    >>> task.score("my-mean")
    <Result of my-mean on lno-formation-energy: mae 0.0306, rmse 0.03912, ...>
    """

    _recorded: dict[tuple[int | None, str], Fold] = PrivateAttr(default_factory=dict)
    _dataset: Dataset | None = PrivateAttr(default=None)
    _scored: bool = PrivateAttr(default=False)

    def load_dataset(
        self,
        given: Dataset | str | Path | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
        rows_only: bool = False,
    ) -> Dataset:
        """Return the task's dataset.

        Parameters
        ----------
        given : Dataset or path, optional
            A built dataset; where left out, the shipped spec is built into the cache, other versions are downloaded.
        progress : callable, optional
            Called while labels are computed that the shipped table does not have.
        rows_only : bool
            Whether labelled structures with their splits are enough, should it have to be built.

        Raises
        ------
        InputError
            If it is another dataset, or cannot be found.
        """
        from matbench_defects.hub.find import find_dataset

        if isinstance(given, Dataset):
            if (given.name, given.version) != (self.dataset_name, self.dataset_version):
                raise InputError(f"{self.name} is about {self.dataset}, not {given.name}@{given.version}")
            return given
        return find_dataset(self.dataset_name, self.dataset_version, given, progress=progress, rows_only=rows_only)

    def folds(self, dataset: Dataset | str | Path | None = None, *, seed: int | None = None) -> Iterator[Fold]:
        """Yield the folds; a model is fitted anew in each, and its prediction recorded.

        Parameters
        ----------
        dataset : Dataset or path, optional
            As for `load_dataset`.
        seed : int, optional
            One of the task's seeds, for a model whose predictions depend on one: loop over all of them. Where left out,
            predictions stand for every seed.

        Yields
        ------
        Fold
            ``train.rows``, ``train.values``, ``validation`` (None or the same), ``test.rows``, ``record(prediction)``.
        """
        self._dataset = self.load_dataset(dataset, rows_only=True)
        if self._scored:  # predictions of the model before are not taken for those of the next
            self._recorded.clear()
            self._scored = False
        for fold in folds_of(self, self._dataset, seed):
            self._recorded[seed, fold.name] = fold
            yield fold

    def score(self, name: str = "my-model", *, out: str | Path = "results", **about: Any) -> Result:
        """Score what was recorded in the folds, and write it as `evaluate` does, so that it can be submitted.

        It may be called again, under another name for example; the next loop over `folds` begins anew.

        Parameters
        ----------
        name : str
            What the model is called: lower-case letters, digits and dashes.
        out : path-like
            The result goes to ``<out>/<task>/<name>``.
        **about
            Further fields of `evaluation.loop.Description`: ``title``, ``description``, ``version``, ``references``,
            ``settings``, ``training_data``, ``parameters``, ``device``.

        Returns
        -------
        Result

        Raises
        ------
        InputError
            If a fold has no prediction.
        """
        if self._dataset is None:
            raise InputError(f"nothing was predicted for {self.name}; loop over `task.folds(dataset)` first")
        recorded = list(self._recorded.values())
        unknown = set(about) - {field.name for field in fields(Description)}
        if unknown:
            known = [field.name for field in fields(Description)]
            raise InputError(f"a result says nothing of '{min(unknown)}'; {nearest(min(unknown), known)}")
        result = score_folds(self, self._dataset, recorded, Description(name, **about), Path(out))
        self._scored = True
        return result

    def __repr__(self) -> str:
        return f"<Task {self.name}: {self.target} of {self.dataset}, split {self.split}>"

    __str__ = __repr__


def load_task(name: str | Path | dict[str, Any]) -> Task:
    """Load a task.

    Parameters
    ----------
    name : str, path or dict
        A YAML file, the name of a shipped task, or what such a file holds.

    Returns
    -------
    Task

    Raises
    ------
    InputError
        With file, line, field and what was expected.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.load_task("lno-formation-energy").metrics[:2]
    ['mae', 'rmse']
    """
    return evaluation.load_task(name, Task)


def new_task(
    dataset: Dataset | str | Path,
    out: str | Path | None = None,
    *,
    target: str | None = None,
    split: str | None = None,
    name: str | None = None,
) -> Path:
    """Write a commented task for a dataset, to be edited.

    Parameters
    ----------
    dataset : Dataset or path
        A built dataset.
    out : path-like, optional
        A folder, which gets ``<name>.yaml``, or the file; the working folder if left out.
    target, split : str, optional
        What is predicted, and what it is fitted and tested on; the first of each if left out.
    name : str, optional
        What the task is called; the file's name if it is given, else dataset, target and split.

    Returns
    -------
    path
        The file.

    Raises
    ------
    InputError
        If the dataset has no such target or split, or the file is there already.

    Examples
    --------
    >>> import matbench_defects as md
    >>> path = md.new_task(md.load_dataset("lno-cathode"), "tasks", split="low-lithium")
    >>> path.as_posix(), md.load_task(path).kind
    ('tasks/lno-cathode-formation-energy-low-lithium.yaml', 'extrapolation')
    """
    from matbench_defects.dataset.reading import open_dataset
    from matbench_defects.evaluation.new_task import new_task as text_of
    from matbench_defects.files import write_text

    data = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    place = Path(out or ".")
    file = place if place.suffix == ".yaml" else None
    named, text = text_of(data, target, split, name or (file.stem if file else None))
    file = file or place / f"{named}.yaml"
    if file.exists():
        raise InputError("is there already; name another file with --out", file=str(file))
    write_text(file, text)
    return file


def as_task(task: evaluation.Task | str | Path | dict[str, Any]) -> Task:
    """Return a task however it is given."""
    if isinstance(task, Task):
        return task
    if isinstance(task, evaluation.Task):
        return Task.model_validate(task.model_dump())
    return load_task(task)
