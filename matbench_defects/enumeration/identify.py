"""Which configuration of a space a structure is, relaxed or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.enumeration.canonical import canonical, configuration_id
from matbench_defects.spec.fields import VACANCY

LENGTHS = 0.12
"""By how much, relatively, the edges of the cell may differ from the ideal supercell's."""
ANGLES = 8.0
"""By how much its angles may differ, degrees."""
TRIED = 4
"""How many of the ways to lay the structure over the supercell, best first, are assigned atom by atom."""
ROUNDS = 3
"""How often drift is taken out and atoms are assigned again."""


@dataclass(frozen=True)
class Identified:
    """What was found about a structure.

    Parameters
    ----------
    id : str or None
        Id of the configuration; None where it is none of the space.
    reason : str
        Why it is none; empty where it is one.
    occupation : ndarray of uint8, shape (n,), or None
        The canonical configuration.
    operation : ndarray of int, shape (n,), or None
        A permutation of the space's group: what the structure has on variable site i, the canonical configuration has
        on ``operation[i]``.
    sites : ndarray of int, shape (atoms,), or None
        The supercell's site of each atom.
    displacement : float or None
        Largest distance of an atom from its site, Å, in the ideal supercell, strain and drift taken out.
    """

    id: str | None
    reason: str = ""
    occupation: NDArray[np.uint8] | None = None
    operation: NDArray[np.int32] | None = None
    sites: NDArray[np.int64] | None = None
    displacement: float | None = None


def identify(space: Space, crystal: Crystal, largest: float = 1.5, *, laid: bool = False) -> Identified:
    """Say which configuration of a space a structure is, or why it is none.

    The structure's cell is laid over the supercell in every way that keeps lengths and angles within tolerance (so
    any setting, rotated or with other vectors of the same lattice, is found), in fractional coordinates, which takes
    strain out. Atoms are assigned to the nearest sites that may hold them, each site once, with the least sum of
    squared distances and with drift taken out.

    Parameters
    ----------
    space : Space
        The space, of structures.
    crystal : Crystal
        The structure; ``Crystal.from_ase`` and ``Crystal.from_pymatgen`` make one.
    largest : float
        An atom farther than this from its site, Å, means that the structure is none of the space.
    laid : bool
        The cell lies over the supercell as it is, vector by vector and with the same origin, as after a relaxation:
        no other way is tried, and any strain is taken out.

    Returns
    -------
    Identified
    """
    if space.pathway is not None:
        return Identified(None, "the space holds pathways, not structures")
    if reason := _cannot_be(space, crystal):
        return Identified(None, reason)
    allowed = _allowed(space, crystal)
    if laid:
        fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
        return _best(space, crystal, [_assigned(space, fractional, allowed)], largest)
    settings = _settings(space, crystal)
    if not settings:
        return Identified(
            None, f"its cell ({_shown(crystal.lattice)}) is no setting of the supercell ({_shown(space.lattice)})"
        )
    ways: list[tuple[float, int, NDArray[np.float64]]] = []
    for fractional in settings:
        for shift in _shifts(space, crystal, fractional, allowed):
            distances = _distances(space, fractional + shift, allowed)[0]
            ways.append((float(np.minimum(distances.min(axis=1), 2 * largest).sum()), len(ways), fractional + shift))
    ways.sort(key=lambda item: item[:2])
    return _best(space, crystal, [_assigned(space, fractional, allowed) for _, _, fractional in ways[:TRIED]], largest)


def _best(
    space: Space, crystal: Crystal, ways: list[tuple[float, NDArray[np.int64]] | None], largest: float
) -> Identified:
    """Return what the structure is by the assignment with the least displacement."""
    assigned = [way for way in ways if way is not None]
    if not assigned:
        return Identified(None, "its atoms cannot be given to the sites of the supercell, one to each")
    displacement, sites = min(assigned, key=lambda way: way[0])
    if displacement > largest:
        return Identified(None, f"an atom lies {displacement:.2f} Å from its site", displacement=displacement)
    return _named(space, crystal, sites, displacement)


def _cannot_be(space: Space, crystal: Crystal) -> str:
    known = set(space.host_species) | {s for sublattice in space.sublattices for s in sublattice.species}
    strange = sorted(set(crystal.species) - known)
    if strange:
        return f"the space has no {', '.join(strange)}"
    if len(crystal) > len(space.host_species):
        return f"it has {len(crystal)} atoms, the supercell {len(space.host_species)} sites"
    variable = set(space.variable_sites.tolist())
    fixed = Counter(s for i, s in enumerate(space.host_species) if i not in variable)
    held = Counter(crystal.species)
    for species, number in fixed.items():
        if held[species] < number:
            return f"it has {held[species]} {species}, the host alone {number}"
    return ""


def _shown(lattice: NDArray[np.float64]) -> str:
    lengths = ", ".join(f"{x:.2f}" for x in np.linalg.norm(lattice, axis=1))
    return f"{lengths} Å, {abs(np.linalg.det(lattice)):.0f} Å³"


def _settings(space: Space, crystal: Crystal) -> list[NDArray[np.float64]]:
    """Return the atoms' fractional coordinates in the supercell, for each way to lay the cell over it."""
    from pymatgen.core import Lattice

    improper = bool((np.round(np.linalg.det(space.parent.rotations)) < 0).any())
    fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
    result: list[NDArray[np.float64]] = []
    seen = set()
    mappings = Lattice(crystal.lattice).find_all_mappings(
        Lattice(space.lattice), ltol=LENGTHS, atol=ANGLES, skip_rotation_matrix=True
    )
    handed = np.sign(np.linalg.det(crystal.lattice) * np.linalg.det(space.lattice))
    for _, _, scale in mappings:
        whole = np.round(scale).astype(int)
        determinant = round(float(np.linalg.det(whole)))
        if abs(determinant) != 1 or (determinant * handed < 0 and not improper):
            continue
        key = whole.tobytes()
        if key not in seen:
            seen.add(key)
            result.append(fractional @ np.linalg.inv(whole))
    return result


def _allowed(space: Space, crystal: Crystal) -> NDArray[np.bool_]:
    """Return which atoms each site may hold, shape (atoms, sites)."""
    holds: list[set[str]] = [{species} for species in space.host_species]
    for sublattice in space.sublattices:
        for site in sublattice.sites.tolist():
            holds[site] = set(sublattice.species) - {VACANCY}
    table = {s: np.array([s in held for held in holds]) for s in set(crystal.species)}
    return np.array([table[s] for s in crystal.species]).reshape(len(crystal), len(holds))


def _shifts(
    space: Space, crystal: Crystal, fractional: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the shifts that bring one atom onto a site; the parent's own translations need no trying."""
    if not len(crystal):
        return np.zeros((1, 3))
    held = Counter(crystal.species)
    rarest = min(held, key=lambda s: (held[s], s))
    atom = crystal.species.index(rarest)
    cells = len(space.cells.offsets)
    home = np.arange(0, len(space.host_species), cells)
    sites = (space.positions @ np.linalg.inv(space.lattice))[home[allowed[atom, home]]]
    shifts: NDArray[np.float64] = sites - fractional[atom]
    return shifts


def _distances(
    space: Space, fractional: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distance of each atom from each site that may hold it, Å, and the vector there, fractional."""
    sites = space.positions @ np.linalg.inv(space.lattice)
    away = fractional[:, None, :] - sites[None, :, :]
    away -= np.round(away)
    distances = np.linalg.norm(away @ space.lattice, axis=2)
    return np.where(allowed, distances, 1e3), away


def _assigned(
    space: Space, fractional: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> tuple[float, NDArray[np.int64]] | None:
    """Return the largest displacement and each atom's site; None where the host would be left with a hole."""
    from scipy.optimize import linear_sum_assignment

    vacant = np.zeros(len(space.host_species), dtype=bool)
    for sublattice in space.sublattices:
        vacant[sublattice.sites] = VACANCY in sublattice.species
    sites = np.zeros(0, dtype=np.int64)
    displacements = np.zeros((0, 3))
    for _ in range(ROUNDS):
        distances, away = _distances(space, fractional, allowed)
        # A vacancy is an atom without a place of its own, for which only some sites are open.
        empty = np.tile(np.where(vacant, 0.0, 1e6), (len(vacant) - len(fractional), 1))
        rows, columns = linear_sum_assignment(np.concatenate([distances**2, empty]))
        if np.concatenate([distances**2, empty])[rows, columns].max(initial=0) >= 1e6:
            return None
        sites = columns[: len(fractional)]
        displacements = away[np.arange(len(sites)), sites]
        if not len(sites):
            return 0.0, sites
        drift = displacements.mean(axis=0)
        fractional = fractional - drift
        displacements = displacements - drift
    return float(np.linalg.norm(displacements @ space.lattice, axis=1).max()), sites


def _named(space: Space, crystal: Crystal, sites: NDArray[np.int64], displacement: float) -> Identified:
    held = [VACANCY] * len(space.host_species)
    for species, site in zip(crystal.species, sites.tolist(), strict=True):
        held[site] = species
    occupation = np.array(
        [s.species.index(held[site]) for s in space.sublattices for site in s.sites.tolist()], dtype=np.uint8
    )
    content = space.content(occupation)
    if content not in space.contents():
        return Identified(
            None, f"its content {space.content_name(content)} is none of the space", displacement=displacement
        )
    smallest, operation = canonical(space, occupation)
    return Identified(configuration_id(space, smallest), "", smallest, operation, sites, displacement)
