"""What a split operator is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.registry import Registry
from matbench_defects.spec.fields import StrictModel

Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]


class SplitSettings(StrictModel):
    """Settings of a split operator; each adds its own fields. Unknown ones are refused."""


class SplitOperator:
    """Gives each row a part: ``train``, ``validation``, ``test``, or None for a row that the split leaves out.

    A row is a `Configuration`: a split never sees a label. An operator with folds does so once for each of them.

    Parameters
    ----------
    settings : SplitSettings
        Its settings.
    subject : str
        What it acts on: what stands after the dot in the spec.
    spaces : dict of str to Space
        The spaces that rows come from.
    folder : path
        Folder of the spec, from which files are named.

    Raises
    ------
    InputError
        If settings or subject do not suit the spaces.
    """

    Settings: ClassVar[type[SplitSettings]]
    needs: ClassVar[str] = ""
    """What has to stand after the dot, with an example; empty where nothing may."""

    def __init__(self, settings: Any, subject: str, spaces: dict[str, Space], folder: Path = Path()) -> None:
        self.settings = settings
        self.subject = subject
        self.spaces = spaces
        self.folder = folder
        self.check()

    def check(self) -> None:
        """Refuse what the spaces do not have.

        Raises
        ------
        InputError
            Naming the nearest one that they have.
        """

    def folds(self) -> list[str]:
        """Return the name of each fold; nothing for an operator that parts the rows once."""
        return []

    def parts(self, rows: Sequence[Configuration], fold: str = "") -> list[str | None]:
        """Return the part of each row.

        Parameters
        ----------
        rows : sequence of Configuration
            Every row of the dataset.
        fold : str
            Name of a fold; empty for an operator without folds.

        Raises
        ------
        InputError
            If these rows cannot be parted as the settings ask.
        """
        return [self.part(row, fold) for row in rows]

    def part(self, row: Configuration, fold: str = "") -> str | None:
        """Return the part of one row, for an operator to which the other rows do not matter."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return one sentence for the card."""
        raise NotImplementedError


operators: Registry[type[SplitOperator]] = Registry("split", "matbench_defects.dataset.splits")
"""Every registered split operator, by name."""


def hashed(id_: str, seed: int | str) -> float:
    """Return a number in [0, 1) that depends on an id and a seed alone, so growth never moves a row."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{id_}".encode()).digest()[:7], "big") / 2**56


def held_out(name: str, share: float, seed: int) -> bool:
    """Return whether what is not tested goes to the validation part, by another hash than the one that parts rows."""
    return hashed(name, f"validation {seed}") < share
