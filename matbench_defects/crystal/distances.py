"""Whether atoms keep apart, in any cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.cell import wrap
from matbench_defects.crystal.limits import check_lattice
from matbench_defects.crystal.structure import Crystal, closest_pair
from matbench_defects.errors import InputError

TOO_NEAR = 0.7
"""Atoms nearer than this, Å, are an error of the input."""


def check_apart(
    lattice: NDArray[np.float64], species: Sequence[str], labels: Sequence[str], positions: NDArray[np.float64]
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

    Raises
    ------
    InputError
        Naming the two.
    """
    check_lattice(lattice, len(species))
    distance, pair = _closest(lattice, species, positions)
    if distance >= TOO_NEAR:
        return
    first, second = (labels[i] for i in pair)
    if first == second:
        second = "its own image" if pair[0] == pair[1] else "another site of that name"
    who = f"{first} and {second}"
    raise InputError(
        f"two atoms are {distance:.2f} Å apart ({who:.100}); at least {TOO_NEAR} was expected. Is a special position "
        "rounded (write 1/3, not 0.333), or an atom given twice?"
    )


def _closest(
    lattice: NDArray[np.float64], species: Sequence[str], positions: NDArray[np.float64]
) -> tuple[float, tuple[int, int]]:
    """Return the shortest distance between two atoms, Å, and the two, however skewed or thin the cell is.

    Images of a thin cell are many: its own vectors are looked at first, and the search is one in a reduced cell.
    """
    import spglib

    try:
        reduced = spglib.delaunay_reduce(lattice)
    except spglib.error.SpglibError:
        reduced = None
    if reduced is None:
        raise InputError("these lattice vectors make no cell; are two of them nearly parallel?")
    shortest = float(np.linalg.norm(reduced, axis=1).min())
    if shortest < TOO_NEAR:
        return shortest, (0, 0)
    inside = wrap(positions @ lattice @ np.linalg.inv(reduced)) @ reduced
    return closest_pair(Crystal(reduced, tuple(species), inside))
