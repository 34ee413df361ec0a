"""Average voltage between a configuration and an end member, against the metal of the working ion."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar, Literal

from matbench_defects.columns import Quantity
from matbench_defects.dataset.targets.end_members import end_member_formula, lowest_of_spaces
from matbench_defects.dataset.targets.target import (
    Domain,
    EndMember,
    Labelled,
    LabelledConfiguration,
    TargetQuantity,
    TargetSettings,
    each,
    quantities,
)
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Outcome
from matbench_defects.spec.fields import PlainSpecies


class AverageVoltageSettings(TargetSettings):
    """Settings of an average voltage."""

    unit: Literal["V"]
    """V."""
    ion: PlainSpecies
    """The working ion, of charge one."""
    metal: str | None = None
    """The reference phase that is its metal; left out, the one that bears the ion's name."""
    end_member: EndMember
    """The other end of the charge or discharge, such as the full host ``{Li: 12}``; the lowest of its content."""


@quantities.register("average_voltage")
class AverageVoltage(TargetQuantity):
    """Average voltage between a configuration and an end member, against the ion's metal."""

    Settings: ClassVar[type[TargetSettings]] = AverageVoltageSettings
    settings: AverageVoltageSettings

    @property
    def metal(self) -> str:
        """Name of the reference phase that is the ion's metal."""
        return self.settings.metal or self.settings.ion

    @property
    def refers_to(self) -> list[EndMember]:
        """The other end of the charge or discharge."""
        return [self.settings.end_member]

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit and reference state."""
        ion = self.settings.ion
        phase = domain.phase(self.metal)
        if set(phase.elements) != {ion}:
            raise InputError(f"the reference phase {self.metal} holds {phase.formula}, not the metal of {ion}")
        end = end_member_formula(domain, self.settings.end_member)
        reference = f"{ion} metal, between the configuration and {end}, lowest of its content, by {self.label}"
        return Quantity("V", "", reference, "average voltage")

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the voltage of each row; None where its label is not usable or it holds as many ions as the end."""
        found = labelled.phase(self.metal)
        metal = found.energy / len(found.crystal)
        wanted, ion = self.settings.end_member, self.settings.ion
        ends = lowest_of_spaces(labelled, wanted, self.label)

        def voltage(row: LabelledConfiguration, outcome: Outcome) -> float | None:
            end = ends[row.space.name]
            cells = end.cells_in(row.space)
            atoms, full = Counter(outcome.crystal.species), Counter(end.outcome.crystal.species)
            moved = round(full[ion] * cells - atoms[ion], 9)
            # Energies stand for free energies (Aydinol et al., Phys. Rev. B 56, 1354 (1997)).
            return None if moved == 0 else -(end.outcome.energy * cells - outcome.energy - moved * metal) / moved

        return each(labelled.rows, voltage)
