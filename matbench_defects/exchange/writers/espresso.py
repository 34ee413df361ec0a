"""Inputs of Quantum ESPRESSO's pw.x, written by ASE."""

from __future__ import annotations

import io
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.exchange.writers.settings_of_programs import FileName, KSpacing, Options
from matbench_defects.exchange.writers.writer import Exported, Writer, WriterSettings, writers


class EspressoSettings(WriterSettings):
    """Settings of pw.x inputs."""

    pseudopotentials: dict[str, FileName]
    """File of the pseudopotential of each element."""
    input: Options = {}
    """Name lists as ASE takes them, such as ``{control: {calculation: relax}, system: {ecutwfc: 60}}``."""
    valences: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Valence electrons of each pseudopotential, for starting moments: ``starting_magnetization`` is then the share of
    them, which every pw.x takes. Without them it is the moment in Bohr magnetons, as pw.x takes it from version 7.3 on
    where it is at least one; smaller moments are refused, since pw.x would take them for shares."""
    kspacing: KSpacing | None = None
    """Spacing of k-points, 1/Å, 2π included; only Γ where left out."""


@writers.register("espresso")
class EspressoWriter(Writer):
    """Inputs of pw.x."""

    Settings: ClassVar[type[WriterSettings]] = EspressoSettings
    needs: ClassVar[dict[str, str]] = {"pseudopotentials": "--set 'pseudopotentials={Li: li.upf, O: o.upf}'"}
    title: ClassVar[str] = "Quantum ESPRESSO, an input of pw.x"

    def files(self, one: Exported) -> dict[str, str]:
        """Return the one input."""
        from ase.io.espresso import write_espresso_in

        settings = self.settings
        if lacking := sorted(set(one.crystal.species) - set(settings.pseudopotentials)):
            raise InputError(f"gives no pseudopotential of {', '.join(lacking)}", field="pseudopotentials")
        stream = io.StringIO()
        atoms = one.crystal.to_ase()
        if one.crystal.starting_moments is not None:
            atoms.set_initial_magnetic_moments(self._magnetizations(one.crystal, one.crystal.starting_moments))
        try:
            write_espresso_in(
                stream,
                atoms,
                input_data=settings.input,
                pseudopotentials=settings.pseudopotentials,
                kspacing=settings.kspacing,
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"ASE makes no input of {one.id}: {error!s:.300}", field="input") from None
        return {"espresso.pwi": stream.getvalue()}

    def _magnetizations(self, crystal: Crystal, moments: NDArray[np.float64]) -> list[float]:
        """Return what ``starting_magnetization`` is for each atom."""
        valences = self.settings.valences
        found = []
        for element, moment in zip(crystal.species, moments.tolist(), strict=True):
            if valences:
                if moment and element not in valences:
                    raise InputError(f"gives no valence electrons of {element}, which has a moment", field="valences")
                share = moment / valences[element] if moment else 0.0
                if abs(share) > 1:
                    raise InputError(
                        f"{moment:g} μB of {element} are more than {valences[element]:g} electrons have",
                        field="valences",
                    )
                found.append(share)
            elif 0 < abs(moment) < 1:
                raise InputError(
                    f"pw.x takes the {moment:g} μB of {element} for a share of the valence electrons; give these of "
                    f"each pseudopotential, such as {{{element}: 18}}",
                    field="valences",
                )
            else:
                found.append(moment)
        return found
