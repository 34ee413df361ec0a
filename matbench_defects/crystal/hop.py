"""One hop of a mobile ion: the two structures that a pathway joins, atom by atom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal, nearest_images
from matbench_defects.spec.fields import VACANCY


@dataclass(frozen=True)
class Hop:
    """Two ideal structures with the same atoms in the same order, of which only one sits elsewhere.

    Parameters
    ----------
    first : Crystal
        The first end point, as ``Space.crystal`` gives it.
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
        return Crystal(self.first.lattice, self.first.species, positions)


def hop_of(space: Space, occupation: NDArray[np.uint8]) -> Hop:
    """Return the hop that a pathway stands for.

    Parameters
    ----------
    space : Space
        A space of pathways.
    occupation : ndarray of uint8, shape (n,)
        One of its pathways.

    """
    first, second = space.end_points(occupation)
    leaves, reached = filled_sites(space.structures, first), filled_sites(space.structures, second)
    (start,), (end,) = np.setdiff1d(leaves, reached), np.setdiff1d(reached, leaves)
    # Within the cutoff one pair of sites has one edge, so the nearest image is the one that is meant.
    (vector,) = nearest_images(space.lattice, space.positions[[end]] - space.positions[[start]])
    return Hop(space.crystal(occupation), int(np.flatnonzero(leaves == start)[0]), vector, space.parent.crystal)


def filled_sites(space: Space, occupation: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the supercell's site of each atom of a structure, in the order of ``Space.crystal``.

    Parameters
    ----------
    space : Space
        The space.
    occupation : ndarray of uint8, shape (n,)
        A configuration, of which the first structure that it means is looked at.
    """
    return np.flatnonzero([species != VACANCY for species in space.site_species(occupation)])
