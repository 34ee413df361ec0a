"""Distance of a configuration's energy to the convex hull of its chemical system, by the same engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from matbench_defects.columns import Quantity
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.targets.end_members import by_space
from matbench_defects.dataset.targets.target import (
    Domain,
    Labelled,
    LabelledConfiguration,
    TargetQuantity,
    TargetSettings,
    quantities,
)
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.species import element_of


class EnergyAboveHullSettings(TargetSettings):
    """Settings of an energy above hull."""

    unit: Literal["eV"]
    """eV."""
    per: Literal["atom"] = "atom"
    """Per atom of the configuration."""
    references: list[str] | None = None
    """Names of the reference phases that compete; left out, all of the space's elements. Each element must be among
    them."""
    configurations: bool = True
    """Whether labelled configurations may lie on the hull too; without them a value below zero says that one would."""


@quantities.register("energy_above_hull")
class EnergyAboveHull(TargetQuantity):
    """Energy above the convex hull of reference phases and labelled configurations of the same elements."""

    Settings: ClassVar[type[TargetSettings]] = EnergyAboveHullSettings
    settings: EnergyAboveHullSettings

    def __init__(self, settings: Any, label: str) -> None:
        super().__init__(settings, label)
        self._phases: dict[str, list[str]] = {}

    @property
    def compares_rows(self) -> bool:
        """Whether labelled configurations span the hull too."""
        return self.settings.configurations

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit, divisor and reference state."""
        named = self.settings.references
        candidates = {n: domain.phase(n) for n in (domain.phases if named is None else named)}
        for name, space in domain.spaces.items():
            system = elements_of(space)
            inside = {n: set(p.elements) for n, p in candidates.items() if set(p.elements) <= system}
            for element in sorted(system):
                if {element} not in inside.values():
                    raise InputError(f"no reference phase is the element {element}, so {name} has no hull")
            self._phases[name] = list(inside)
        competing = ", ".join(n for n in candidates if any(n in phases for phases in self._phases.values()))
        configurations = " and the labelled configurations" if self.settings.configurations else ""
        reference = f"hull of {competing}{configurations}, by {self.label}"
        return Quantity("eV", "atom", reference, "energy above the convex hull")

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the distance of each row to the hull of its space's elements; None where its label is not usable."""
        hulls = self.hulls(labelled)
        result: list[float | None] = []
        for row in labelled.rows:
            outcome = row.outcome
            if outcome is None:
                result.append(None)
                continue
            entry = entry_of(row.id, Counter(outcome.crystal.species), outcome.energy)
            height = hulls[row.space.name].get_e_above_hull(entry, allow_negative=True)
            result.append(round(float(height), 9) + 0.0)
        return result

    def hulls(self, labelled: Labelled) -> dict[str, Any]:
        """Return the ``pymatgen`` phase diagram that each space's rows are measured against.

        Raises
        ------
        InputError
            If a reference phase has no usable label.
        """
        from pymatgen.analysis.phase_diagram import PhaseDiagram

        systems: dict[frozenset[str], Any] = {}
        result = {}
        rows = by_space(labelled.rows)
        for name, members in rows.items():
            system = frozenset(elements_of(members[0].space))
            if system not in systems:  # spaces of the same elements share their hull
                entries = [
                    entry_of(phase, Counter(found.crystal.species), found.energy)
                    for phase in self._phases[name]
                    for found in [labelled.phase(phase)]
                ]
                if self.settings.configurations:
                    entries += _lowest_entries(r for r in labelled.referred if elements_of(r.space) == system)
                systems[system] = PhaseDiagram(entries)
            result[name] = systems[system]
        return result

    def notes(self, labelled: Labelled) -> list[str]:
        """Return which phases and configurations span each hull."""
        named: dict[str, list[str]] = {}
        for hull in self.hulls(labelled).values():
            members = sorted(hull.stable_entries, key=lambda e: (len(e.composition), e.composition.reduced_formula))
            system = "-".join(sorted(element.symbol for element in hull.elements))
            named[system] = [
                formula if formula == str(entry.entry_id) else f"{formula} ({entry.entry_id})"
                for entry in members
                for formula in [entry.composition.reduced_formula]
            ]
        return [f"Hull of {system}: {', '.join(members)}" for system, members in named.items()]


def elements_of(space: Space) -> set[str]:
    """Return every element that a configuration of a space may hold."""
    fixed = set(range(len(space.host_elements))) - {int(i) for i in space.variable_sites}
    variable = {element_of(species) for sublattice in space.sublattices for species in sublattice.species}
    return (variable | {space.host_elements[i] for i in fixed}) - {VACANCY}


def entry_of(name: str, atoms: Mapping[str, int], energy: float) -> Any:
    """Return a ``pymatgen`` entry.

    Parameters
    ----------
    name : str
        What the entry is called.
    atoms : mapping of str to int
        Its atoms by element.
    energy : float
        Its total energy, eV.
    """
    from pymatgen.entries.computed_entries import ComputedEntry

    return ComputedEntry(dict(atoms), energy, entry_id=name)


def _lowest_entries(rows: Iterable[LabelledConfiguration]) -> list[Any]:
    """Return the lowest of each composition: no other can lie on the hull."""
    lowest: dict[frozenset[tuple[str, int]], tuple[float, str]] = {}
    for row in rows:
        if row.outcome is not None:
            atoms = frozenset(Counter(row.outcome.crystal.species).items())
            found = (row.outcome.energy, row.id)
            lowest[atoms] = min(found, lowest.get(atoms, found))
    return [entry_of(name, dict(atoms), energy) for atoms, (energy, name) in lowest.items()]
