"""What a hostile submission is: a good one, spoilt by a function, and the words of its refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.task import Task


@dataclass(frozen=True)
class Place:
    """A good submission to the task, on disk.

    Parameters
    ----------
    folder : path
        ``<root>/<task>/<model>``.
    outside : path
        A folder that no submission has any business in.
    task, dataset
        What it is for.
    table : pyarrow.Table
        Its predictions.
    """

    folder: Path
    outside: Path
    task: Task
    dataset: Dataset
    table: pa.Table

    @property
    def description(self) -> Path:
        return self.folder / "submission.yaml"

    @property
    def predictions(self) -> Path:
        return self.folder / "predictions.parquet"


@dataclass(frozen=True)
class Case:
    """One way to spoil it.

    Parameters
    ----------
    name : str
        What is tried.
    spoil : callable
        Takes the place, changes it on disk; may return another folder to be checked instead.
    words : str
        What the refusal says.
    """

    name: str
    spoil: Callable[[Place], Path | None]
    words: str


def cases_of(known: list[Case]) -> Callable[[str, str], Callable[[Callable[[Place], Path | None]], None]]:
    """Return a decorator that files a function among `known`, with what is tried and the words of the refusal."""

    def case(name: str, words: str) -> Callable[[Callable[[Place], Path | None]], None]:
        def decorate(spoil: Callable[[Place], Path | None]) -> None:
            known.append(Case(name, spoil, words))

        return decorate

    return case
