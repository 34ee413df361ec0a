"""Parts by group: train on some hosts, test on others."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.splits.grouping import check_grouping, value_of, values_of
from matbench_defects.dataset.splits.split import Seed, Share, SplitOperator, SplitSettings, held_out, operators
from matbench_defects.errors import InputError, nearest

Values = Annotated[list[str], Field(min_length=1)]


class GroupSettings(SplitSettings):
    """Settings of a split by group."""

    train: Values
    """Values of the training part, such as ``[MoS2]``."""
    validation: Values | Share = 0.0
    """Values of the validation part; or the share of the training part's rows that goes there at random."""
    test: Values
    """Values of the test part."""
    seed: Seed = 0
    """Seed of that share."""


@operators.register("group")
class GroupSplit(SplitOperator):
    """Rows are parted by what they belong to, such as a host; rows with other values are left out."""

    Settings: ClassVar[type[SplitSettings]] = GroupSettings
    needs: ClassVar[str] = "which group after a dot, such as group.host"
    settings: GroupSettings

    def check(self) -> None:
        """Refuse a group or a value that the spaces do not have, and a value in two parts."""
        check_grouping(self.subject, self.spaces)
        known = values_of(self.subject, self.spaces)
        seen: dict[str, str] = {}
        for part, values in self._listed().items():
            for value in values:
                if value not in known:
                    raise InputError(f"no {self.subject} is called '{value}'; {nearest(value, known)}")
                if value in seen:
                    raise InputError(f"'{value}' would be in {seen[value]} and in {part}")
                seen[value] = part

    def part(self, row: Configuration, fold: str = "") -> str | None:
        """Return the part of a row."""
        value = value_of(self.subject, row)
        found = next((part for part, values in self._listed().items() if value in values), None)
        share = self.settings.validation
        if found == "train" and isinstance(share, float) and held_out(row.id, share, self.settings.seed):
            return "validation"
        return found

    def describe(self) -> str:
        """Return one sentence for the card."""
        text = f"By {self.subject}: " + ", ".join(f"{p} {' and '.join(v)}" for p, v in self._listed().items())
        share = self.settings.validation
        if isinstance(share, float) and share:
            text += f", {share:.0%} of the training rows for validation (seed {self.settings.seed})"
        return text + "."

    def _listed(self) -> dict[str, list[str]]:
        s = self.settings
        listed = {"train": s.train, "test": s.test}
        return listed if isinstance(s.validation, float) else listed | {"validation": s.validation}
