"""The parent's axes in a relaxed supercell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space


def equivalent_axes(space: Space, axis: int) -> NDArray[np.int64]:
    """Return the directions that the parent's symmetry makes equivalent to one of its axes.

    Parameters
    ----------
    space : Space
        The space.
    axis : {0, 1, 2}
        Which vector of the cell that the spec gives, also where supercells are made of its primitive cell.

    Returns
    -------
    ndarray of int, shape (k, 3)
        Each in units of the parent's lattice vectors, opposite ones once: of a hexagonal a axis a, b and a + b.
    """
    images = {tuple(int(n) for n in image) for image in space.parent.rotations @ space.parent.axes[axis]}
    return np.array(sorted({max(v, (-v[0], -v[1], -v[2])) for v in images}, reverse=True))


def axis_lengths(space: Space, lattice: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return how long a relaxed supercell makes one of the parent's axes and its equivalents.

    Which of them is called the first depends on the member of the orbit that was relaxed; their mean does not.

    Parameters
    ----------
    space : Space
        The space.
    lattice : ndarray of float, shape (3, 3)
        Vectors of the relaxed supercell as rows, Å; they may be turned and sheared.
    axis : {0, 1, 2}
        Which vector of the cell that the spec gives.

    Returns
    -------
    ndarray of float, shape (k,)
        Å.
    """
    parent = np.linalg.solve(space.cells.rows.astype(float), lattice)
    lengths: NDArray[np.float64] = np.linalg.norm(equivalent_axes(space, axis) @ parent, axis=1)
    return lengths
