"""Folds that test every row once."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.splits.grouping import check_grouping, value_of, values_of
from matbench_defects.dataset.splits.split import Seed, Share, SplitOperator, SplitSettings, hashed, held_out, operators
from matbench_defects.errors import InputError


class KFoldSettings(SplitSettings):
    """Settings of k folds."""

    folds: Annotated[int, Field(ge=2, le=100)]
    """How many folds."""
    together: str | None = None
    """A group such as ``pattern.Ni``: rows that share its value stay in one part. Its values are dealt out in the order
    of their hashes, so that folds differ by one value at most."""
    validation: Share = 0.0
    """Share of the rows that a fold does not test, or of the group's values, that is for validation, at random."""
    seed: Seed = 0
    """Seed of the hashes."""


@operators.register("k-fold")
class KFoldSplit(SplitOperator):
    """Each row is tested in one of k folds, by the hash of its id or of the group that it belongs to."""

    Settings: ClassVar[type[SplitSettings]] = KFoldSettings
    settings: KFoldSettings

    def check(self) -> None:
        """Refuse a group that the spaces do not have, or that has fewer values than there are folds."""
        self._dealt: dict[str, int] = {}
        s = self.settings
        if s.together is not None:
            check_grouping(s.together, self.spaces)
            values = sorted(values_of(s.together, self.spaces), key=lambda value: (hashed(value, s.seed), value))
            if len(values) < s.folds:
                raise InputError(f"{s.together} has {len(values)} values, which do not make {s.folds} folds")
            self._dealt = {value: i % s.folds for i, value in enumerate(values)}

    def folds(self) -> list[str]:
        """Return the numbers of the folds, from one."""
        return [str(i + 1) for i in range(self.settings.folds)]

    def part(self, row: Configuration, fold: str = "") -> str | None:
        """Return the part of a row."""
        s = self.settings
        name = row.id if s.together is None else value_of(s.together, row)
        tested = self._dealt[name] if s.together is not None else int(hashed(name, s.seed) * s.folds)
        if str(tested + 1) == fold:
            return "test"
        return "validation" if held_out(name, s.validation, s.seed) else "train"

    def describe(self) -> str:
        """Return one sentence for the card."""
        s = self.settings
        of = "by the hash of the id" if s.together is None else f"each {s.together} in one of them"
        text = f"{s.folds} folds, {of} (seed {s.seed})"
        if s.validation:
            text += f"; {s.validation:.0%} of what a fold does not test for validation"
        return text + "."
