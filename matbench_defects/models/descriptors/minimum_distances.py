"""Average minimum distances: how far the nearest, second nearest, ... neighbour is, averaged over the atoms."""

from __future__ import annotations

import itertools
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.crystal.structure import Crystal
from matbench_defects.models.descriptors.descriptor import CrystalDescriptor, descriptors
from matbench_defects.models.model import ModelSettings


class MinimumDistanceSettings(ModelSettings):
    """Settings of the average minimum distances."""

    neighbours: Annotated[int, Field(ge=1, le=1000)] = 100
    """How many neighbours of each atom count."""
    element_neighbours: Annotated[int, Field(ge=1, le=1000)] = 20
    """The same where the atoms of one element are looked at alone."""


def average_minimum_distances(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], number: int
) -> NDArray[np.float64]:
    """Return the average distance of the atoms to their nearest, second nearest, ... neighbour.

    An invariant of a periodic set of points under isometries and changes of cell (Widdowson, Mosca, Pulido, Cooper and
    Kurlin, MATCH Commun. Math. Comput. Chem. 87, 529 (2022), doi:10.46793/match.87-3.529W). Their own package has a
    licence for non-commercial use only, so this is written from the definition.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    positions : ndarray of float, shape (n, 3)
        Cartesian positions, Å.
    number : int
        How many neighbours.

    Returns
    -------
    ndarray of float, shape (number,)
        Å, ascending.
    """
    from scipy.spatial import cKDTree

    volume = abs(np.linalg.det(lattice))
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    fractional = positions @ np.linalg.inv(lattice)
    inside = (fractional - np.floor(fractional)) @ lattice
    radius = (3 * (number + 1) * volume / (4 * np.pi * len(positions))) ** (1 / 3)
    while True:
        # Every point within the radius of one in the cell is among the images.
        reach = np.ceil(radius / heights).astype(int)
        shifts = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach)))) @ lattice
        images = (shifts[:, None, :] + inside[None]).reshape(-1, 3)
        if len(images) > number:
            found = cKDTree(images).query(inside, k=number + 1)[0][:, 1:]
            if found.max() <= radius:
                return np.asarray(found.mean(axis=0))
            radius = float(found.max()) * (1 + 1e-9)
        else:
            radius *= 1.5


@descriptors.register("minimum-distances")
class MinimumDistances(CrystalDescriptor):
    """Average minimum distances of all atoms, and of the atoms of each element taken alone."""

    Settings: ClassVar[type[ModelSettings]] = MinimumDistanceSettings
    title: ClassVar[str] = "Average minimum distances"
    description: ClassVar[str] = "average minimum distances of all atoms and of those of each element alone"
    references: ClassVar[tuple[str, ...]] = ("10.46793/match.87-3.529W",)
    extensive: ClassVar[bool] = False

    def vectors(self, crystals: list[Crystal]) -> NDArray[np.float64]:
        """Return the distances, Å; zeros for an element that a crystal does not have."""
        result = []
        for crystal in crystals:
            parts = [average_minimum_distances(crystal.lattice, crystal.positions, self.settings.neighbours)]
            species = np.array(crystal.species)
            for element in self.elements:
                chosen = crystal.positions[species == element]
                few = self.settings.element_neighbours
                found = average_minimum_distances(crystal.lattice, chosen, few) if len(chosen) else np.zeros(few)
                parts.append(found)
            result.append(np.concatenate(parts))
        return np.array(result)

    def names(self) -> list[str]:
        """Return all atoms' distances, then those of each element."""
        every = [f"all atoms, neighbour {k + 1}" for k in range(self.settings.neighbours)]
        few = range(self.settings.element_neighbours)
        return every + [f"{element} alone, neighbour {k + 1}" for element in self.elements for k in few]
