"""Electrostatic energy of point charges: exact, cheap, and no chemistry at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import version as package_version
from typing import ClassVar, Literal

import numpy as np

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import EngineSettings, Outcome, Sees, engines
from matbench_defects.spec.fields import VACANCY, Species
from matbench_defects.spec.models import Relaxation
from matbench_defects.spec.species import element_of, oxidation_state


class EwaldEngineSettings(EngineSettings):
    """Settings of an Ewald sum."""

    charges: dict[Species, float] = {}
    """Charge of each element, elementary charges, such as ``{Li: 1, Ni: 3, O: -2}``. None is guessed. An atom with an
    oxidation state has that, unless a charge is given for just this species, such as ``{Ni2+: 1.6}``."""
    background: bool = False
    """Whether a cell that the charges do not make neutral is neutralised by a uniform background; without it such a
    cell is refused. With atoms taken out and fixed charges, the background stands for whatever compensates."""

    def check_space(self, space: Space, phases: Collection[str]) -> None:
        """Refuse an element's charge that its oxidation states replace, and no charge at all."""
        held = {*space.host_species, *(s for sublattice in space.sublattices for s in sublattice.species)} - {VACANCY}
        without = {element_of(species) for species in held if oxidation_state(species) is None}
        for name in self.charges:
            states = sorted(species for species in held if element_of(species) == name != species)
            if states and name not in without and name not in phases:
                raise InputError(f"{name} is {' or '.join(states)} in {space.name}; give charges of these, or none")
        if without and not self.charges:
            raise InputError(f"no charge is given for {', '.join(sorted(without))}")


def charge_of_each(crystal: Crystal, charges: Mapping[str, float]) -> list[float]:
    """Return the charge of each atom of a crystal: its species' own, its oxidation state, or its element's.

    Raises
    ------
    InputError
        If an element has no charge.
    """
    states = crystal.oxidation_states or (None,) * len(crystal)
    each: list[float] = []
    missing: set[str] = set()
    for element, named, state in zip(crystal.species, crystal.named_species, states, strict=True):
        charge = charges.get(named, charges.get(element) if state is None else float(state))
        if charge is None:
            missing.add(element)
        else:
            each.append(charge)
    if missing:
        raise InputError(f"no charge is given for {', '.join(sorted(missing))}")
    return each


def ewald_energy(crystal: Crystal, charges: Mapping[str, float], *, background: bool = False) -> tuple[float, float]:
    """Return the electrostatic energy of point charges in a periodic cell, also of use as a descriptor.

    Ewald's sum (Ann. Phys. 369, 253 (1921), doi:10.1002/andp.19213690304) as pymatgen has it.

    Parameters
    ----------
    crystal : Crystal
        The structure.
    charges : mapping of str to float
        Charge of each element, elementary charges.
    background : bool
        Whether a uniform background neutralises a charged cell.

    Returns
    -------
    tuple of float
        Energy, eV per cell, and the largest force on an ion, eV/Å.

    Raises
    ------
    InputError
        If an element has no charge, or the cell is charged and no background was asked for.
    """
    from pymatgen.analysis.ewald import EwaldSummation

    each = charge_of_each(crystal, charges)
    if abs(sum(each)) > 1e-6 and not background:
        raise InputError(f"the charges add up to {sum(each):g}; `background: true` would neutralise the cell")
    structure = crystal.to_pymatgen()
    structure.add_oxidation_state_by_site(each)
    summed = EwaldSummation(structure, compute_forces=True)
    return float(summed.total_energy), float(np.linalg.norm(summed.forces, axis=1).max())


@engines.register("ewald")
class Ewald:
    """Electrostatic energy of fixed point charges, static."""

    Settings: ClassVar[type[EngineSettings]] = EwaldEngineSettings
    labels: ClassVar[Literal["structures", "pathways", "rows"]] = "structures"
    relaxation: ClassVar[Literal["possible", "needed", "impossible"]] = "impossible"
    sees: ClassVar[Sees] = "species"
    level_of_theory: str = "electrostatics of fixed point charges, no other interaction; not machine-learned, not DFT"

    def __init__(self, settings: EwaldEngineSettings) -> None:
        self.settings = settings

    @property
    def version(self) -> str:
        """The package and its version."""
        return f"pymatgen {package_version('pymatgen')}"

    def compute(self, crystal: Crystal, relax: Relaxation | None) -> Outcome:
        """Return the electrostatic energy of a crystal."""
        energy, force = ewald_energy(crystal, self.settings.charges, background=self.settings.background)
        return Outcome(energy, crystal, force, None, None, True, 0)
