"""Which supercell a new spec begins with."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from matbench_defects.crystal.parent import Parent

LARGEST_CELL = 100
"""Sites that a suggested supercell holds at most, where the parent cell itself is not larger."""
LARGEST_FOR_OCCUPANCIES = 400
"""Sites that a supercell holds at most that is enlarged to hold occupancies well."""

Repeats = tuple[int, int, int]
"""Repeats of the parent's cell along its vectors."""


def suggested_supercell(parent: Parent, vacuum: Collection[int] = ()) -> Repeats:
    """Return 2x2x2, with the longest vectors kept single until the cell holds at most `LARGEST_CELL` sites.

    Parameters
    ----------
    parent : Parent
        The crystal.
    vacuum : collection of int
        Across which of its vectors there is vacuum: along these it stays one cell.
    """
    repeats = [1 if axis in vacuum else 2 for axis in range(3)]
    # The longest vector separates a defect from its image best already; of equal ones the last gives way.
    for axis in sorted(range(3), key=lambda i: (-round(float(np.linalg.norm(parent.lattice[i])), 3), -i)):
        if len(parent.species) * int(np.prod(repeats)) <= LARGEST_CELL:
            break
        repeats[axis] = 1
    return (repeats[0], repeats[1], repeats[2])


def larger_supercells(parent: Parent, vacuum: Collection[int] = ()) -> Iterator[Repeats]:
    """Yield `suggested_supercell` and larger ones, each with the shortest of its vectors one cell longer."""
    repeats = list(suggested_supercell(parent, vacuum))
    lengths = np.linalg.norm(parent.lattice, axis=1)
    free = [axis for axis in range(3) if axis not in vacuum]
    yield (repeats[0], repeats[1], repeats[2])
    while free:
        shortest = min(free, key=lambda axis: (round(float(repeats[axis] * lengths[axis]), 3), axis))
        repeats[shortest] += 1
        if len(parent.species) * int(np.prod(repeats)) > LARGEST_FOR_OCCUPANCIES:
            return
        yield (repeats[0], repeats[1], repeats[2])
