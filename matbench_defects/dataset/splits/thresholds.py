"""Conditions on a number, and the splits that part rows by one."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.splits.split import SplitOperator, SplitSettings
from matbench_defects.errors import InputError

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_NUMBER = r"\d+(?:\.\d+)?"
_PATTERN = re.compile(rf"\s*(?:(<=|>=|==|<|>)?\s*({_NUMBER})|({_NUMBER})\s*\.\.\s*({_NUMBER}))\s*")


def _check(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise ValueError(f"a condition such as '>= 6', '< 6', '6' or '3..5' was expected, not {text!r}")
    return text


Condition = Annotated[str, BeforeValidator(lambda v: str(v) if type(v) in (int, float) else v), AfterValidator(_check)]


def holds(condition: str, number: float) -> bool:
    """Return whether a number meets a condition such as ``>= 6`` or ``3..5``."""
    match = _PATTERN.fullmatch(condition)
    assert match is not None
    if match[3] is not None:
        return float(match[3]) <= number <= float(match[4])
    return _COMPARISONS[match[1] or "=="](number, float(match[2]))


class ThresholdSettings(SplitSettings):
    """Settings of a split by a number."""

    train: Condition
    """Condition of the training part, such as ``">= 6"``."""
    validation: Condition | None = None
    """Condition of the validation part, if there is one."""
    test: Condition
    """Condition of the test part."""


class ThresholdSplit(SplitOperator):
    """Rows are parted by a number; rows that meet no condition are left out."""

    Settings: ClassVar[type[SplitSettings]] = ThresholdSettings
    settings: ThresholdSettings

    def number(self, row: Configuration) -> float:
        """Return the number of a row."""
        raise NotImplementedError

    def possible(self) -> Iterable[float]:
        """Return every number that a row of the spaces may have."""
        raise NotImplementedError

    def what(self) -> str:
        """Return what the number is, for messages: ``Li``."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse conditions that overlap."""
        for number in self.possible():
            met = [part for part, condition in self._conditions().items() if holds(condition, number)]
            if len(met) > 1:
                raise InputError(f"{number:g} {self.what()} would be in {' and in '.join(met)}")

    def part(self, row: Configuration, fold: str = "") -> str | None:
        """Return the part of a row."""
        number = self.number(row)
        return next((part for part, condition in self._conditions().items() if holds(condition, number)), None)

    def describe(self) -> str:
        """Return one sentence for the card."""
        parts = ", ".join(f"{part} {condition}" for part, condition in self._conditions().items())
        return f"By the number of {self.what()}: {parts}."

    def _conditions(self) -> dict[str, str]:
        return {name: c for name, c in self.settings.model_dump().items() if c is not None}
