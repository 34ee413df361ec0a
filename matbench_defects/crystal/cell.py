"""Lattice vectors, and what symmetry operations do in a cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SAME_SITE = 0.01
"""Positions nearer than this, Å, are one site written twice."""


def lattice_vectors(lengths: Sequence[float], angles: Sequence[float]) -> NDArray[np.float64]:
    """Return lattice vectors as rows, c along z and a in the xz plane.

    Bit for bit those of pymatgen's ``Lattice.from_parameters(vesta=False)``, whose import takes longer than all else
    that `check` does; labels are found again by digests that depend on them.
    """
    a, b, c = lengths
    radians = np.radians(angles)
    cosines, sines = np.cos(radians), np.sin(radians)
    between = np.clip((cosines[0] * cosines[1] - cosines[2]) / (sines[0] * sines[1]), -1, 1)  # of a* and b*
    gamma = np.arccos(between)
    return np.array(
        [
            [a * sines[1], 0.0, a * cosines[1]],
            [-b * sines[0] * np.cos(gamma), b * sines[0] * np.sin(gamma), b * cosines[0]],
            [0.0, 0.0, c],
        ]
    )


def wrap(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fractional coordinates in [0, 1), those within 1e-6 of a cell border at zero."""
    positions = np.mod(positions, 1.0)
    return np.where(positions > 1 - 1e-6, 0.0, positions)


def isometric(cell: NDArray[np.float64], rotations: NDArray[np.int64], tolerance: float) -> bool:
    """Return whether rotations keep all lengths of a cell, up to `tolerance` times the largest squared length."""
    metric = cell @ cell.T
    turned = rotations.transpose(0, 2, 1) @ metric @ rotations
    return bool(np.allclose(turned, metric, rtol=0, atol=tolerance * metric.max()))


def orbit(
    position: NDArray[np.float64],
    rotations: NDArray[np.int64],
    translations: NDArray[np.float64],
    cell: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the distinct images of one position, in an order that rounding cannot change."""
    images = wrap(rotations @ position + translations)
    images = images[np.lexsort(np.round(images, 4).T[::-1])]
    difference = images[:, None] - images[None]
    difference -= np.round(difference)
    same = ((difference @ cell) ** 2).sum(axis=-1) < SAME_SITE**2
    result: NDArray[np.float64] = images[~np.tril(same, -1).any(axis=1)]  # the first of those that are one site
    return result


def on_special_position(
    position: NDArray[np.float64],
    rotations: NDArray[np.int64],
    translations: NDArray[np.float64],
    cell: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return a position moved onto the special position that its printed digits round: 0.3333 to 1/3.

    It is the mean of its images within `SAME_SITE`, which are as many as operations that keep the special position.
    """
    moved = rotations @ position + translations - position
    moved -= np.round(moved)
    near = ((moved @ cell) ** 2).sum(axis=-1) < SAME_SITE**2
    mean: NDArray[np.float64] = position + moved[near].mean(axis=0)
    return mean


def same_but_shifted(
    cell: NDArray[np.float64],
    first: tuple[Sequence[str], NDArray[np.float64]],
    second: tuple[Sequence[str], NDArray[np.float64]],
) -> bool:
    """Return whether two sets of atoms in one cell, each species and fractional positions, differ by a shift alone."""
    from scipy.spatial import cKDTree

    species, other_species = np.array(first[0]), np.array(second[0])
    if sorted(first[0]) != sorted(second[0]):
        return False
    kinds, counts = np.unique(species, return_counts=True)
    trees = {kind: cKDTree(wrap(second[1][other_species == kind]), boxsize=1.0) for kind in kinds}
    rarest = kinds[counts.argmin()]
    reach = SAME_SITE / float(np.linalg.norm(cell, axis=1).max())
    start = first[1][species == rarest][0]
    for end in second[1][other_species == rarest]:
        moved = wrap(first[1] + end - start)
        if all(float(trees[kind].query(moved[species == kind])[0].max()) < reach for kind in kinds):
            return True
    return False
