"""Folds that each leave one group out: every defect type is tested by models that never saw it."""

from __future__ import annotations

from typing import ClassVar

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.splits.grouping import check_grouping, value_of, values_of
from matbench_defects.dataset.splits.split import Seed, Share, SplitOperator, SplitSettings, held_out, operators
from matbench_defects.errors import InputError

MOST_FOLDS = 200
"""More folds are refused: each is a fit of every model."""


class LeaveOneGroupOutSettings(SplitSettings):
    """Settings of a split that leaves one group out."""

    validation: Share = 0.0
    """Share of the rows of the other groups that is for validation, at random."""
    seed: Seed = 0
    """Seed of that share."""


@operators.register("leave-one-group-out")
class LeaveOneGroupOutSplit(SplitOperator):
    """One fold for each value of a group: its rows are the test part, all others the training part."""

    Settings: ClassVar[type[SplitSettings]] = LeaveOneGroupOutSettings
    needs: ClassVar[str] = "which group after a dot, such as leave-one-group-out.host"
    settings: LeaveOneGroupOutSettings

    def check(self) -> None:
        """Refuse a group that the spaces do not have, or that has one value or very many."""
        check_grouping(self.subject, self.spaces)
        number = len(values_of(self.subject, self.spaces))
        if number < 2:
            raise InputError(f"{self.subject} has one value only; there is nothing left to train on")
        if number > MOST_FOLDS:
            raise InputError(f"{self.subject} has {number} values; use k-fold with `together: {self.subject}`")

    def folds(self) -> list[str]:
        """Return the values of the group."""
        return values_of(self.subject, self.spaces)

    def part(self, row: Configuration, fold: str = "") -> str | None:
        """Return the part of a row."""
        if value_of(self.subject, row) == fold:
            return "test"
        return "validation" if held_out(row.id, self.settings.validation, self.settings.seed) else "train"

    def describe(self) -> str:
        """Return one sentence for the card."""
        text = f"One fold for each {self.subject}, which is left out for testing"
        if self.settings.validation:
            text += f"; {self.settings.validation:.0%} of the other rows for validation (seed {self.settings.seed})"
        return text + "."
