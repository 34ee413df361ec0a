"""A task: what is predicted, on which dataset and split, and how it is scored. Reads only YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from matbench_defects.errors import nearest
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.shipped import find_task
from matbench_defects.spec.document import read_document, validate


class Task(BaseModel):
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
    kind: Literal["interpolation", "extrapolation"]
    """Whether the test part lies within what the training part covers."""
    metrics: Annotated[list[str], Field(min_length=1)]
    """Names of registered metrics; the first one ranks."""
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [0, 1, 2, 3, 4]
    """Each model is fitted once a seed; scores are given as mean and standard deviation over them."""
    baselines: list[str] = []
    """Names of models that the leaderboard marks as baselines."""

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in metrics:
                raise ValueError(f"no metric is called '{name}'; {nearest(name, metrics.names())}")
        return names

    @property
    def dataset_name(self) -> str:
        """Name of the dataset."""
        return self.dataset.partition("@")[0]

    @property
    def dataset_version(self) -> str:
        """Version of the dataset."""
        return self.dataset.partition("@")[2]


def load_task(name: str | Path) -> Task:
    """Load a task.

    Parameters
    ----------
    name : str or path
        A YAML file or the name of a shipped task.

    Raises
    ------
    InputError
        With file, line, field and what was expected.
    """
    path = find_task(str(name))
    document = read_document(path)
    task = validate(Task, document.data, document)
    if task.name != path.stem:
        raise document.error(("name",), f"is '{task.name}', but the file is called {path.name}; the two must agree")
    return task
