"""A configuration as the front door hands it out. A stand-in: crystal/configuration.py takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.configurations import Configurations

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


@dataclass(frozen=True, eq=False, repr=False)
class Configuration:
    """One inequivalent configuration of a space."""

    space: Space
    occupation: NDArray[np.uint8]
    id: str
    multiplicity: int

    @property
    def content(self) -> Content:
        """How many of each species there are on each sublattice."""
        return self.space.content(self.occupation)

    def to_pymatgen(self) -> Structure:
        """Return the ideal structure."""
        return self.space.crystal(self.occupation).to_pymatgen()

    def to_ase(self) -> Atoms:
        """Return the ideal structure."""
        return self.space.crystal(self.occupation).to_ase()

    def __repr__(self) -> str:
        return f"<Configuration {self.id}, {self.multiplicity} equivalent>"


def configurations_of(found: Configurations) -> Iterator[Configuration]:
    """Yield configurations one by one."""
    for occupation, id_, multiplicity in zip(
        found.occupations, found.ids(), found.multiplicities.tolist(), strict=True
    ):
        yield Configuration(found.space, occupation, id_, multiplicity)
