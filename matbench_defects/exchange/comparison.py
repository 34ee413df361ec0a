"""How far labels are from better energies of the same compositions: the numbers behind a card's comparisons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.targets.formation_energy import formation_energy


@dataclass(frozen=True)
class Agreement:
    """How two sets of energies agree.

    Parameters
    ----------
    rows : int
        How many structures.
    mae : float
        Mean absolute difference.
    spearman : float
        Rank correlation (Spearman).
    mean_difference : float
        Mean of the difference with its sign; negative where the energies are too low.
    """

    rows: int
    mae: float
    spearman: float
    mean_difference: float


def formation_energies_along(
    energies: Sequence[float], crystals: Sequence[Crystal], ion: str, framework: str
) -> NDArray[np.float64]:
    """Return formation energies against the fullest and the emptiest of the structures.

    Parameters
    ----------
    energies : sequence of float
        Total energies, eV per cell.
    crystals : sequence of Crystal
        The structures.
    ion : str
        The species that leaves.
    framework : str
        An element of which a formula unit has one atom.

    Returns
    -------
    ndarray of float
        eV per formula unit; the lowest energy of each end counts.
    """
    atoms = [Counter(c.species) for c in crystals]
    share = [a[ion] / a[framework] for a in atoms]
    ends = []
    for end in (max(share), min(share)):
        members = [i for i, s in enumerate(share) if s == end]
        lowest = min(members, key=lambda i: energies[i] / atoms[i][framework])
        ends.append((energies[lowest], atoms[lowest]))
    return np.array(
        [formation_energy(e, a, ends) / a[framework] for e, a in zip(energies, atoms, strict=True)], dtype=np.float64
    )


def agreement(found: NDArray[np.float64], better: NDArray[np.float64]) -> Agreement:
    """Return how energies agree with better ones of the same structures.

    Parameters
    ----------
    found, better : ndarray of float, shape (n,)
        The two sets, in the same order and unit.
    """
    from scipy.stats import spearmanr

    off = found - better
    rank = float(spearmanr(found, better).statistic)
    return Agreement(len(found), float(np.abs(off).mean()), rank, float(off.mean()))
