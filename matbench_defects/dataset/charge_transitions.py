"""Charge states of a defect over the band gap: which is stable where, and where one passes into the next.

E_f(q, E_F) = E_q - E_host - sum n mu + q (E_VBM + E_F) + E_corr: each charge is a line of slope q in the Fermi level
E_F, counted from the valence-band maximum (Freysoldt et al., Rev. Mod. Phys. 86, 253 (2014),
doi:10.1103/RevModPhys.86.253).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Lines = Mapping[int, float]
"""Formation energy of each charge state with the Fermi level at the valence-band maximum, eV."""


class StableState(NamedTuple):
    """A charge state and the Fermi levels at which it has the lowest formation energy."""

    charge: int
    """The charge, elementary charges."""
    low: float
    """From this Fermi level on, eV above the valence-band maximum."""
    high: float
    """Up to this one: the transition level to the next charge state, or the conduction-band minimum."""


def formation_energy_at(lines: Lines, fermi_level: float) -> float:
    """Return the formation energy of the stable charge state at a Fermi level.

    Parameters
    ----------
    lines : mapping of int to float
        Formation energies at the valence-band maximum, eV, by charge.
    fermi_level : float
        Above the valence-band maximum, eV.

    Returns
    -------
    float
        Formation energy, eV.

    Examples
    --------
    >>> formation_energy_at({0: 7.0, 1: 4.0, 2: 0.0}, 1.5)
    3.0
    """
    return min(energy + charge * fermi_level for charge, energy in lines.items())


def transition_level(lines: Lines, first: int, second: int) -> float:
    """Return the Fermi level at which two charge states have one formation energy, eV above the valence-band maximum.

    Parameters
    ----------
    lines : mapping of int to float
        Formation energies at the valence-band maximum, eV, by charge.
    first, second : int
        Two different charges.

    Examples
    --------
    >>> transition_level({0: 7.0, 1: 4.0, 2: 0.0}, 1, 0)
    3.0
    """
    return (lines[second] - lines[first]) / (first - second)


def stable_states(lines: Lines, band_gap: float) -> list[StableState]:
    """Return the charge states that are stable somewhere in the gap, from the valence band to the conduction band.

    Parameters
    ----------
    lines : mapping of int to float
        Formation energies at the valence-band maximum, eV, by charge.
    band_gap : float
        The gap, eV.

    Examples
    --------
    >>> stable_states({0: 7.0, 1: 4.0, 2: 0.0}, 5.0)  # the charge 1 is stable nowhere: negative U
    [StableState(charge=2, low=0.0, high=3.5), StableState(charge=0, low=3.5, high=5.0)]
    """
    at = 0.0
    # At one level the lowest line, of equal ones that which falls below the others beyond it.
    charge = min(lines, key=lambda q: (lines[q], q))
    found: list[StableState] = []
    while True:
        levels = {q: transition_level(lines, charge, q) for q in lines if q < charge}
        following = min(levels, key=lambda q: (levels[q], q), default=None)
        if following is None or levels[following] >= band_gap:
            return [*found, StableState(charge, at, band_gap)]
        if levels[following] > at:
            found.append(StableState(charge, at, levels[following]))
        at, charge = max(at, levels[following]), following
