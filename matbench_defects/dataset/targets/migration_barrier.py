"""Barrier of a hop, from the energies along its pathway."""

from __future__ import annotations

from typing import ClassVar, Literal

from matbench_defects.columns import Quantity
from matbench_defects.dataset.targets.target import (
    Domain,
    Labelled,
    LabelledConfiguration,
    TargetQuantity,
    TargetSettings,
    each,
    quantities,
)
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Outcome


class MigrationBarrierSettings(TargetSettings):
    """Settings of a migration barrier."""

    unit: Literal["eV"]
    """eV."""
    above: Literal["lower", "higher", "mean"] = "lower"
    """The end point that the barrier refers to. Which end is the first depends on the member of the orbit that was
    labelled, so none of them is called so."""


@quantities.register("migration_barrier")
class MigrationBarrier(TargetQuantity):
    """Highest energy along a pathway above an end point."""

    Settings: ClassVar[type[TargetSettings]] = MigrationBarrierSettings
    settings: MigrationBarrierSettings

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit and reference state."""
        domain.check_holds("pathways")
        end = {
            "lower": "the end point of lower energy",
            "higher": "the end point of higher energy",
            "mean": "the mean of the two end points",
        }[self.settings.above]
        return Quantity("eV", "hop", f"{end}, by {self.label}", "highest energy along the pathway")

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the barrier of each pathway; None where its label is not usable.

        Raises
        ------
        InputError
            If the label is not of pathways.
        """

        def barrier(row: LabelledConfiguration, outcome: Outcome) -> float:
            if outcome.band is None:
                raise InputError(f"the label '{self.label}' holds no energies along a pathway")
            ends = sorted((outcome.band.forward, outcome.band.backward))
            return {"lower": ends[1], "higher": ends[0], "mean": sum(ends) / 2}[self.settings.above]

        return each(labelled.rows, barrier)
