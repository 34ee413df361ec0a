"""Volume of a relaxed cell, or its change against an end member."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from matbench_defects.columns import Quantity
from matbench_defects.dataset.targets.end_members import end_member_formula, relative_changes
from matbench_defects.dataset.targets.target import (
    Domain,
    EndMember,
    Labelled,
    TargetQuantity,
    TargetSettings,
    each,
    quantities,
)


class VolumeSettings(TargetSettings):
    """Settings of a volume."""

    unit: Literal["Å³", "%"]
    """Å³, or % for the relative change against an end member."""
    per: Literal["formula_unit", "cell"] | None = None
    """Per formula unit of the parent, or per supercell; left out with %."""
    relative_to: EndMember | None = None
    """The end member of the same space that a change refers to, the lowest of its content: ``{Li: 12}`` or ``host``."""

    @model_validator(mode="after")
    def _suits(self) -> VolumeSettings:
        if (self.unit == "%") != (self.relative_to is not None) or (self.unit == "%") == (self.per is not None):
            raise ValueError("give unit Å³ with `per`, or unit % with `relative_to`")
        return self


@quantities.register("volume")
class Volume(TargetQuantity):
    """Volume of the relaxed cell, per formula unit or as a change against an end member."""

    needs_relaxation: ClassVar[bool] = True
    Settings: ClassVar[type[TargetSettings]] = VolumeSettings
    settings: VolumeSettings

    @property
    def refers_to(self) -> list[EndMember]:
        """The end member that a change refers to."""
        return [] if self.settings.relative_to is None else [self.settings.relative_to]

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit, divisor and reference state."""
        if self.settings.relative_to is None:
            assert self.settings.per is not None
            per = self.settings.per.replace("_", " ")
            return Quantity("Å³", per, description=f"volume of the cell by {self.label}")
        reference = f"{end_member_formula(domain, self.settings.relative_to)}, lowest of its content, by {self.label}"
        return Quantity("%", "", reference, "change of the volume")

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the volume, or its change, of each row; None where its label is not usable."""
        wanted, per = self.settings.relative_to, self.settings.per
        if wanted is None:
            assert per is not None
            return each(labelled.rows, lambda row, outcome: outcome.crystal.volume / row.count(per))
        return relative_changes(labelled, wanted, self.label, lambda space, crystal: crystal.volume, extensive=True)
