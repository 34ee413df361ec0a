"""Inputs of Quantum ESPRESSO's pw.x, written by ASE."""

from __future__ import annotations

import io
from typing import Any, ClassVar

from matbench_defects.errors import InputError
from matbench_defects.exchange.writers.writer import Exported, Writer, WriterSettings, writers


class EspressoSettings(WriterSettings):
    """Settings of pw.x inputs."""

    pseudopotentials: dict[str, str]
    """File of the pseudopotential of each element."""
    input: dict[str, Any] = {}
    """Name lists as ASE takes them, such as ``{control: {calculation: relax}, system: {ecutwfc: 60}}``."""
    kspacing: float | None = None
    """Spacing of k-points, 1/Å, 2π included; only Γ where left out."""


@writers.register("espresso")
class EspressoWriter(Writer):
    """Inputs of pw.x."""

    Settings: ClassVar[type[WriterSettings]] = EspressoSettings
    title: ClassVar[str] = "Quantum ESPRESSO, an input of pw.x"

    def files(self, one: Exported) -> dict[str, str]:
        """Return the one input."""
        from ase.io.espresso import write_espresso_in

        settings = self.settings
        if lacking := sorted(set(one.crystal.species) - set(settings.pseudopotentials)):
            raise InputError(f"gives no pseudopotential of {', '.join(lacking)}", field="pseudopotentials")
        stream = io.StringIO()
        try:
            write_espresso_in(
                stream,
                one.crystal.to_ase(),
                input_data=settings.input,
                pseudopotentials=settings.pseudopotentials,
                kspacing=settings.kspacing,
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"ASE makes no input of {one.id}: {error!s:.300}", field="input") from None
        return {"espresso.pwi": stream.getvalue()}
