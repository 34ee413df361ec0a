"""What writes configurations for another program: one class a format."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError, nearest
from matbench_defects.registry import Registry
from matbench_defects.spec.fields import StrictModel


@dataclass(frozen=True)
class Exported:
    """One configuration that is written.

    Parameters
    ----------
    id : str
        Its id.
    space : str
        Its space.
    content : str
        Its content, such as ``Li6Va6``.
    multiplicity : int
        How many occupations symmetry makes equal to it.
    crystal : Crystal
        Its atoms, those of one element together.
    """

    id: str
    space: str
    content: str
    multiplicity: int
    crystal: Crystal

    @property
    def facts(self) -> dict[str, str | int]:
        """What a format that keeps more than atoms keeps of it."""
        return {
            "configuration": self.id,
            "space": self.space,
            "content": self.content,
            "multiplicity": self.multiplicity,
        }


class WriterSettings(StrictModel):
    """Settings of a format; each adds its own fields. Unknown ones are refused."""


class Writer(ABC):
    """Writes each configuration as files of its own.

    Parameters
    ----------
    settings : WriterSettings
        Of the class's own `Settings`.
    """

    Settings: ClassVar[type[WriterSettings]] = WriterSettings
    needs: ClassVar[dict[str, str]] = {}
    """How a setting without which nothing is written is given on the command line, by its name."""
    title: ClassVar[str] = ""
    """One line for people."""
    ending: ClassVar[str] = ""
    """What the name of a structure's file ends with where it is the only one; empty where each has a folder."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def files(self, one: Exported) -> dict[str, str]:
        """Return the files of one configuration by name, the structure's first.

        Raises
        ------
        InputError
            If the format cannot hold it, or a setting does not suit it.
        """


class CollectionWriter(ABC):
    """Writes all configurations to one file.

    Parameters
    ----------
    settings : WriterSettings
        Of the class's own `Settings`.
    """

    Settings: ClassVar[type[WriterSettings]] = WriterSettings
    needs: ClassVar[dict[str, str]] = {}
    """How a setting without which nothing is written is given on the command line, by its name."""
    title: ClassVar[str] = ""
    """One line for people."""
    name: ClassVar[str] = ""
    """Name of the file."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @contextlib.contextmanager
    @abstractmethod
    def opened(self, path: Path) -> Iterator[Callable[[Exported], None]]:
        """Give what adds one configuration to a new file."""


writers: Registry[type[Writer] | type[CollectionWriter]] = Registry(
    "export format", "matbench_defects.exchange.writers"
)
"""Every format that configurations are written in, by name."""


def make_writer(name: str, given: dict[str, Any]) -> Writer | CollectionWriter:
    """Return the writer of a format with its settings.

    Raises
    ------
    InputError
        If there is no such format, naming the nearest, or a setting does not suit.
    """
    kind = writers.get(name)
    try:
        return kind(kind.Settings.model_validate(given))
    except ValidationError as error:
        mistake = error.errors()[0]
        field = ".".join(map(str, mistake["loc"]))
        message = mistake["msg"].removeprefix("Value error, ")
        if mistake["type"] == "extra_forbidden":
            message = f"'{name}' has no such setting; {nearest(field, kind.Settings.model_fields)}"
        elif mistake["type"] == "missing":
            message = f"'{name}' needs this setting, such as {kind.needs.get(field, f'--set {field}=VALUE')}"
        raise InputError(message, field=field) from None


def grouped(crystal: Crystal) -> Crystal:
    """Return a crystal with the atoms of one element together, elements in the order in which they first appear.

    Within an element those of one oxidation state stand together. Files of potentials, such as VASP's POTCAR, list each
    element once.
    """
    order = {element: place for place, element in enumerate(dict.fromkeys(crystal.species))}
    keys = [order[element] for element in crystal.species]
    states, moments = crystal.oxidation_states, crystal.starting_moments
    if states is None:
        places = np.argsort(keys, kind="stable")
    else:
        named = {species: place for place, species in enumerate(dict.fromkeys(crystal.named_species))}
        places = np.lexsort([[named[species] for species in crystal.named_species], keys])
    return Crystal(
        crystal.lattice,
        tuple(crystal.species[i] for i in places),
        crystal.positions[places],
        None if crystal.fixed is None else crystal.fixed[places],
        None if states is None else tuple(states[i] for i in places),
        None if moments is None else moments[places],
    )


def rows_of(vectors: NDArray[np.floating[Any]]) -> list[str]:
    """Return vectors as text, a row each with twelve decimals; formatted at once, for there may be many."""
    text = "%.12f %.12f %.12f\n" * len(vectors)
    return (text % tuple(vectors.ravel().tolist())).splitlines()
