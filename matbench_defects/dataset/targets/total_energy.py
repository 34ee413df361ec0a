"""Total energy by a label, as it is: what orders arrangements of one composition, which need no reference."""

from __future__ import annotations

from typing import ClassVar, Literal

from matbench_defects.columns import Quantity
from matbench_defects.dataset.targets.target import (
    Domain,
    ExtensivePer,
    Labelled,
    TargetQuantity,
    TargetSettings,
    each,
    quantities,
)


class TotalEnergySettings(TargetSettings):
    """Settings of a total energy."""

    unit: Literal["eV"]
    """eV."""
    per: ExtensivePer
    """Per formula unit of the parent, per atom of the configuration, or per supercell."""


@quantities.register("total_energy")
class TotalEnergy(TargetQuantity):
    """Total energy by the label, without a reference; of use where all configurations have one composition."""

    Settings: ClassVar[type[TargetSettings]] = TotalEnergySettings
    settings: TotalEnergySettings

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit and divisor."""
        domain.check_holds("structures")
        return Quantity("eV", self.settings.per.replace("_", " "), description=f"total energy by {self.label}")

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the total energy of each row; None where its label is not usable."""
        return each(labelled.rows, lambda row, outcome: outcome.energy / row.count(self.settings.per))
