"""Giving the atoms of a structure to the sites of a host, one to each."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.split_sites import sites_apart
from matbench_defects.crystal.structure import Crystal, nearest_images
from matbench_defects.crystal.symmetry import Cells
from matbench_defects.spec.fields import VACANCY

ROUNDS = 3
"""How often drift is taken out and atoms are assigned again."""
FEW = 10_000
"""Up to so many pairs of an atom and a site, all images of a site are looked at, however skewed the cell is."""

DOUBTFUL = 0.25
"""An atom nearer than this to its site, Å, is on no other, unless sites are split: others are 0.7 Å apart at least."""

Holds = tuple[frozenset[str], ...]
"""What each site of the parent may hold, vacancies among it."""


@dataclass(frozen=True)
class Sites:
    """The sites of a cell of the host.

    Parameters
    ----------
    parent : Parent
        The host.
    cells : Cells
        The parent's cells in it.
    holds : tuple of frozenset of str
        What each site of the parent may hold.
    """

    parent: Parent
    cells: Cells
    holds: Holds

    def __len__(self) -> int:
        return len(self.holds) * len(self.cells.offsets)

    @functools.cached_property
    def lattice(self) -> NDArray[np.float64]:
        """Its vectors as rows, Å."""
        return self.cells.rows @ self.parent.lattice

    @functools.cached_property
    def vacant(self) -> NDArray[np.bool_]:
        """Which sites may be empty."""
        return np.repeat([VACANCY in held for held in self.holds], len(self.cells.offsets))

    @functools.cached_property
    def fractional(self) -> NDArray[np.float64]:
        """Where its sites are, in the parent's vectors, site of the parent by site, shape (n, 3)."""
        return (self.parent.positions[:, None, :] + self.cells.offsets[None, :, :]).reshape(-1, 3)

    def allowed(self, crystal: Crystal) -> NDArray[np.bool_]:
        """Return which sites of the parent each atom may take, shape (atoms, sites of the parent)."""
        known = {species: i for i, species in enumerate(dict.fromkeys(crystal.species))}
        table = np.array([[s in held for held in self.holds] for s in known], dtype=bool)
        return table.reshape(-1, len(self.holds))[[known[s] for s in crystal.species]]


class Assigned(NamedTuple):
    """The sites of a structure's atoms."""

    displacement: float
    """The largest distance of an atom from its site, Å."""
    chosen: NDArray[np.int64]
    """The site of each atom."""
    fractional: NDArray[np.float64]
    """Where the atoms are, drift taken out, in the parent's vectors."""


def shifts(
    sites: Sites,
    crystal: Crystal,
    fractional: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    first: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the shifts that bring one atom onto a site; the host's own translations need no trying.

    Parameters
    ----------
    sites : Sites
        The sites.
    crystal : Crystal
        The structure.
    fractional : ndarray of float, shape (atoms, 3)
        Where its atoms are, in the parent's vectors.
    allowed : ndarray of bool, shape (atoms, sites of the parent)
        Which sites each may take.
    first : ndarray of int, shape (sites of the parent,)
        The first of the sites that translations of the host carry into each other.
    """
    if not len(crystal):
        return np.zeros((1, 3))
    held = Counter(crystal.species)
    atom = crystal.species.index(min(held, key=lambda s: (held[s], s)))
    result: NDArray[np.float64] = sites.parent.positions[np.unique(first[allowed[atom]])] - fractional[atom]
    return result


def near_images(parent: Parent, largest: float) -> NDArray[np.int64]:
    """Return the lattice vectors of the parent, besides the rounded one, that a vector to a near site may need.

    Rounding fractional coordinates is right for what is shorter than half of every distance between lattice planes.
    """
    spacing = 1 / np.linalg.norm(np.linalg.inv(parent.lattice), axis=0)
    if spacing.min() / 2 > largest:
        return np.zeros((1, 3), dtype=np.int64)
    return np.array(list(itertools.product((0, -1, 1), repeat=3)))


def nearest(
    sites: Sites, fractional: NDArray[np.float64], allowed: NDArray[np.bool_], images: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest site that may hold each atom, and the vector from there, Cartesian, Å.

    All cells of the parent are alike, so the sites of one are enough to look through.
    """
    chosen = np.empty(len(fractional), dtype=np.int64)
    whole = np.empty((len(fractional), 3), dtype=np.int64)
    away = np.empty((len(fractional), 3))
    for atoms, held in _alike(allowed.tobytes(), allowed.shape[1]):
        difference = fractional[atoms, None, :] - sites.parent.positions[held]  # atoms, sites of the parent
        rounded = np.round(difference)
        vectors = ((difference - rounded)[:, :, None, :] - images) @ sites.parent.lattice  # atoms, sites, images
        squares = np.einsum("...i,...i", vectors, vectors).reshape(len(atoms), -1)
        site, image = np.divmod(squares.argmin(axis=1), len(images))
        rows = np.arange(len(atoms))
        chosen[atoms], away[atoms] = held[site], vectors[rows, site, image]
        whole[atoms] = rounded[rows, site].astype(np.int64) + images[image]
    return chosen * len(sites.cells.offsets) + sites.cells.index(whole), away


@functools.lru_cache(maxsize=64)
def _alike(allowed: bytes, width: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the atoms that may take the same sites of the parent, with those; site 0 where there is none."""
    members: dict[bytes, list[int]] = {}
    for atom, start in enumerate(range(0, len(allowed), width)):
        members.setdefault(allowed[start : start + width], []).append(atom)
    held = {key: np.flatnonzero(np.frombuffer(key, dtype=bool)) for key in members}
    return [
        (np.array(atoms), held[key] if len(held[key]) else np.zeros(1, dtype=np.int64))
        for key, atoms in members.items()
    ]


def assigned(
    sites: Sites,
    fractional: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    images: NDArray[np.int64],
    *,
    laid: bool = False,
) -> Assigned | None:
    """Return each atom's site; None where the host would be left with a hole.

    Each site is given once, with the least sum of squared distances, and drift is taken out.

    Parameters
    ----------
    sites : Sites
        The sites.
    fractional : ndarray of float, shape (atoms, 3)
        Where the atoms are, in the parent's vectors.
    allowed : ndarray of bool, shape (atoms, sites of the parent)
        Which sites each may take.
    images : ndarray of int, shape (m, 3)
        As `near_images` returns them.
    laid : bool
        Whether the structure lies in the cell as it was relaxed; of each site one image is then enough.
    """
    chosen, displacements = np.zeros(0, dtype=np.int64), np.zeros((0, 3))
    for _ in range(ROUNDS if len(fractional) else 0):
        before = chosen
        chosen, displacements = nearest(sites, fractional, allowed, images)
        filled = np.bincount(chosen, minlength=len(sites))
        # Where each atom has its nearest site for itself, nothing can be better.
        if filled.max() > 1 or not sites.vacant[filled == 0].all():
            found = _shared_out(sites, fractional, allowed, laid)
            if found is None:
                return None
            chosen, displacements = found
        drift = displacements.mean(axis=0)
        fractional = fractional - drift @ np.linalg.inv(sites.parent.lattice)
        displacements = displacements - drift
        if np.array_equal(chosen, before):
            break
    if not len(fractional) and not sites.vacant.all():
        return None
    return Assigned(float(np.linalg.norm(displacements, axis=1).max(initial=0)), chosen, fractional)


def doubtful(sites: Sites, allowed: NDArray[np.bool_], given: Assigned, apart: float) -> Iterator[NDArray[np.int64]]:
    """Yield what the atoms' sites would be with one atom on an empty site that is about as near as its own.

    Parameters
    ----------
    sites : Sites
        The sites.
    allowed : ndarray of bool, shape (atoms, sites of the parent)
        Which sites each atom may take.
    given : Assigned
        The sites of the atoms.
    apart : float
        A site is not about as near if it is so many times farther.
    """
    empty = np.setdiff1d(np.arange(len(sites)), given.chosen)
    vectors = _away(sites, given.fractional, sites.fractional[given.chosen])
    own = np.linalg.norm(vectors, axis=1)
    # Nearer to its own site than this, an atom has no other that is about as near.
    least = min(DOUBTFUL, 0.9 * sites_apart(sites.parent) / (1 + apart))
    atoms = np.flatnonzero((own > least) & sites.vacant[given.chosen])
    which, other = np.nonzero(allowed[atoms][:, empty // len(sites.cells.offsets)])
    atom, site = atoms[which], empty[other]
    away = _away(sites, given.fractional[atom], sites.fractional[site])
    away -= (away - vectors[atom]) / max(1, len(vectors))  # what it moves the drift by
    for k in np.flatnonzero(np.linalg.norm(away, axis=1) < apart * own[atom]).tolist():
        moved = given.chosen.copy()
        moved[atom[k]] = site[k]
        yield moved


def _away(sites: Sites, one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shortest vectors between points given in the parent's vectors, in the periodic cell, Å."""
    return nearest_images(sites.lattice, (one - other) @ sites.parent.lattice)


def _shared_out(
    sites: Sites, fractional: NDArray[np.float64], allowed: NDArray[np.bool_], laid: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Return sites, one to each atom, with the least sum of squared distances, and the vectors from there, Å."""
    from scipy.optimize import linear_sum_assignment

    if len(fractional) > len(sites):
        return None
    away = (fractional[:, None, :] - sites.fractional) @ np.linalg.inv(sites.cells.rows)
    away = (away - np.round(away)) @ sites.lattice
    if not laid and away.size <= 3 * FEW:
        away = nearest_images(sites.lattice, away.reshape(-1, 3)).reshape(away.shape)
    everywhere = np.repeat(allowed, len(sites.cells.offsets), axis=1)
    squares = np.where(everywhere, np.einsum("...i,...i", away, away), 1e6)
    # A vacancy is an atom without a place of its own, for which only some sites are open.
    empty = np.tile(np.where(sites.vacant, 0.0, 1e6), (len(sites) - len(fractional), 1))
    costs = np.concatenate([squares, empty])
    rows, columns = linear_sum_assignment(costs)
    if costs[rows, columns].max(initial=0) >= 1e6:
        return None
    chosen = columns[: len(fractional)]
    return chosen, away[np.arange(len(chosen)), chosen]


def repeating(codes: NDArray[np.int64], cells: Cells) -> NDArray[np.int64]:
    """Return the translations of the parent that keep an occupation, by the numbers of their cells.

    Parameters
    ----------
    codes : ndarray of int, shape (sites of the parent, cells)
        What each site holds.
    cells : Cells
        The cells.
    """
    moved = cells.index(cells.offsets[:, None, :] + cells.offsets[None, :, :])  # translation, cell
    kept: NDArray[np.int64] = np.flatnonzero((codes[:, moved] == codes[:, None, :]).all(axis=(0, 2)))
    return kept


def holds_of(parent: Parent, sublattices: Sequence[tuple[Sequence[int], Sequence[str]]]) -> Holds:
    """Return what each site of a parent may hold, from its sublattices' sites, those of the parent, and species."""
    holds = [frozenset([species]) for species in parent.species]
    for sites, species in sublattices:
        for site in sites:
            holds[site] = frozenset(species)
    return tuple(holds)
