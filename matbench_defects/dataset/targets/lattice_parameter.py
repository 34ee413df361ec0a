"""Length of one of the parent's axes in a relaxed cell, or its change against an end member."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from matbench_defects.columns import Quantity
from matbench_defects.crystal.axes import axis_lengths, equivalent_axes
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
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


class LatticeParameterSettings(TargetSettings):
    """Settings of a lattice parameter."""

    axis: Literal["a", "b", "c"]
    """Which of the parent's axes."""
    unit: Literal["Å", "%"]
    """Å, or % for the relative change against an end member."""
    relative_to: EndMember | None = None
    """The end member of the same space that a change refers to, the lowest of its content: ``{Li: 12}`` or ``host``."""

    @model_validator(mode="after")
    def _suits(self) -> LatticeParameterSettings:
        if (self.unit == "%") != (self.relative_to is not None):
            raise ValueError("`relative_to` goes with unit %, and only with it")
        return self


@quantities.register("lattice_parameter")
class LatticeParameter(TargetQuantity):
    """Length of one of the parent's axes, mean of those that its symmetry makes equivalent, or its change."""

    needs_relaxation: ClassVar[bool] = True
    Settings: ClassVar[type[TargetSettings]] = LatticeParameterSettings
    settings: LatticeParameterSettings

    @property
    def refers_to(self) -> list[EndMember]:
        """The end member that a change refers to."""
        return [] if self.settings.relative_to is None else [self.settings.relative_to]

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit and reference state."""
        axis = self.settings.axis
        several = any(len(equivalent_axes(space, "abc".index(axis))) > 1 for space in domain.spaces.values())
        what = f"length of the parent's {axis} axis" + (", mean of equivalent ones" if several else "")
        if self.settings.relative_to is None:
            return Quantity("Å", description=f"{what}, by {self.label}")
        reference = f"{end_member_formula(domain, self.settings.relative_to)}, lowest of its content, by {self.label}"
        return Quantity("%", "", reference, f"change of the {what}")

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the length, or its change, of each row; None where its label is not usable."""
        wanted = self.settings.relative_to
        if wanted is None:
            return each(labelled.rows, lambda row, outcome: self.length(row.space, outcome.crystal))
        return relative_changes(labelled, wanted, self.label, self.length, extensive=False)

    def length(self, space: Space, crystal: Crystal) -> float:
        """Return the length of the axis in a relaxed supercell, Å."""
        return float(axis_lengths(space, crystal.lattice, "abc".index(self.settings.axis)).mean())
