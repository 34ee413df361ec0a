"""Whether atoms keep apart, in any cell."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.cell import wrap
from matbench_defects.crystal.limits import check_lattice
from matbench_defects.crystal.structure import Crystal, closest_pair, near_pairs
from matbench_defects.errors import InputError

TOO_NEAR = 0.7
"""Atoms nearer than this, Å, are an error of the input, or sites of which one at most is filled."""
SPLIT_APART = 0.1
"""Even such split sites are at least so far apart, Å: what is nearer is one site with rounded coordinates."""


def check_apart(
    lattice: NDArray[np.float64],
    species: Sequence[str],
    labels: Sequence[str],
    positions: NDArray[np.float64],
    split: Collection[str] = (),
) -> None:
    """Refuse a crystal in which two atoms lie nearer than `TOO_NEAR`, or a cell that holds no crystal.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    species : sequence of str, length n
        Chemical symbols.
    labels : sequence of str, length n
        What the atoms are called in a message.
    positions : ndarray of float, shape (n, 3)
        Fractional coordinates.
    split : collection of str
        Labels or species of sites that may be as near to each other as `SPLIT_APART`; whether they exclude each other
        is for the caller to see.

    Raises
    ------
    InputError
        Naming the two.
    """
    check_lattice(lattice, len(species))
    distance, pair = closest(lattice, species, positions)
    if distance >= TOO_NEAR:
        return
    if split and distance >= SPLIT_APART:
        may = [label in split or kind in split for label, kind in zip(labels, species, strict=True)]
        near = near_sites(lattice, species, positions, TOO_NEAR)
        others = [one for one in near if one[1][0] == one[1][1] or not (may[one[1][0]] and may[one[1][1]])]
        if not others:
            return
        distance, pair = min(others)
    first, second = (labels[i] for i in pair)
    if first == second:
        second = "its own image" if pair[0] == pair[1] else "another site of that name"
    who = f"{first} and {second}"
    raise InputError(
        f"two atoms are {distance:.2f} Å apart ({who:.100}); at least {TOO_NEAR} was expected. Is a special position "
        "rounded (write 1/3, not 0.333), or an atom given twice?"
    )


def closest(
    lattice: NDArray[np.float64], species: Sequence[str], positions: NDArray[np.float64]
) -> tuple[float, tuple[int, int]]:
    """Return the shortest distance between two atoms, Å, and the two, however skewed or thin the cell is.

    Images of a thin cell are many: its own vectors are looked at first, and the search is one in a reduced cell.

    Parameters
    ----------
    lattice, species, positions
        As for `check_apart`.
    """
    crystal = _reduced_crystal(lattice, species, positions)
    shortest = float(np.linalg.norm(crystal.lattice, axis=1).min())
    return (shortest, (0, 0)) if shortest < TOO_NEAR else closest_pair(crystal)


def near_sites(
    lattice: NDArray[np.float64], species: Sequence[str], positions: NDArray[np.float64], cutoff: float
) -> list[tuple[float, tuple[int, int]]]:
    """Return the distances between atoms below a cutoff, Å, each with the two atoms, however skewed the cell is."""
    found = near_pairs(_reduced_crystal(lattice, species, positions), cutoff)
    return [pair for pair in found if pair[0] < cutoff]


def _reduced_crystal(lattice: NDArray[np.float64], species: Sequence[str], positions: NDArray[np.float64]) -> Crystal:
    import spglib

    try:
        reduced = spglib.delaunay_reduce(lattice)
    except spglib.error.SpglibError:
        reduced = None
    if reduced is None:
        raise InputError("these lattice vectors make no cell; are two of them nearly parallel?")
    return Crystal(reduced, tuple(species), wrap(positions @ lattice @ np.linalg.inv(reduced)) @ reduced)
