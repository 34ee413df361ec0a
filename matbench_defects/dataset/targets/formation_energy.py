"""Formation energy against end members of the same space and engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from matbench_defects.columns import Quantity
from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.targets.target import LabelledRow, TargetSettings, quantities
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import VACANCY


class FormationEnergySettings(TargetSettings):
    """Settings of a formation energy."""

    unit: Literal["eV"]
    """eV."""
    per: Literal["formula_unit", "atom", "cell"]
    """Per formula unit of the parent, per atom of the configuration, or per supercell."""
    end_members: Annotated[list[dict[str, int]], Field(min_length=1)]
    """Contents of the reference states, such as ``[{Li: 12}, {Li: 0}]``; the lowest energy of each counts."""


def formation_energy(
    energy: float, composition: Mapping[str, int], references: Sequence[tuple[float, Mapping[str, int]]]
) -> float:
    """Return an energy less that of the mixture of reference states with the same composition.

    Parameters
    ----------
    energy : float
        Total energy of the cell, eV.
    composition : mapping of str to int
        Its atoms by element.
    references : sequence of (float, mapping)
        Total energy in eV and atoms of each reference state.

    Returns
    -------
    float
        Formation energy of the cell, eV.

    Raises
    ------
    InputError
        If no mixture of the reference states has this composition.
    """
    elements = sorted({e for _, atoms in references for e in atoms} | set(composition))
    matrix = np.array([[atoms.get(e, 0) for _, atoms in references] for e in elements], dtype=float)
    wanted = np.array([composition.get(e, 0) for e in elements], dtype=float)
    shares, *_ = np.linalg.lstsq(matrix, wanted, rcond=None)
    if not np.allclose(matrix @ shares, wanted, atol=1e-6):
        raise InputError(f"no mixture of the end members has the composition {dict(composition)}")
    return float(energy - sum(s * e for s, (e, _) in zip(shares, references, strict=True)))


@quantities.register("formation_energy")
class FormationEnergy:
    """Formation energy against end members of the same space and engine."""

    Settings: ClassVar[type[TargetSettings]] = FormationEnergySettings

    def __init__(self, settings: Any, label: str) -> None:
        self.settings: FormationEnergySettings = settings
        self.label = label

    def is_end_member(self, space: Space, content: Content, position: int) -> bool:
        """Return whether a content is that of the end member at `position`."""
        wanted = self.settings.end_members[position]
        return all(space.count(content, name) == number for name, number in wanted.items())

    def quantity(self, spaces: dict[str, Space]) -> Quantity:
        """Return unit, divisor and reference state."""
        names = []
        for position, wanted in enumerate(self.settings.end_members):
            formulas = set()
            for space in spaces.values():
                matching = [c for c in space.contents() if self.is_end_member(space, c, position)]
                if not matching:
                    raise InputError(f"the end member {wanted} is no content of {space.name}")
                formulas |= {_formula(space, content) for content in matching}
            names.append(" or ".join(sorted(formulas)))
        per = self.settings.per.replace("_", " ")
        reference = f"{' and '.join(names)}, lowest of each, by {self.label}"
        return Quantity("eV", per, reference, "formation energy")

    def values(self, rows: list[LabelledRow]) -> list[float | None]:
        """Return the formation energy of each row; None where its label is not usable."""
        by_space: dict[str, list[LabelledRow]] = {}
        for row in rows:
            by_space.setdefault(row.space.name, []).append(row)
        references = {name: self.references(members) for name, members in by_space.items()}
        return [self.value(row, references[row.space.name]) for row in rows]

    def references(self, rows: list[LabelledRow]) -> list[tuple[float, Mapping[str, int]]]:
        """Return energy and atoms of each end member among the rows of one space.

        Raises
        ------
        InputError
            If an end member has no usable label.
        """
        result: list[tuple[float, Mapping[str, int]]] = []
        for position, wanted in enumerate(self.settings.end_members):
            found = [
                (row.label.outcome.energy, Counter(row.label.outcome.crystal.species))
                for row in rows
                if row.label is not None
                and row.label.outcome is not None
                and self.is_end_member(row.space, row.content, position)
            ]
            if not found:
                raise InputError(
                    f"the end member {wanted} has no usable label '{self.label}', so nothing can refer to it"
                )
            result.append(min(found, key=lambda pair: pair[0]))
        return result

    def value(self, row: LabelledRow, references: list[tuple[float, Mapping[str, int]]]) -> float | None:
        """Return the formation energy of one row; None where its label is not usable."""
        if row.label is None or row.label.outcome is None:
            return None
        outcome = row.label.outcome
        total = formation_energy(outcome.energy, Counter(outcome.crystal.species), references)
        divisor = {"formula_unit": row.space.formula_units, "atom": len(outcome.crystal), "cell": 1}[self.settings.per]
        return round(total / divisor, 9) + 0.0


def _formula(space: Space, content: Content) -> str:
    atoms: Counter[str] = Counter(space.host_species)
    for sublattice, counts in zip(space.sublattices, content, strict=True):
        atoms.subtract(space.host_species[i] for i in sublattice.sites)
        atoms.update({s: n for s, n in zip(sublattice.species, counts, strict=True) if s != VACANCY})
    units = space.formula_units
    parts = []
    for element, number in atoms.items():
        if number:
            share = number / units
            parts.append(element + ("" if share == 1 else f"{share:g}"))
    return "".join(parts)
