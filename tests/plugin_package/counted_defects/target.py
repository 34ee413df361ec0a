"""The energy of the cell as a target."""

from __future__ import annotations

from matbench_defects.columns import Quantity
from matbench_defects.dataset.targets import TargetQuantity, TargetSettings, each, quantities


@quantities.register("cell_energy")
class CellEnergy(TargetQuantity):
    """Total energy of the supercell."""

    Settings = TargetSettings

    def quantity(self, domain):
        """Return unit, divisor and reference state."""
        return Quantity(self.settings.unit, "cell", description=f"total energy by {self.label}")

    def values(self, labelled):
        """Return the energy of each row."""
        return each(labelled.rows, lambda row, outcome: outcome.energy)
