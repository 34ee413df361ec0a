"""Formation energy against end members of the same space and reference phases, all by the same engine."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from matbench_defects.columns import Quantity
from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.targets.end_members import (
    atoms_of,
    by_space,
    end_member_contents,
    end_member_formula,
    families,
    in_a_sentence,
    lowest_of_spaces,
)
from matbench_defects.dataset.targets.extremes import Extreme, extremes
from matbench_defects.dataset.targets.target import (
    Domain,
    EndMember,
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

ReferenceState = tuple[float, Mapping[str, int]]
"""Total energy, eV, and atoms of a reference state."""


class FormationEnergySettings(TargetSettings):
    """Settings of a formation energy."""

    unit: Literal["eV"]
    """eV."""
    per: ExtensivePer
    """Per formula unit of the parent, per atom of the configuration, or per supercell."""
    end_members: list[EndMember] | Literal["extremes"] = []
    """Contents of the same space, such as ``[{Li: 12}, {Li: 0}]`` or ``[host]``; the lowest energy of each counts.
    ``extremes`` are the outermost compositions that the sublattices allow, whatever these are."""
    references: list[str] = []
    """Names of reference phases."""

    @model_validator(mode="after")
    def _some(self) -> FormationEnergySettings:
        if not self.end_members and not self.references:
            raise ValueError("name at least one of `end_members` or one of `references`")
        return self


def mixture(composition: Mapping[str, int], references: Sequence[Mapping[str, int]]) -> NDArray[np.float64]:
    """Return how much of each reference state together has a composition.

    Parameters
    ----------
    composition : mapping of str to int
        Atoms by element.
    references : sequence of mapping
        Those of each reference state.

    Returns
    -------
    ndarray of float, shape (len(references),)

    Raises
    ------
    InputError
        If no mixture of the reference states has this composition, or more than one.
    """
    elements = sorted({e for atoms in references for e in atoms} | set(composition))
    matrix = np.array([[atoms.get(e, 0) for atoms in references] for e in elements], dtype=float)
    wanted = np.array([composition.get(e, 0) for e in elements], dtype=float)
    shares, _, rank, _ = np.linalg.lstsq(matrix, wanted, rcond=None)
    if not np.allclose(matrix @ shares, wanted, atol=1e-6):
        raise InputError(f"no mixture of the end members has the composition {dict(composition)}")
    if rank < len(references):
        raise InputError("the reference states can be made of each other, so more than one mixture is possible")
    return np.asarray(shares, dtype=np.float64)


def formation_energy(energy: float, composition: Mapping[str, int], references: Sequence[ReferenceState]) -> float:
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
        If no mixture of the reference states has this composition, or more than one.
    """
    shares = mixture(composition, [atoms for _, atoms in references])
    return float(energy - sum(s * e for s, (e, _) in zip(shares, references, strict=True)))


def _in_one(atoms: Mapping[str, int]) -> dict[str, int]:
    """Return atoms in the smallest whole numbers of the same composition."""
    divisor = math.gcd(*atoms.values())
    return {element: number // divisor for element, number in atoms.items()}


def state(outcome: Outcome) -> ReferenceState:
    """Return energy and atoms of what an engine found."""
    return outcome.energy, Counter(outcome.crystal.species)


@quantities.register("formation_energy")
class FormationEnergy(TargetQuantity):
    """Formation energy against end members of the same space or reference phases, by the same engine."""

    Settings: ClassVar[type[TargetSettings]] = FormationEnergySettings
    settings: FormationEnergySettings

    def __init__(self, settings: Any, label: str) -> None:
        super().__init__(settings, label)
        self._phases: list[Counter[str]] = []
        self._ends: dict[str, list[Counter[str]] | None] = {}
        self._extremes = 0

    @property
    def refers_to(self) -> list[EndMember | Extreme]:
        """The end members; of extremes, those of the spaces that `quantity` was asked with."""
        if self.settings.end_members == "extremes":
            return [Extreme(number) for number in range(self._extremes)]
        return [*self.settings.end_members]

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit, divisor and reference state."""
        if self.settings.end_members == "extremes":
            self._extremes = self._number_of_extremes(domain)
        names = [end_member_formula(domain, wanted) for wanted in self.refers_to]
        phases = list(self.settings.references)
        self._phases = [Counter(domain.phase(name).elements) for name in phases]
        self._ends = {name: self._compositions(spaces) for name, spaces in families(domain.spaces.values()).items()}
        parts = []
        if names:
            several = "lowest of each" if len(names) > 1 else "lowest of its content"
            parts.append(f"{in_a_sentence(names)}, {several}")
        if phases:
            parts.append(in_a_sentence(phases))
        reference = f"{', and '.join(parts)}, by {self.label}"
        return Quantity("eV", self.settings.per.replace("_", " "), reference, "formation energy")

    def _number_of_extremes(self, domain: Domain) -> int:
        """Return how many extremes each space has.

        Raises
        ------
        InputError
            If they are no reference: in supercells of several sizes, or where spaces have different numbers of them.
        """
        for space in domain.spaces.values():
            if space.family:
                raise InputError(
                    f"`end_members: extremes` is of one supercell, and {space.family} has several sizes; name contents"
                )
        numbers = {name: len(extremes(space)) for name, space in domain.spaces.items()}
        if len(set(numbers.values())) > 1:
            said = ", ".join(f"{number} in {name}" for name, number in numbers.items())
            raise InputError(f"the spaces have different numbers of extremes, {said:.300}; name contents instead")
        if all(len(space.contents()) == 1 for space in domain.spaces.values()):
            raise InputError(
                "there is one content only, and `end_members: extremes` would make every row a reference; take a "
                "target of `quantity: total_energy`, or widen the ranges of the sublattices"
            )
        return next(iter(numbers.values()))

    def check_contents(self, space: Space, contents: Sequence[Content]) -> None:
        """Refuse contents that no mixture of the end members and reference phases has."""
        ends = self._ends[space.family or space.name]
        if ends is None:
            return  # which of them is the lowest, and so the end member, only labels tell
        for content in contents:
            mixture(atoms_of(space, content), [*ends, *self._phases])

    def _compositions(self, spaces: Sequence[Space]) -> list[Counter[str]] | None:
        """Return the atoms of each end member of a space, or of the shapes of one; None where one has several."""
        ends: list[Counter[str]] = []
        for wanted in self.refers_to:
            found = [atoms_of(s, c) for s in spaces for c in end_member_contents(s, wanted)]
            if any(_in_one(atoms) != _in_one(found[0]) for atoms in found):
                return None
            ends.append(found[0])
        return ends

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the formation energy of each row; None where its label is not usable."""
        phases = [state(labelled.phase(name)) for name in self.settings.references]
        ends = [lowest_of_spaces(labelled, wanted, self.label) for wanted in self.refers_to]
        states = {name: [state(of[name].outcome) for of in ends] + phases for name in by_space(labelled.rows)}

        def value(row: LabelledConfiguration, outcome: Outcome) -> float:
            total = formation_energy(*state(outcome), states[row.space.name])
            return total / row.count(self.settings.per)

        return each(labelled.rows, value)
