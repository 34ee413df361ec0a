"""What an engine found for one crystal or one hop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal


@dataclass(frozen=True)
class Band:
    """The minimum-energy path of one hop: the images of an elastic band, its end points included.

    Parameters
    ----------
    energies : ndarray of float, shape (images + 2,)
        Total energy of each image from the first end point to the second, eV per cell.
    highest : ndarray of float, shape (n, 3)
        Positions of the highest image, Å, in the lattice of the outcome.
    second : ndarray of float, shape (n, 3)
        Positions of the relaxed second end point, Å.
    atom : int
        Which atom hops.
    """

    energies: NDArray[np.float64]
    highest: NDArray[np.float64]
    second: NDArray[np.float64]
    atom: int

    @property
    def forward(self) -> float:
        """Energy of the highest image above the first end point, eV."""
        return float(self.energies.max() - self.energies[0])

    @property
    def backward(self) -> float:
        """Energy of the highest image above the second end point, eV."""
        return float(self.energies.max() - self.energies[-1])

    @property
    def largest(self) -> float:
        """Energy of the highest image above the lower end point, eV."""
        return max(self.forward, self.backward)


@dataclass(frozen=True)
class Outcome:
    """What an engine found for one crystal or one hop.

    Parameters
    ----------
    energy : float
        Total energy, eV per cell; of a hop, that of the first end point.
    crystal : Crystal
        The structure that the energy belongs to: the given one, or the relaxed one.
    max_force : float or None
        Largest force on an atom, eV/Å; None where forces are not known.
    max_stress : float or None
        Largest component of the stress by absolute value, eV/Å³; None where the engine gives no stress.
    magnetic_moments : ndarray of float, shape (n,), or None
        Magnetic moments, Bohr magnetons, where the engine gives them.
    converged : bool
        Whether the relaxation reached its threshold; True for a static energy.
    steps : int
        Steps of the relaxation; of a hop, those of its band.
    band : Band or None
        The path of a hop; None for a structure.
    displacement : float or None
        Largest distance of a relaxed atom from its ideal site, Å, strain and drift taken out, at either end of a hop;
        None where nothing was relaxed or it has not been looked at.
    problem : str
        What the engine itself found wrong; empty where nothing. A label keeps it as its own.
    """

    energy: float
    crystal: Crystal
    max_force: float | None
    max_stress: float | None
    magnetic_moments: NDArray[np.float64] | None
    converged: bool
    steps: int
    band: Band | None = None
    displacement: float | None = None
    problem: str = ""
