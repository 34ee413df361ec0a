"""What was found about a structure, and how far it was from what it may be."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.parent import Parent


@dataclass(frozen=True)
class Identified:
    """What was found about a structure.

    Parameters
    ----------
    configuration : Configuration or None
        The configuration, by its canonical member; None where it is none of the space.
    reason : str
        Why it is none; empty where it is one.
    operation : ndarray of int, shape (n,), or None
        A permutation of the space's group: what the structure has on variable site i, the canonical configuration has
        on ``operation[i]``.
    sites : ndarray of int, shape (atoms,), or None
        The supercell's site of each atom.
    displacement : float or None
        Largest distance of an atom from its site, Å, in the ideal supercell, strain and drift taken out.
    strain : float or None
        By how much the structure's cell is longer or shorter than the ideal one in the direction where that is most,
        relatively; None where the cell was not laid over it.
    moved : float or None
        How far its atoms moved relative to their neighbours, Å: the displacement, and by how much the cell's shear
        moves neighbours. By this one configuration is preferred to another.
    copies : int
        How often the structure's cell holds the configuration's, so that its energy is that of so many.
    exchanged : tuple of str
        The species that sit in the structure where others of them sit in the configuration, since the space exchanges
        them as a symmetry; empty where the structure is the configuration itself.
    candidates : tuple of Identified
        The configurations it may be where none is much nearer than another, nearest first.
    same : tuple of Identified
        The same crystal under the ids of further spaces that hold it.
    """

    configuration: Configuration | None
    reason: str = ""
    operation: NDArray[np.int32] | None = None
    sites: NDArray[np.int64] | None = None
    displacement: float | None = None
    strain: float | None = None
    moved: float | None = None
    copies: int = 1
    exchanged: tuple[str, ...] = ()
    candidates: tuple[Identified, ...] = ()
    same: tuple[Identified, ...] = ()

    def __repr__(self) -> str:
        apart = "" if self.displacement is None else f", largest displacement {self.displacement:.3f} Å"
        return f"<Identified: {self.id or self.reason}{apart}>"

    @property
    def id(self) -> str | None:
        """Id of the configuration, where it is one."""
        return None if self.configuration is None else self.configuration.id

    def refused(self, reason: str) -> Identified:
        """Return the same as none, for a configuration that is not meant."""
        why = f"is {self.id}, which is not meant: {reason}"
        return dataclasses.replace(self, configuration=None, reason=why, same=())


@dataclass(frozen=True)
class Found:
    """What a structure may be in some space, why it is not, and how far the search for it came."""

    what: Identified
    stage: int = 0
    reason: str = ""


def none(stage: int, reason: str, displacement: float | None = None, strain: float | None = None) -> Found:
    """Return that a structure is nothing, and how far the search came."""
    return Found(Identified(None, reason, displacement=displacement, strain=strain), stage, reason)


def moved(one: Found) -> float:
    """Return how far atoms moved relative to their neighbours, Å; infinite where it is nothing."""
    return math.inf if one.what.moved is None else one.what.moved


def strained(one: Found) -> float:
    """Return how far atoms moved relative to their neighbours, the change of volume included, Å."""
    what = one.what
    if what.configuration is None or what.displacement is None or what.strain is None:
        return math.inf
    return math.hypot(what.displacement, what.strain * spacing(what.configuration.space.parent))


def spacing(parent: Parent) -> float:
    """Return the edge of a cube of the volume that a site has on average, Å."""
    return float(np.cbrt(abs(np.linalg.det(parent.lattice)) / len(parent.species)))
