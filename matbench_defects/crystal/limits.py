"""What is handled at most, so that a slip of the pen ends in a message and not in a machine without memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import InputError

LARGEST_PARENT = 5000
"""Atoms of a parent's cell. The largest shipped one has 176; supercells are made from it by symmetry."""
MOST_IMAGES = 50_000
"""Sites times operations in a CIF file. A file lists inequivalent sites: 250 of them in the largest space group."""
LARGEST_LENGTH = 10_000.0
"""Length of a lattice vector, Å."""
LARGEST_VOLUME = 1e7
"""Volume of a parent's cell, Å³."""
SMALLEST_VOLUME = 0.2
"""Volume of an atom, Å³: spheres 0.7 Å apart, packed as densely as can be, take 0.24 each."""
LARGEST_GROUP = 200_000_000
"""Entries of the table of a supercell's permutations, operations times sites. Just below it, 7x7x7 conventional cells
of rock salt (2744 sites) took `check` 2.6 GB and 40 s of a processor."""
LARGEST_ACTION = 50_000_000
"""Edges between sites times the operations of the space's group, or times its variable sites, whichever are more."""
MOST_CONTENTS = 1_000_000
"""Contents of one space."""
MOST_SHAPES = 2000
"""Shapes of supercells of one space."""


def check_lattice(lattice: NDArray[np.float64], atoms: int) -> None:
    """Refuse a cell that no crystal has.

    Parameters
    ----------
    lattice : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    atoms : int
        How many atoms it holds at least.

    Raises
    ------
    InputError
        If it is flat, far too small or far too large.
    """
    if not np.isfinite(lattice).all():
        raise InputError("the lattice vectors are not numbers")
    with np.errstate(all="ignore"):  # too large for a number is too large
        longest = float(np.linalg.norm(lattice, axis=1).max())
        volume = abs(float(np.linalg.det(lattice)))
    if not (longest <= LARGEST_LENGTH and volume <= LARGEST_VOLUME):
        raise InputError(
            f"the cell is {longest:.4g} Å long and has {volume:.4g} Å³; at most {LARGEST_LENGTH:g} Å and "
            f"{LARGEST_VOLUME:g} Å³ are handled. Are the lengths in Å?"
        )
    if volume < SMALLEST_VOLUME * atoms:
        some = "an atom" if atoms == 1 else f"{atoms} atoms"
        raise InputError(f"the cell has a volume of {volume:.3g} Å³, which does not hold {some}. Are the lengths in Å?")


def check_atoms(number: int) -> None:
    """Refuse a parent of too many atoms.

    Raises
    ------
    InputError
        If there are more than `LARGEST_PARENT`.
    """
    if number > LARGEST_PARENT:
        raise InputError(
            f"its cell holds {number} atoms; a parent has at most {LARGEST_PARENT}. Give the smallest cell of the "
            "ideal host, and say in `supercell` how often it is repeated"
        )


def check_listed(sites: int, operations: int) -> None:
    """Refuse a file that lists more sites, or images of them, than are worked out in a reasonable time.

    Raises
    ------
    InputError
        If there are more than `LARGEST_PARENT` sites or `MOST_IMAGES` images.
    """
    check_atoms(sites)
    if sites * operations > MOST_IMAGES:
        raise InputError(
            f"lists {sites} sites and {operations} symmetry operations, which make {sites * operations} images; at "
            f"most {MOST_IMAGES} are handled. List the inequivalent sites only"
        )


def check_group(operations: int, cells: int, atoms: int) -> None:
    """Refuse a supercell whose permutations would not fit in memory.

    Parameters
    ----------
    operations : int
        Operations of the parent that keep the supercell's lattice.
    cells : int
        Parent cells in the supercell.
    atoms : int
        Atoms of the parent.

    Raises
    ------
    InputError
        If the table has more than `LARGEST_GROUP` entries.
    """
    # Sums of two lattice vectors of the supercell are looked up in a table besides, some eight numbers each.
    if cells**2 * max(operations * atoms, 8) > LARGEST_GROUP:
        raise InputError(
            f"{operations * cells} operations on {atoms * cells} sites exceed the {LARGEST_GROUP:,} numbers that are "
            "handled; take a smaller supercell"
        )
