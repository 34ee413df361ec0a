"""A task: what is predicted, on which dataset and split, and how it is scored. Reads only YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, overload

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from matbench_defects.errors import nearest
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.shipped import find_task
from matbench_defects.spec.document import Document, read_document, validate
from matbench_defects.spec.plain_numbers import PlainNumbers


class Task(PlainNumbers):
    """One benchmark task."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """Lower-case letters, digits and dashes; the file's name without its ending."""
    title: str
    """One line for people."""
    description: str = ""
    """What a good score means, for the task's page."""
    dataset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*@\d+\.\d+\.\d+$")]
    """Name and version of the dataset, ``lno-cathode@1.0.0``."""
    target: str
    """Name of one of the dataset's targets."""
    split: str
    """Name of one of the dataset's splits."""
    fold: Annotated[str, BeforeValidator(lambda v: str(v) if type(v) is int else v)] | None = None
    """Name of one of the split's folds; left out, models are fitted and scored in every fold."""
    validation: Literal["learn", "choose"] = "learn"
    """What the validation part is for: models that need none learn from it too, or it only says when to stop and which
    weights to keep, and the others leave it alone."""
    inputs: list[str] = []
    """Names of labels that models are handed of every row, tested ones too, such as the relaxed structure
    and its energy by a cheap method: ``[sevennet_relaxed]``. The target's own label cannot be one. That energy with a
    correction linear in composition, the model ``input-energy``, is then among the baselines."""
    kind: Literal["interpolation", "extrapolation"]
    """Whether the test part lies within what the training part covers."""
    interpolation: str | None = None
    """Of an extrapolation, the task that asks the same within what training covers: same dataset, target and first
    metric. The gap between the two is then shown."""
    metrics: Annotated[list[str], Field(min_length=1)]
    """Names of registered metrics; the first one ranks."""
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [0, 1, 2, 3, 4]
    """Each model is fitted once a seed; scores are given as mean and standard deviation over them."""
    baselines: list[str] = []
    """Names of models that the leaderboard marks as baselines."""
    _file: Path | None = PrivateAttr(default=None)

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in metrics:
                raise ValueError(f"no metric is called '{name}'; {nearest(name, metrics.names())}")
        return names

    @model_validator(mode="after")
    def _corrected(self) -> Task:
        if self.inputs and "input-energy" not in self.baselines:
            raise ValueError("`inputs` goes with the baseline input-energy: what correcting the input linearly scores")
        return self

    @model_validator(mode="after")
    def _counterpart(self) -> Task:
        if self.interpolation is not None and self.kind != "extrapolation":
            raise ValueError("`interpolation` goes with `kind: extrapolation`, and only with it")
        return self

    @property
    def file(self) -> Path | None:
        """The file that it was read from; None where it was none."""
        return self._file

    @property
    def dataset_name(self) -> str:
        """Name of the dataset."""
        return self.dataset.partition("@")[0]

    @property
    def dataset_version(self) -> str:
        """Version of the dataset."""
        return self.dataset.partition("@")[2]


T = TypeVar("T", bound=Task)


@overload
def load_task(name: str | Path | dict[str, Any]) -> Task: ...
@overload
def load_task(name: str | Path | dict[str, Any], kind: type[T]) -> T: ...
def load_task(name: str | Path | dict[str, Any], kind: type[Any] = Task) -> Any:
    """Load a task, and check that its interpolation counterpart is one.

    Parameters
    ----------
    name : str, path or dict
        A YAML file, the name of a shipped task, or what such a file holds. A counterpart lies beside it or is shipped.
    kind : type
        `Task`, or a class derived from it.

    Raises
    ------
    InputError
        With file, line, field and what was expected.
    """
    path = None if isinstance(name, dict) else find_task(str(name))
    if path is None:
        document = Document(dict(name))  # type: ignore[arg-type]
        task = validate(kind, document.data, document)
    else:
        task, document = _read_task(path, kind)
        if task.name != path.stem:
            message = f"is '{task.name}', but the file is called {path.name}; the two must agree"
            raise document.error(("name",), message)
    if task.interpolation is not None:
        _check_counterpart(task, path, document)
    return task


def _read_task(path: Path, kind: type[T]) -> tuple[T, Document]:
    document = read_document(path)
    task = validate(kind, document.data, document)
    task._file = path
    return task, document


def read_task(path: Path, kind: type[T]) -> T:
    """Return the task that a file holds, whatever the file is called.

    Raises
    ------
    InputError
        With file, line, field and what was expected.
    """
    return _read_task(path, kind)[0]


def counterpart(task: Task, path: Path | None = None) -> Task:
    """Return the interpolation counterpart that a task names.

    Parameters
    ----------
    task : Task
        An extrapolation with a counterpart.
    path : path, optional
        The task's file; a file beside it is taken before a shipped task.

    Raises
    ------
    InputError
        If there is no such task.
    """
    assert task.interpolation is not None
    beside = None if path is None else path.with_name(f"{task.interpolation}.yaml")
    found = beside if beside is not None and beside.is_file() else find_task(task.interpolation)
    return _read_task(found, Task)[0]


def _check_counterpart(task: Task, path: Path | None, document: Document) -> None:
    route = ("interpolation",)
    with document.at(route):
        other = counterpart(task, path)
    for field, ours, theirs in (
        ("kind", "interpolation", other.kind),
        ("dataset", task.dataset, other.dataset),
        ("target", task.target, other.target),
        ("first metric", task.metrics[0], other.metrics[0]),
    ):
        if ours != theirs:
            raise document.error(route, f"the {field} of {other.name} is '{theirs}', but '{ours}' was expected")
