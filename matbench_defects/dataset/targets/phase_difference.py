"""Energy difference of two phases at the same content, each by its lowest configuration."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matbench_defects.columns import Quantity
from matbench_defects.dataset.targets.target import (
    Domain,
    Labelled,
    LabelledConfiguration,
    TargetQuantity,
    TargetSettings,
    quantities,
)
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import StrictModel

At = tuple[tuple[tuple[str, str], ...], str]
"""The other groups of a space, and a content."""


class PublishedDifference(StrictModel):
    """A value of the same quantity from elsewhere, for the picture."""

    defects: Annotated[int, Field(ge=0)]
    """How many sites differ from the ideal host."""
    value: float
    """The difference, eV per atom."""
    source: str
    """Where it comes from, and how it was computed."""


class PhaseDifferenceSettings(TargetSettings):
    """Settings of a phase difference."""

    unit: Literal["eV"]
    """eV."""
    per: Literal["atom"] = "atom"
    """Per atom."""
    group: str = "phase"
    """The group of spaces that names the phase; all other groups must agree."""
    phases: tuple[str, str]
    """Two phases: the energy of the first less that of the second."""
    published: list[PublishedDifference] = []
    """Published values of the same difference, drawn beside ours."""


@quantities.register("phase_difference")
class PhaseDifference(TargetQuantity):
    """Energy of one phase less that of another at the same content, each by its lowest configuration."""

    Settings: ClassVar[type[TargetSettings]] = PhaseDifferenceSettings
    settings: PhaseDifferenceSettings

    @property
    def compares_rows(self) -> bool:
        """Each value is that of the lowest rows of two phases."""
        return True

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit, divisor and reference state."""
        group = self.settings.group
        first, second = self.settings.phases
        known = {space.groups[group] for space in domain.spaces.values() if group in space.groups}
        for phase in (first, second):
            if phase not in known:
                raise InputError(f"no space has {group} {phase}; known: {', '.join(sorted(known)) or 'none'}")
        reference = f"{first} less {second}, lowest labelled configuration of each at the same content, by {self.label}"
        return Quantity("eV", "atom", reference, f"energy difference of {first} and {second}")

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the difference at each row's content; None where one of the phases has no usable label there."""
        found = self.differences(labelled)
        return [found.get(self.at(row)) if row.outcome is not None else None for row in labelled.rows]

    def differences(self, labelled: Labelled) -> dict[At, float]:
        """Return the difference, eV per atom, at each content that both phases have."""
        first, second = self.settings.phases
        lowest: dict[str, dict[At, float]] = {first: {}, second: {}}
        for row in labelled.referred:
            phase = row.space.groups.get(self.settings.group)
            if row.outcome is not None and phase in lowest:
                energy, at = row.outcome.energy / len(row.outcome.crystal), self.at(row)
                lowest[phase][at] = min(energy, lowest[phase].get(at, energy))
        both = [at for at in lowest[first] if at in lowest[second]]
        return {at: round(lowest[first][at] - lowest[second][at], 9) + 0.0 for at in both}

    def at(self, row: LabelledConfiguration) -> At:
        """Return what two configurations share that are compared: the other groups and the content."""
        others = tuple(sorted((k, v) for k, v in row.space.groups.items() if k != self.settings.group))
        return others, row.space.content_name(row.content)
