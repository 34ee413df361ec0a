"""Ways to lay a crystal's cell over the lattice of an ideal host, turned and strained as relaxations leave it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PAIRS = 2000
"""So many pairs of first vectors are tried with third ones at a time."""


@dataclass(frozen=True)
class Way:
    """One way to lay a cell over a lattice.

    Parameters
    ----------
    rows : ndarray of int, shape (3, 3)
        The cell's vectors, as they were given, in those of the lattice.
    strain : float
        By how much the cell is longer or shorter than the lattice in the direction where that is most, relatively:
        the largest principal stretch minus one, without sign.
    shear : float
        The same with the change of volume taken out.
    """

    rows: NDArray[np.int64]
    strain: float
    shear: float


def ways_to_lay(
    cell: NDArray[np.float64],
    lattice: NDArray[np.float64],
    rotations: NDArray[np.int64],
    volumes: Collection[int],
    strain: float,
) -> list[Way]:
    """Return the ways to lay a cell over a lattice, least shear first.

    Of ways that a rotation of the host carries into each other there is one, and none is a mirror image: in a host with
    mirror images of itself these are other ways that are there too.

    Parameters
    ----------
    cell : ndarray of float, shape (3, 3)
        The cell's vectors as rows, Å.
    lattice : ndarray of float, shape (3, 3)
        The lattice's vectors as rows, Å.
    rotations : ndarray of int, shape (k, 3, 3)
        Proper rotations of the host, the identity among them, for rows of the lattice's coordinates.
    volumes : collection of int
        How many cells of the lattice it may hold.
    strain : float
        Largest principal strain.
    """
    reduced = _reduced(cell)
    own = np.round(cell @ np.linalg.inv(reduced)).astype(np.int64)
    shells = _shells(np.linalg.norm(reduced, axis=1), lattice, strain)
    one, other = _pairs(reduced, lattice, _of_each_orbit(shells[0], rotations), shells[1], strain)
    wanted = np.array(sorted(volumes))
    found: list[NDArray[np.int64]] = []
    for start in range(0, len(one), PAIRS):
        some = slice(start, start + PAIRS)
        a, b, c = one[some, None, :], other[some, None, :], shells[2][None, :, :]
        determinant = np.einsum("pqi,pqi->pq", np.cross(a, b), np.broadcast_to(c, (len(a), *shells[2].shape)))
        near = np.isin(np.abs(determinant), wanted)
        for mine, partner in ((0, one[some]), (1, other[some])):
            near &= _kept(reduced[mine] + reduced[2], (partner[:, None, :] + c) @ lattice, strain)
            near &= _kept(reduced[mine] - reduced[2], (partner[:, None, :] - c) @ lattice, strain)
        pair, third = np.nonzero(near)
        found.append(np.stack([one[some][pair], other[some][pair], shells[2][third]], axis=1))
    rows = np.concatenate(found) if found else np.zeros((0, 3, 3), dtype=np.int64)
    return _least_first(rows, reduced, own, lattice, rotations, strain)


def _least_first(
    rows: NDArray[np.int64],
    reduced: NDArray[np.float64],
    own: NDArray[np.int64],
    lattice: NDArray[np.float64],
    rotations: NDArray[np.int64],
    strain: float,
) -> list[Way]:
    deformations = np.linalg.inv(rows @ lattice) @ reduced
    determinants = np.linalg.det(deformations)
    stretches = np.linalg.svd(deformations, compute_uv=False)
    strains = np.abs(stretches - 1).max(axis=1)
    shears = np.abs(stretches / np.cbrt(np.abs(determinants))[:, None] - 1).max(axis=1)
    kept = np.flatnonzero((determinants > 0) & (strains <= strain))
    ways: list[Way] = []
    seen: set[bytes] = set()
    for i in kept[np.argsort(shears[kept].round(9), kind="stable")].tolist():
        way = own @ rows[i]
        if way.tobytes() not in seen:
            seen.update(same.tobytes() for same in way @ rotations)
            ways.append(Way(way, float(strains[i]), float(shears[i])))
    return ways


def _reduced(cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return short vectors of a lattice, the shortest first."""
    import spglib

    found = spglib.delaunay_reduce(cell)
    short = cell if found is None else found
    order = np.argsort(np.linalg.norm(short, axis=1).round(9), kind="stable")
    result: NDArray[np.float64] = short[order]
    return result


def _shells(lengths: NDArray[np.float64], lattice: NDArray[np.float64], strain: float) -> list[NDArray[np.int64]]:
    """Return, for each length, the vectors of a lattice that a strain can give it, in the lattice's coordinates."""
    radius = float(lengths.max()) / (1 - strain)
    most = np.floor(radius * np.linalg.norm(np.linalg.inv(lattice), axis=0) + 1e-9).astype(np.int64)
    grids = np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij")
    every = np.stack([grid.ravel() for grid in grids], axis=1)
    norms = np.linalg.norm(every @ lattice, axis=1)
    return [every[(norms >= x / (1 + strain) - 1e-9) & (norms <= x / (1 - strain) + 1e-9)] for x in lengths]


def _of_each_orbit(vectors: NDArray[np.int64], rotations: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one vector of each set that the rotations carry into each other."""
    chosen: list[NDArray[np.int64]] = []
    seen: set[bytes] = set()
    for vector in vectors:
        if vector.tobytes() not in seen:
            seen.update(image.tobytes() for image in vector @ rotations)
            chosen.append(vector)
    return np.array(chosen, dtype=np.int64).reshape(-1, 3)


def _pairs(
    reduced: NDArray[np.float64],
    lattice: NDArray[np.float64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    strain: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of vectors that a strain can make the cell's first two, as two arrays of shape (p, 3)."""
    a, b = first[:, None, :], second[None, :, :]
    near = _kept(reduced[0] + reduced[1], (a + b) @ lattice, strain)
    near &= _kept(reduced[0] - reduced[1], (a - b) @ lattice, strain)
    one, other = np.nonzero(near)
    return first[one], second[other]


def _kept(wanted: NDArray[np.float64], vectors: NDArray[np.float64], strain: float) -> NDArray[np.bool_]:
    """Return which vectors a strain can bring to the length of the wanted one."""
    length, norms = float(np.linalg.norm(wanted)), np.linalg.norm(vectors, axis=-1)
    kept: NDArray[np.bool_] = (length >= (1 - strain) * norms - 1e-9) & (length <= (1 + strain) * norms + 1e-9)
    return kept
