"""Electrostatic energies of point charges on the ideal sites."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.models.descriptors.descriptor import CrystalDescriptor, descriptors
from matbench_defects.models.model import ModelSettings, State
from matbench_defects.models.rows import Rows
from matbench_defects.spec.fields import VACANCY

NEUTRAL = 1e-6
"""A cell whose charges add up to less is neutral, elementary charges."""


class EwaldSettings(ModelSettings):
    """Settings of the electrostatic energies."""

    charges: dict[str, float] = {}
    """Charges of elements, elementary charges. Atoms with an oxidation state in the dataset have that instead. Those
    that are neither given nor known are guessed: of the host's elements, so that its formula is neutral; of a dopant,
    its common oxidation state nearest to the charge of what it replaces."""


@descriptors.register("ewald")
class EwaldEnergies(CrystalDescriptor):
    """The Ewald sum of a cell, and what the sites of each element contribute to it.

    Formal charges stay where they are when an atom is taken out; a uniform background neutralises the cell.
    """

    Settings: ClassVar[type[ModelSettings]] = EwaldSettings
    title: ClassVar[str] = "Ewald energies"
    description: ClassVar[str] = "electrostatic energies of formal charges, in all and by element"
    references: ClassVar[tuple[str, ...]] = ("10.1002/andp.19213690304",)
    extensive: ClassVar[bool] = True
    sees_states: ClassVar[bool] = True
    charges: dict[str, float]

    def learn(self, rows: Rows) -> None:
        """Take the elements of the training rows, and settle their charges."""
        from pymatgen.core import Composition, Element

        super().learn(rows)
        charges: dict[str, float] = {}
        for name in sorted(set(rows.column("space"))):
            formula = rows.background.spaces[name].parent.formula
            guesses = Composition(formula).oxi_state_guesses()
            for element, charge in (guesses[0] if guesses else {}).items():
                charges.setdefault(element, float(charge))
        replaced: dict[str, str] = {}
        for here, host in zip(rows.column("defect_species"), rows.column("defect_host_species"), strict=True):
            replaced.update(zip(here, host, strict=True))
        for element in self.elements:
            if element not in charges:
                common = Element(element).common_oxidation_states or (0,)
                near = charges.get(replaced.get(element, VACANCY), float(common[0]))
                charges[element] = float(min(common, key=lambda state: abs(state - near)))
        self.charges = {element: self.settings.charges.get(element, charges[element]) for element in self.elements}

    def identity(self) -> dict[str, object]:
        """Return also the charges."""
        return super().identity() | {"charges": self.charges}

    def vectors(self, crystals: list[Crystal]) -> NDArray[np.float64]:
        """Return the energies, eV per cell."""
        from pymatgen.analysis.ewald import EwaldSummation

        result = []
        for crystal in crystals:
            structure = crystal.to_pymatgen()
            states = crystal.oxidation_states or (None,) * len(crystal)
            pairs = zip(crystal.species, states, strict=True)
            charges = np.array([self.charges[s] if state is None else float(state) for s, state in pairs])
            structure.add_oxidation_state_by_site(charges.tolist())
            summed = EwaldSummation(structure)
            sites = np.asarray(summed.total_energy_matrix).sum(axis=1)
            if abs(charges.sum()) > NEUTRAL:  # the matrix leaves out what each ion has with the background
                sites = sites + (summed.total_energy - sites.sum()) * charges / charges.sum()
            species = np.array(crystal.species)
            result.append([summed.total_energy, *(sites[species == element].sum() for element in self.elements)])
        return np.array(result, dtype=np.float64)

    def names(self) -> list[str]:
        """Return the whole energy, then the elements."""
        return [
            "Ewald energy",
            *(f"Ewald energy of {element} ({self.charges[element]:+g})" for element in self.elements),
        ]

    def state(self) -> State:
        """Return elements and charges."""
        return super().state() | {"charges": self.charges}

    def restore(self, state: State) -> None:
        """Take over elements and charges."""
        super().restore(state)
        self.charges = dict(state["charges"])
