"""Folds with given numbers of rows by number of defects: a scheme whose numbers are published, but not its lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.contents import defect_count
from matbench_defects.dataset.splits.split import Seed, SplitOperator, SplitSettings, hashed, operators
from matbench_defects.errors import InputError

Defects = Annotated[int, Field(ge=0)]
RowCount = Annotated[int, Field(ge=0)]


class CountsSettings(SplitSettings):
    """Settings of folds with given numbers."""

    test: Annotated[dict[Defects, RowCount | Literal["all"]], Field(min_length=1)]
    """Of each space, how many rows with so many defects are tested, the same in every fold: ``{3: 5, 4: all}``."""
    validation: Annotated[list[dict[Defects, RowCount]], Field(min_length=1)]
    """Of each space, how many rows with so many defects are for validation: one entry for each group of folds. What is
    left is for training."""
    seeds: Annotated[list[Seed], Field(min_length=1)]
    """Each group is drawn once with each of these."""
    seed: Seed = 0
    """Seed of the test part."""


@operators.register("counts")
class CountsSplit(SplitOperator):
    """Rows are drawn by hash, so many of each space and number of defects; one test part, many validation parts."""

    Settings: ClassVar[type[SplitSettings]] = CountsSettings
    settings: CountsSettings

    def check(self) -> None:
        """Refuse seeds that are given twice: their folds would be one and the same."""
        if len(set(self.settings.seeds)) < len(self.settings.seeds):
            raise InputError(f"each seed makes other folds; {self.settings.seeds} has one twice")

    def folds(self) -> list[str]:
        """Return the folds: ``group3-seed0`` is the third entry of `validation`, drawn with seed 0."""
        groups = range(1, len(self.settings.validation) + 1)
        return [f"group{group}-seed{seed}" for group in groups for seed in self.settings.seeds]

    def parts(self, rows: Sequence[Configuration], fold: str = "") -> list[str | None]:
        """Return the part of each row."""
        strata: dict[tuple[str, int], list[str]] = {}
        for row in rows:
            strata.setdefault((row.space.name, defect_count(row.space, row.content)), []).append(row.id)
        group = int(fold.removeprefix("group").partition("-")[0])
        held = self.settings.validation[group - 1]
        parts: dict[str, str] = {}
        for (space, defects), ids in strata.items():
            tested = self.settings.test.get(defects, 0)
            wanted = {"test": len(ids) if tested == "all" else tested, "validation": held.get(defects, 0)}
            if sum(wanted.values()) > len(ids):
                asked = " and ".join(f"{number} for {part}" for part, number in wanted.items())
                raise InputError(f"{space} has {len(ids)} rows with {defects} defects; {fold} asks for {asked}")
            left = sorted(ids, key=lambda name: hashed(name, f"test {self.settings.seed}"))
            parts |= dict.fromkeys(left[: wanted["test"]], "test")
            left = sorted(left[wanted["test"] :], key=lambda name: hashed(name, fold))
            parts |= dict.fromkeys(left[: wanted["validation"]], "validation")
        return [parts.get(row.id, "train") for row in rows]

    def describe(self) -> str:
        """Return one sentence for the card."""
        s = self.settings
        test = ", ".join(f"{number} with {defects}" for defects, number in s.test.items())
        return (
            f"{len(s.validation)} groups of validation counts, each drawn with {len(s.seeds)} seeds; tested in every "
            f"fold, of each space by number of defects: {test} (seed {s.seed}). The members are drawn here."
        )
