"""Parts at random, by the hash of the id."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.splits.grouping import check_grouping, value_of
from matbench_defects.dataset.splits.split import Seed, Share, SplitOperator, SplitSettings, hashed, operators


class RandomSettings(SplitSettings):
    """Settings of a random split."""

    train: Share
    """Expected share of the training part."""
    validation: Share = 0.0
    """Expected share of the validation part."""
    test: Share
    """Expected share of the test part."""
    seed: Seed = 0
    """Seed of the hash."""
    together: str | None = None
    """A group such as ``pattern.Ni``: rows that share its value stay in one part."""

    @model_validator(mode="after")
    def _whole(self) -> RandomSettings:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train, validation and test add up to {total:g}, not 1")
        return self


@operators.register("random")
class RandomSplit(SplitOperator):
    """Each row goes to a part by the hash of its id, so a dataset that grows never moves a row."""

    Settings: ClassVar[type[SplitSettings]] = RandomSettings
    settings: RandomSettings

    def check(self) -> None:
        """Refuse a group that the spaces do not have."""
        if self.settings.together is not None:
            check_grouping(self.settings.together, self.spaces)

    def part(self, row: Configuration, fold: str = "") -> str | None:
        """Return the part of a row."""
        together = self.settings.together
        place = hashed(row.id if together is None else value_of(together, row), self.settings.seed)
        if place < self.settings.train:
            return "train"
        return "validation" if place < self.settings.train + self.settings.validation else "test"

    def describe(self) -> str:
        """Return one sentence for the card."""
        s = self.settings
        of = "the id" if s.together is None else f"its {s.together}"
        return (
            f"At random by the hash of {of} (seed {s.seed}): {s.train:.0%} train, {s.validation:.0%} validation, "
            f"{s.test:.0%} test expected."
        )
