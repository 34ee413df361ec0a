"""Formation energy of defects against the ideal host and chemical potentials, as 2DMD defines it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from matbench_defects.columns import Quantity
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.targets.end_members import by_space
from matbench_defects.dataset.targets.target import (
    Domain,
    Labelled,
    LabelledConfiguration,
    TargetQuantity,
    TargetSettings,
    each,
    quantities,
)
from matbench_defects.errors import InputError, nearest
from matbench_defects.labels.engine import Outcome
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.species import element_of


class DefectFormationEnergySettings(TargetSettings):
    """Settings of a defect formation energy."""

    unit: Literal["eV"]
    """eV."""
    per: Literal["defect_site", "cell"]
    """Per site that differs from the ideal host, or per supercell."""
    host: str | dict[str, float]
    """The ideal host: the name of a reference phase, ``groups.NAME`` where that group of each space names its reference
    phase, or the energy of the ideal supercell of each space, eV."""
    chemical_potentials: dict[str, float] | None = None
    """Chemical potential of each element, eV per atom; left out, the energy per atom of the reference phase that bears
    the element's name."""
    source: str | None = None
    """Where numbers given here come from."""

    @model_validator(mode="after")
    def _with_source(self) -> DefectFormationEnergySettings:
        numbers = [name for name in ("host", "chemical_potentials") if isinstance(getattr(self, name), dict)]
        if numbers and not (self.source or "").strip():
            raise ValueError(
                f"`source` is missing: say where the numbers given for `{'` and `'.join(numbers)}` come from"
            )
        if self.source is not None and not numbers:
            raise ValueError(
                "`source` says where numbers given for `host` or `chemical_potentials` come from; none are"
            )
        return self


def defect_formation_energy(
    energy: float,
    pristine: float,
    atoms: Mapping[str, int],
    pristine_atoms: Mapping[str, int],
    potentials: Mapping[str, float],
) -> float:
    """Return E - E_pristine + sum of mu over removed atoms - sum of mu over added ones.

    Parameters
    ----------
    energy, pristine : float
        Total energy of the defective and of the ideal supercell, eV.
    atoms, pristine_atoms : mapping of str to int
        Their atoms by element.
    potentials : mapping of str to float
        Chemical potential of each element of which the numbers differ, eV per atom.

    Returns
    -------
    float
        Formation energy of all defects of the cell together, eV (Huang et al., npj 2D Mater. Appl. 7, 6 (2023),
        doi:10.1038/s41699-023-00369-1).
    """
    total = energy - pristine
    for element in sorted(set(atoms) | set(pristine_atoms)):
        removed = pristine_atoms.get(element, 0) - atoms.get(element, 0)
        if removed:
            total += removed * potentials[element]
    return total


def energy_of_defects(space: Space, outcome: Outcome, pristine: float, potentials: Mapping[str, float]) -> float:
    """Return the formation energy of all defects of a labelled cell together, eV.

    Parameters
    ----------
    space : Space
        The space, whose ideal host the cell is compared with.
    outcome : Outcome
        What the engine found for the cell.
    pristine : float
        Energy of the ideal supercell, eV.
    potentials : mapping of str to float
        Chemical potential of each element of which the numbers differ, eV per atom.
    """
    atoms, host = Counter(outcome.crystal.species), Counter(space.host_elements)
    return defect_formation_energy(outcome.energy, pristine, atoms, host, potentials)


@quantities.register("defect_formation_energy")
class DefectFormationEnergy(TargetQuantity):
    """Formation energy of defects against the ideal host and chemical potentials, per defect site or per cell."""

    Settings: ClassVar[type[TargetSettings]] = DefectFormationEnergySettings
    settings: DefectFormationEnergySettings

    def __init__(self, settings: Any, label: str) -> None:
        super().__init__(settings, label)
        self._hosts: dict[str, str] = {}
        self._elements: list[str] = []

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit, divisor and reference state."""
        self._elements = sorted({e for space in domain.spaces.values() for e in exchanged(space)})
        given = self.settings.chemical_potentials
        if given is None:
            for element in self._elements:
                phase = domain.phase(element)
                if set(phase.elements) != {element}:
                    raise InputError(f"the reference phase {element} holds {phase.formula}, not the element")
        elif missing := [e for e in self._elements if e not in given]:
            raise InputError(f"the chemical potential of {' and '.join(missing)} is missing")
        for name, space in domain.spaces.items():
            if isinstance(self.settings.host, dict):
                if name not in self.settings.host:
                    raise InputError(f"no energy is given for the ideal {name}; {nearest(name, [*self.settings.host])}")
            else:
                self._hosts[name] = self._host(space, domain)
        return self._described()

    @property
    def given_references(self) -> bool:
        """Whether the host's energies or the chemical potentials are numbers in the spec."""
        return self.settings.chemical_potentials is not None or isinstance(self.settings.host, dict)

    def _described(self) -> Quantity:
        elements = ", ".join(self._elements)
        hosts = "the ideal host" if len(set(self._hosts.values())) != 1 else next(iter(self._hosts.values()))
        if self.settings.chemical_potentials is None:
            potentials = f"chemical potentials of the elements {elements}"
        else:
            numbers = ", ".join(f"{e} {self.settings.chemical_potentials[e]:g}" for e in self._elements)
            potentials = f"chemical potentials {numbers} eV"
        source = f" ({self.settings.source})" if self.settings.source else ""
        reference = f"{hosts} and {potentials}{source}, by {self.label}"
        return Quantity("eV", self.settings.per.replace("_", " "), reference, "defect formation energy")

    def _host(self, space: Space, domain: Domain) -> str:
        """Return the name of the reference phase that is the ideal host of a space."""
        host = self.settings.host
        assert isinstance(host, str)
        if host.startswith("groups."):
            group = host.removeprefix("groups.")
            if group not in space.groups:
                raise InputError(f"{space.name} has no group '{group}'; {nearest(group, space.groups)}")
            host = space.groups[group]
        phase = domain.phase(host)
        if cells_of(space, Counter(phase.elements)) is None:
            raise InputError(f"the reference phase {host}, {phase.formula}, is not the host of {space.name}")
        return host

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the formation energy of each row; None where its label is not usable or nothing differs."""
        potentials = self.settings.chemical_potentials
        if potentials is None:
            potentials = {e: per_atom(labelled.phase(e)) for e in self._elements}
        used = {name: rows[0].space for name, rows in by_space(labelled.rows).items()}
        pristine = {name: self.pristine(space, labelled) for name, space in used.items()}

        def value(row: LabelledConfiguration, outcome: Outcome) -> float | None:
            sites = row.count("defect site")
            total = energy_of_defects(row.space, outcome, pristine[row.space.name], potentials)
            if self.settings.per == "cell":
                return total
            return total / sites if sites else None

        return each(labelled.rows, value)

    def pristine(self, space: Space, labelled: Labelled) -> float:
        """Return the energy of a space's ideal supercell, eV.

        Raises
        ------
        InputError
            If the reference phase has no usable label.
        """
        if isinstance(self.settings.host, dict):
            return self.settings.host[space.name]
        outcome = labelled.phase(self._hosts[space.name])
        cells = cells_of(space, Counter(outcome.crystal.species))
        assert cells is not None
        return cells * outcome.energy


def exchanged(space: Space) -> set[str]:
    """Return the elements of which configurations may have more or fewer atoms than the ideal host."""
    moved: set[str] = set()
    for sublattice in space.sublattices:
        if len(sublattice.species) > 1:
            here = set(map(element_of, set(sublattice.species) - {VACANCY}))
            here |= {space.host_elements[i] for i in sublattice.sites}
            if len(here) > 1 or VACANCY in sublattice.species:  # else only oxidation states differ
                moved |= here
    return moved


def cells_of(space: Space, atoms: Mapping[str, int]) -> float | None:
    """Return how many of a phase's cells have the atoms of a space's ideal supercell; None where none have."""
    host = Counter(space.host_elements)
    ratios = {host.get(element, 0) / number for element, number in atoms.items()}
    return ratios.pop() if len(ratios) == 1 and set(host) == set(atoms) else None


def per_atom(outcome: Outcome) -> float:
    """Return an energy per atom, eV."""
    return outcome.energy / len(outcome.crystal)
