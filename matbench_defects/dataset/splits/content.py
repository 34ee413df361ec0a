"""Parts by content: train where there is much of a species, test where there is little."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.splits.split import SplitRow, SplitSettings, operators
from matbench_defects.errors import InputError

_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_PATTERN = re.compile(r"\s*(?:(<=|>=|==|<|>)?\s*(\d+)|(\d+)\s*\.\.\s*(\d+))\s*")


def _check(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise ValueError(f"a condition such as '>= 6', '< 6', '6' or '3..5' was expected, not {text!r}")
    return text


Condition = Annotated[str, BeforeValidator(lambda v: str(v) if type(v) is int else v), AfterValidator(_check)]


def holds(condition: str, number: int) -> bool:
    """Return whether a number meets a condition such as ``>= 6`` or ``3..5``."""
    match = _PATTERN.fullmatch(condition)
    assert match is not None
    if match[3] is not None:
        return int(match[3]) <= number <= int(match[4])
    return _COMPARISONS[match[1] or "=="](number, int(match[2]))


class ContentSettings(SplitSettings):
    """Settings of a split by content."""

    train: Condition
    """Condition on the number of sites, such as ``">= 6"``."""
    validation: Condition | None = None
    """Condition of the validation part, if there is one."""
    test: Condition
    """Condition of the test part."""


@operators.register("content")
class ContentSplit:
    """Rows are parted by how many sites a species takes; rows that meet no condition are left out."""

    Settings: ClassVar[type[SplitSettings]] = ContentSettings

    def __init__(self, settings: Any, subject: str) -> None:
        self.settings: ContentSettings = settings
        self.subject = subject

    def _conditions(self) -> dict[str, str]:
        return {name: c for name, c in self.settings.model_dump().items() if c is not None}

    def check(self, spaces: dict[str, Space]) -> None:
        """Refuse a species that a space does not have, and conditions that overlap."""
        if not self.subject:
            raise InputError("say which species after a dot, such as content.Li")
        for space in spaces.values():
            for content in space.contents():
                number = space.count(content, self.subject)
                met = [part for part, condition in self._conditions().items() if holds(condition, number)]
                if len(met) > 1:
                    raise InputError(f"{number} {self.subject} would be in {' and in '.join(met)}")

    def part(self, row: SplitRow) -> str | None:
        """Return the part of a row."""
        number = row.space.count(row.content, self.subject)
        return next((part for part, condition in self._conditions().items() if holds(condition, number)), None)

    def describe(self) -> str:
        """Return one sentence for the card."""
        parts = ", ".join(f"{part} {condition}" for part, condition in self._conditions().items())
        return f"By the number of {self.subject}: {parts}."
