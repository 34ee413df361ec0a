"""Formation energy of charged defects at a Fermi level, and over the whole gap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import model_validator

from matbench_defects.columns import Quantity
from matbench_defects.dataset.charge_transitions import formation_energy_at
from matbench_defects.dataset.targets.defect_formation_energy import (
    DefectFormationEnergy,
    energy_of_defects,
    per_atom,
)
from matbench_defects.dataset.targets.end_members import by_space
from matbench_defects.dataset.targets.target import (
    Domain,
    Labelled,
    LabelledConfiguration,
    TargetSettings,
    quantities,
)
from matbench_defects.errors import InputError, nearest

BandEdge = float | dict[str, float]


class ChargedDefectFormationEnergySettings(TargetSettings):
    """Settings of a formation energy of charged defects."""

    unit: Literal["eV"]
    """eV."""
    per: Literal["cell"] = "cell"
    """Per supercell: the charge is that of the whole cell."""
    host: str | dict[str, float]
    """The ideal host, neutral: the name of a reference phase, ``groups.NAME`` where that group of each space names its
    reference phase, or the energy of the ideal supercell of each space, eV."""
    chemical_potentials: dict[str, float] | None = None
    """Chemical potential of each element, eV per atom; left out, the energy per atom of the reference phase that bears
    the element's name."""
    valence_band_maximum: BandEdge | None = None
    """Energy of the host's valence-band maximum, eV, on the scale of the energies; of each space where they differ.
    Electrons that are taken out go to it and the Fermi level above it."""
    band_gap: BandEdge | None = None
    """The host's band gap, eV; of each space where they differ."""
    fermi_level: float = 0.0
    """Fermi level at which the values are, eV above the valence-band maximum."""
    source: str | None = None
    """Where these numbers come from."""

    @model_validator(mode="after")
    def _complete(self) -> ChargedDefectFormationEnergySettings:
        for field, why in (
            (
                "valence_band_maximum",
                "a charged cell has given its electrons to the Fermi level, which is counted from it",
            ),
            ("band_gap", "the Fermi level lies between the band edges"),
            ("source", "say where the valence-band maximum and the band gap come from"),
        ):
            if getattr(self, field) is None:
                raise ValueError(f"`{field}` is missing: {why}")
        for gap in self.band_gap.values() if isinstance(self.band_gap, dict) else [self.band_gap]:
            if gap is None or gap <= 0:
                raise ValueError(f"a band gap of {gap} eV is none; a metal has no charge states")
            if not 0 <= self.fermi_level <= gap:
                raise ValueError(f"`fermi_level` {self.fermi_level:g} eV is not within the gap, 0 to {gap:g} eV")
        return self


class ChargedRow(NamedTuple):
    """A configuration with its charge states."""

    row: LabelledConfiguration
    """The configuration."""
    lines: dict[int, float]
    """Formation energy of each charge state with the Fermi level at the valence-band maximum, eV per cell."""
    band_gap: float
    """The host's gap, eV."""


@quantities.register("charged_defect_formation_energy")
class ChargedDefectFormationEnergy(DefectFormationEnergy):
    """Formation energy of the defects of a cell in the charge state that is stable at a Fermi level.

    It needs a label with `charge_states`. E_f = E_q - E_host - sum n mu + q (E_VBM + E_Fermi) + E_corr, the lowest of
    the charges; finite-size corrections are part of the label's energies. A row that lacks one of the charge states has
    no value, nor has the ideal host.
    """

    Settings: ClassVar[type[TargetSettings]] = ChargedDefectFormationEnergySettings
    settings: ChargedDefectFormationEnergySettings  # type: ignore[assignment]

    def __init__(self, settings: Any, label: str) -> None:
        super().__init__(settings, label)
        self._states: dict[int, str] = {}

    @property
    def charged_labels(self) -> list[str]:
        """Names of the labels of charged cells."""
        return [name for charge, name in self._states.items() if charge]

    @property
    def given_references(self) -> bool:
        """Whether energies that the values refer to are numbers in the spec: the valence-band maximum always is."""
        return True

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit, divisor and reference state."""
        self._states = domain.charge_states.get(self.label, {})
        if len(self._states) < 2:
            several = [name for name, states in domain.charge_states.items() if len(states) > 1]
            hint = nearest(self.label, several) if several else "give the label `charge_states: [0, 1, 2]`"
            raise InputError(f"the label '{self.label}' has no charged states; {hint}")
        for name in domain.spaces:
            for field in ("valence_band_maximum", "band_gap"):
                self._edge(field, name)
        neutral = super().quantity(domain)
        edge = self.settings.valence_band_maximum
        edges = f"{edge:g} eV" if isinstance(edge, float | int) else "as given for each space"
        reference = (
            f"{neutral.reference}; valence-band maximum {edges}, Fermi level {self.settings.fermi_level:g} eV above it "
            f"({self.settings.source})"
        )
        charges = ", ".join(f"{charge:+d}" if charge else "0" for charge in sorted(self._states))
        return Quantity("eV", "cell", reference, f"defect formation energy, lowest of the charges {charges}")

    def _described(self) -> Quantity:
        source, self.settings = self.settings.source, self.settings.model_copy(update={"source": None})
        try:
            return super()._described()
        finally:
            self.settings = self.settings.model_copy(update={"source": source})

    def _edge(self, field: str, space: str) -> float:
        """Return the valence-band maximum or band gap of a space, eV."""
        given: BandEdge = getattr(self.settings, field)
        if not isinstance(given, dict):
            return given
        if space not in given:
            raise InputError(f"no {field} is given for {space}; {nearest(space, given)}")
        return given[space]

    def charged_rows(self, labelled: Labelled) -> Iterator[ChargedRow | None]:
        """Yield each row with the formation energies of its charge states; None where one is missing, and for the host.

        Raises
        ------
        InputError
            If the labels of charged cells, or what the values refer to, are not there.
        """
        if missing := [name for name in self.charged_labels if name not in labelled.charged]:
            raise InputError(f"needs the label {missing[0]} of charged cells besides {self.label}")
        potentials: Mapping[str, float] | None = self.settings.chemical_potentials
        if potentials is None:
            potentials = {e: per_atom(labelled.phase(e)) for e in self._elements}
        used = {name: rows[0].space for name, rows in by_space(labelled.rows).items()}
        pristine = {name: self.pristine(space, labelled) for name, space in used.items()}
        charges = [0, *(charge for charge in self._states if charge)]
        others = [labelled.charged[self._states[charge]].rows for charge in charges[1:]]
        for row, *charged in zip(labelled.rows, *others, strict=True):
            name, found = row.space.name, {}
            for charge, one in zip(charges, itertools.chain([row], charged), strict=True):
                if one.outcome is not None:
                    neutral = energy_of_defects(row.space, one.outcome, pristine[name], potentials)
                    found[charge] = neutral + charge * self._edge("valence_band_maximum", name)
            if len(found) < len(charges) or not row.count("defect site"):
                yield None
            else:
                yield ChargedRow(row, found, self._edge("band_gap", name))

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the formation energy of each row at the Fermi level; None where a charge state is missing."""
        return [
            None if one is None else round(formation_energy_at(one.lines, self.settings.fermi_level), 9) + 0.0
            for one in self.charged_rows(labelled)
        ]

    def notes(self, labelled: Labelled) -> list[str]:
        """Return how many rows have no value since a charge state is missing."""
        defective = sum(row.count("defect site") > 0 for row in labelled.rows)
        known = sum(one is not None for one in self.charged_rows(labelled))
        if known == defective:
            return []
        return [f"{defective - known} of {defective} rows with defects lack a charge state and have no value"]
