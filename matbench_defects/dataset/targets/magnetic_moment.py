"""Magnetic moment of a configuration, where the engine gives moments."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from matbench_defects.columns import Quantity
from matbench_defects.dataset.targets.target import (
    Domain,
    ExtensivePer,
    Labelled,
    LabelledConfiguration,
    TargetQuantity,
    TargetSettings,
    each,
    quantities,
)
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Outcome


class MagneticMomentSettings(TargetSettings):
    """Settings of a magnetic moment."""

    unit: Literal["μB"]
    """Bohr magnetons."""
    per: ExtensivePer
    """Per formula unit of the parent, per atom of the configuration, or per supercell."""


@quantities.register("magnetic_moment")
class MagneticMoment(TargetQuantity):
    """Sum of the sizes of the atoms' magnetic moments, where the engine gives them."""

    Settings: ClassVar[type[TargetSettings]] = MagneticMomentSettings
    settings: MagneticMomentSettings

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit and divisor."""
        # CHGNet predicts sizes without a sign, so a net moment is not to be had from it.
        what = f"sum of the sizes of the atoms' magnetic moments by {self.label}"
        return Quantity("μB", self.settings.per.replace("_", " "), description=what)

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the moment of each row; None where its label is not usable.

        Raises
        ------
        InputError
            If the engine gives no moments at all.
        """
        usable = with_moments = 0

        def moment(row: LabelledConfiguration, outcome: Outcome) -> float | None:
            nonlocal usable, with_moments
            usable += 1
            if outcome.magnetic_moments is None:
                return None
            with_moments += 1
            return float(np.abs(outcome.magnetic_moments).sum()) / row.count(self.settings.per)

        found = each(labelled.rows, moment)
        if usable and not with_moments:
            raise InputError(f"the label '{self.label}' holds no magnetic moments; its engine gives none")
        return found
