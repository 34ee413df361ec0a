"""Pathways by where the dopants are: pathway-dopant distances (PDD) and angles (PDA), counted in bins."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import nearest_images
from matbench_defects.models.descriptors.descriptor import Descriptor, check_stands_for, descriptors
from matbench_defects.models.model import INVARIANCES, SUPERCELL, ModelSettings
from matbench_defects.models.rows import Rows
from matbench_defects.spec.fields import VACANCY


class PathwayDopantSettings(ModelSettings):
    """Settings of the descriptors. The 20 categories are those of the KFeO2 work; its bin edges are not known."""

    distances: Annotated[int, Field(ge=1)] = 10
    """How many bins of distance."""
    width: Annotated[float, Field(gt=0)] = 1.2
    """Width of a bin of distance, Å; the last one takes everything farther away too."""
    angles: Annotated[int, Field(ge=1)] = 10
    """How many equal bins of angle from 0 to a right angle."""


def pathway_dopants(space: Space, occupations: NDArray[np.uint8], settings: PathwayDopantSettings) -> NDArray[np.int64]:
    """Return how many dopants lie at which distance from each pathway and in which direction.

    Distances run from the middle of the edge to the nearest image of the dopant, angles between the edge and that
    line. A barrier has no forward and no backward here, so angles are folded to at most a right angle.

    Parameters
    ----------
    space : Space
        A space of pathways.
    occupations : ndarray of uint8, shape (m, n)
        Its pathways.
    settings : PathwayDopantSettings
        The bins.

    Returns
    -------
    ndarray of int, shape (m, distances + angles)

    Raises
    ------
    InputError
        If the space does not hold pathways.
    """
    middle, edge = hops(space, occupations)
    return counts_around(space, _dopants(space, occupations), middle, edge, settings)


def hops(space: Space, occupations: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middle of each pathway's edge and the vector along it, shape (m, 3) each, Å.

    Raises
    ------
    InputError
        If the space does not hold pathways.
    """
    check_stands_for(space, PathwayDopants.of)
    positions = space.positions[space.variable_sites]
    ends = space.blocked_sites(occupations)
    edge = nearest_images(space.lattice, positions[ends[:, 1]] - positions[ends[:, 0]])
    return positions[ends[:, 0]] + edge / 2, edge


def counts_around(
    space: Space,
    chosen: NDArray[np.bool_],
    middle: NDArray[np.float64],
    edge: NDArray[np.float64],
    settings: PathwayDopantSettings,
) -> NDArray[np.int64]:
    """Return how many chosen sites lie at which distance from each pathway and in which direction.

    Parameters
    ----------
    space : Space
        The space.
    chosen : ndarray of bool, shape (m, n)
        Which variable sites count.
    middle, edge : ndarray of float, shape (m, 3)
        What `hops` returns.
    settings : PathwayDopantSettings
        The bins.

    Returns
    -------
    ndarray of int, shape (m, distances + angles)
    """
    positions = space.positions[space.variable_sites]
    result = np.zeros((len(chosen), settings.distances + settings.angles), dtype=np.int64)
    row, site = np.nonzero(chosen)
    away = nearest_images(space.lattice, positions[site] - middle[row])
    distance = np.linalg.norm(away, axis=1)
    cosine = np.abs(np.einsum("ij,ij->i", away, edge[row])) / (distance * np.linalg.norm(edge[row], axis=1))
    angle = np.arccos(np.clip(cosine, 0, 1))
    at = np.minimum((distance / settings.width).astype(np.int64), settings.distances - 1)
    towards = np.minimum((angle / (np.pi / 2) * settings.angles).astype(np.int64), settings.angles - 1)
    np.add.at(result, (row, at), 1)
    np.add.at(result, (row, settings.distances + towards), 1)
    return result


def _dopants(space: Space, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which variable sites hold a species that the host does not have there, vacancies left out."""
    result = np.zeros(occupations.shape, dtype=bool)
    for sublattice, where in zip(space.sublattices, space.ranges, strict=True):
        host = np.array([space.host_species[i] for i in sublattice.sites])
        for number, species in enumerate(sublattice.species):
            if species != VACANCY:
                result[:, where] |= (occupations[:, where] == number) & (host != species)
    return result


@descriptors.register("pathway")
class PathwayDopants(Descriptor):
    """How many dopants lie at which distance from a pathway and in which direction."""

    Settings: ClassVar[type[ModelSettings]] = PathwayDopantSettings
    title: ClassVar[str] = "PDD/PDA"
    description: ClassVar[str] = "pathway-dopant distances and angles, counted in bins"
    of: ClassVar[str] = "pathways"
    invariances: ClassVar[frozenset[str]] = INVARIANCES - {SUPERCELL}
    """A repeated cell would hold two hops."""

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the counts of each row."""
        result = np.zeros((len(rows), self.settings.distances + self.settings.angles))
        for name in sorted(set(rows.column("space"))):
            where, occupations = rows.occupations(name)
            result[where] = pathway_dopants(rows.background.spaces[name], occupations, self.settings)
        return result

    def names(self) -> list[str]:
        """Return the bins."""
        return bin_names("dopants", self.settings)


def bin_names(what: str, settings: PathwayDopantSettings) -> list[str]:
    """Return the names of the counts of something."""
    width, step = settings.width, 90 / settings.angles
    ends = [f"to {(i + 1) * width:.1f} Å" for i in range(settings.distances - 1)] + ["and farther"]
    distances = [f"{what} from {i * width:.1f} Å {end}" for i, end in enumerate(ends)]
    return distances + [f"{what} at {i * step:.0f} to {(i + 1) * step:.0f}°" for i in range(settings.angles)]
