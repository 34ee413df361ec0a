"""Parts at random, by the hash of the id."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.splits.split import SplitRow, SplitSettings, hashed, operators
from matbench_defects.errors import InputError

Share = Annotated[float, Field(ge=0, le=1)]


class RandomSettings(SplitSettings):
    """Settings of a random split."""

    train: Share
    """Expected share of the training part."""
    validation: Share = 0.0
    """Expected share of the validation part."""
    test: Share
    """Expected share of the test part."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the hash."""

    @model_validator(mode="after")
    def _whole(self) -> RandomSettings:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train, validation and test add up to {total:g}, not 1")
        return self


@operators.register("random")
class RandomSplit:
    """Each row goes to a part by the hash of its id, so a dataset that grows never moves a row."""

    Settings: ClassVar[type[SplitSettings]] = RandomSettings

    def __init__(self, settings: Any, subject: str) -> None:
        self.settings: RandomSettings = settings
        self.subject = subject

    def check(self, spaces: dict[str, Space]) -> None:
        """Refuse a subject: there is nothing to choose."""
        if self.subject:
            raise InputError(f"'random' takes nothing after a dot, not '{self.subject}'")

    def part(self, row: SplitRow) -> str | None:
        """Return the part of a row."""
        place = hashed(row.id, self.settings.seed)
        if place < self.settings.train:
            return "train"
        return "validation" if place < self.settings.train + self.settings.validation else "test"

    def describe(self) -> str:
        """Return one sentence for the card."""
        s = self.settings
        return (
            f"At random by the hash of the id (seed {s.seed}): {s.train:.0%} train, {s.validation:.0%} validation, "
            f"{s.test:.0%} test expected."
        )
