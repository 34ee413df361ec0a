"""What a split operator is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from matbench_defects.crystal.space import Content, Space
from matbench_defects.errors import InputError, nearest
from matbench_defects.registry import Registry
from matbench_defects.spec.document import validate
from matbench_defects.spec.fields import Model
from matbench_defects.spec.models import Spec


class SplitSettings(Model):
    """Settings of a split operator; each adds its own fields. Unknown ones are refused."""


@dataclass(frozen=True)
class SplitRow:
    """What a split may look at: never a label.

    Parameters
    ----------
    id : str
        The configuration.
    space : Space
        Its space.
    content : tuple of tuple of int
        Its content.
    """

    id: str
    space: Space
    content: Content


class SplitOperator(Protocol):
    """Gives each row a part."""

    Settings: ClassVar[type[SplitSettings]]

    def __init__(self, settings: Any, subject: str) -> None: ...

    def check(self, spaces: dict[str, Space]) -> None:
        """Refuse a subject that the spaces do not have.

        Raises
        ------
        InputError
            Naming the nearest one that they have.
        """
        ...

    def part(self, row: SplitRow) -> str | None:
        """Return ``train``, ``validation``, ``test``, or None for a row that the split leaves out."""
        ...

    def describe(self) -> str:
        """Return one sentence for the card."""
        ...


operators: Registry[type[SplitOperator]] = Registry("split", "matbench_defects.dataset.splits")
"""Every registered split operator, by name."""


def hashed(id_: str, seed: int) -> float:
    """Return a number in [0, 1) that depends on an id and a seed alone, so growth never moves a row."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{id_}".encode()).digest()[:7], "big") / 2**56


def splits_of(spec: Spec, spaces: dict[str, Space]) -> dict[str, SplitOperator]:
    """Return the splits of a spec, checked against its spaces.

    Raises
    ------
    InputError
        Naming file and line, if an operator is not known or a setting does not suit it.
    """
    result = {}
    for name, split in spec.splits.items():
        route = ("splits", name)
        kind, _, subject = split.by.partition(".")
        if kind not in operators:
            raise spec.error((*route, "by"), f"no split is called '{kind}'; {nearest(kind, operators.names())}")
        settings = validate(operators.get(kind).Settings, split.options, spec.document, route)
        operator = operators.get(kind)(settings, subject)
        try:
            operator.check(spaces)
        except InputError as error:
            raise spec.error((*route, "by"), error.message) from None
        result[name] = operator
    return result
