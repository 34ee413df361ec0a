"""One hop of a mobile ion: the two structures that a pathway joins, atom by atom."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.structure import Crystal, nearest_images


@dataclass(frozen=True)
class Hop:
    """Two ideal structures with the same atoms in the same order, of which only one sits elsewhere.

    Parameters
    ----------
    first : Crystal
        The first end point, as ``Configuration.crystal`` gives it.
    atom : int
        Which of its atoms hops.
    vector : ndarray of float, shape (3,)
        From its first position to its second, Å: the shortest way, across the border of the cell if need be.
    host : Crystal
        One cell of the ideal host.
    """

    first: Crystal
    atom: int
    vector: NDArray[np.float64]
    host: Crystal

    @property
    def second(self) -> Crystal:
        """The second end point; the atom that hops may lie outside the cell."""
        positions = self.first.positions.copy()
        positions[self.atom] += self.vector
        return replace(self.first, positions=positions)

    def starting_from(self, first: Crystal) -> Hop:
        """Return the same hop of a first end point whose atoms stand elsewhere, the second's with them."""
        return replace(self, first=first)


def hop_of(configuration: Configuration) -> Hop:
    """Return the hop that a pathway stands for.

    Parameters
    ----------
    configuration : Configuration
        A pathway.

    """
    space = configuration.space
    first, second = (Configuration(space.structures, end) for end in space.end_points(configuration.occupation))
    leaves, reached = first.atoms().sites, second.atoms().sites
    (start,), (end,) = np.setdiff1d(leaves, reached), np.setdiff1d(reached, leaves)
    # Within the cutoff one pair of sites has one edge, so the nearest image is the one that is meant.
    (vector,) = nearest_images(space.lattice, space.positions[[end]] - space.positions[[start]])
    return Hop(configuration.crystal, int(np.flatnonzero(leaves == start)[0]), vector, space.parent.crystal)
