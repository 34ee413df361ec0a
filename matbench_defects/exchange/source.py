"""What a published set is: structures with labels, as one format gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import ValidationError

from matbench_defects.columns import Quantity
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError, nearest
from matbench_defects.registry import Registry
from matbench_defects.spec.fields import StrictModel

NOT_STATED = "not stated"
"""What stands where neither the user nor the format says where labels come from."""
TOTAL_ENERGY = Quantity("eV", "cell", description="total energy")
"""What a column called ``energy`` holds."""


class SourceSettings(StrictModel):
    """Where published labels come from; each format adds its own fields. Unknown ones are refused."""

    level_of_theory: str = NOT_STATED
    """What computed the labels: functional, corrections, code."""
    source: str = NOT_STATED
    """Who published them: a DOI, or the name of a repository."""
    license: str = NOT_STATED
    """Under which licence (SPDX)."""


@dataclass(frozen=True)
class PublishedStructure:
    """One structure of a published set, with its labels.

    Parameters
    ----------
    name : str
        What the set calls it.
    crystal : Crystal or None
        The structure; None where it cannot be read.
    values : dict of str to (float or None)
        Its labels by column; None where one is missing.
    space : str
        Name of the only space that it can belong to; empty where any may hold it.
    content : str
        What the set calls its content, such as a defect type; empty where it does not say.
    problem : str
        Why it cannot be used; empty where it can.
    note : str
        What a reader must know of it; empty where there is nothing.
    id : str
        The configuration that the set says it is; empty where it does not say.
    """

    name: str
    crystal: Crystal | None
    values: dict[str, float | None]
    space: str = ""
    content: str = ""
    problem: str = ""
    note: str = ""
    id: str = ""


@dataclass(frozen=True)
class Published:
    """A published set as it is read.

    Parameters
    ----------
    quantities : dict of str to Quantity
        What each column of labels holds.
    count : int
        How many structures there are.
    structures : iterator of PublishedStructure
        The structures, read one by one.
    level_of_theory : str
        What computed the labels, as the files themselves say; empty where they do not.
    """

    quantities: dict[str, Quantity]
    count: int
    structures: Iterator[PublishedStructure] = field(repr=False)
    level_of_theory: str = ""


class Format(Protocol):
    """Reads the published sets of one format."""

    Settings: ClassVar[type[SourceSettings]]
    title: ClassVar[str]
    """One line for people."""
    spec: ClassVar[str | None]
    """The shipped spec whose configurations such sets hold; None where it serves any spec."""

    def __init__(self, settings: Any) -> None: ...

    def read(self, path: Path) -> Published:
        """Return what a file or folder holds.

        Raises
        ------
        InputError
            Naming the file, if it is not of this format, cut short or unsafe.
        """
        ...


formats: Registry[type[Format]] = Registry("format", "matbench_defects.exchange.formats")
"""Every registered format, by name."""


def format_settings(format_: str, given: dict[str, Any]) -> SourceSettings:
    """Return the settings of a format.

    Raises
    ------
    InputError
        Naming the first setting that does not suit.
    """
    model = formats.get(format_).Settings
    try:
        return model.model_validate(given)
    except ValidationError as error:
        mistake = error.errors()[0]
        name = ".".join(map(str, mistake["loc"]))
        if mistake["type"] == "extra_forbidden":
            message = f"'{format_}' has no such setting; {nearest(name, model.model_fields)}"
        elif mistake["type"] == "missing":
            message = f"'{format_}' needs this setting: --set {name}=VALUE"
        else:
            message = mistake["msg"].removeprefix("Value error, ")
        raise InputError(message, field=name) from None
