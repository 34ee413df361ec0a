"""Pathways by the length of the hop, and by where the dopants and the other vacancies are."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.models.descriptors.descriptor import descriptors
from matbench_defects.models.descriptors.pathway import (
    PathwayDopants,
    PathwayDopantSettings,
    bin_names,
    counts_around,
    hops,
    pathway_dopants,
)
from matbench_defects.models.rows import Rows
from matbench_defects.spec.fields import VACANCY


def hop_surroundings(
    space: Space, occupations: NDArray[np.uint8], settings: PathwayDopantSettings
) -> NDArray[np.float64]:
    """Return length, dopants around and vacancies around each pathway, shape (m, 1 + 2 (distances + angles)).

    PDD and PDA alone do not tell a short hop from a long one, nor see the vacancies that make room beside it.
    """
    middle, edge = hops(space, occupations)
    vacant = np.zeros(occupations.shape, dtype=bool)
    for sublattice, where in zip(space.sublattices, space.ranges, strict=True):
        if VACANCY in sublattice.species:
            vacant[:, where] = occupations[:, where] == sublattice.species.index(VACANCY)
    length = np.linalg.norm(edge, axis=1)[:, None]
    around = counts_around(space, vacant, middle, edge, settings)
    return np.hstack([length, pathway_dopants(space, occupations, settings), around])


@descriptors.register("hop")
class HopSurroundings(PathwayDopants):
    """PDD and PDA with the length of the hop and the same counts of vacancies."""

    title: ClassVar[str] = "Hop length, PDD/PDA of dopants and vacancies"
    description: ClassVar[str] = "length of the hop, and dopants and vacancies around it counted by distance and angle"

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the length and the counts of each row."""
        result = np.zeros((len(rows), 1 + 2 * (self.settings.distances + self.settings.angles)))
        for name in sorted(set(rows.column("space"))):
            where, occupations = rows.occupations(name)
            result[where] = hop_surroundings(rows.background.spaces[name], occupations, self.settings)
        return result

    def names(self) -> list[str]:
        """Return the length and the bins."""
        return ["length of the hop", *bin_names("dopants", self.settings), *bin_names("vacancies", self.settings)]
