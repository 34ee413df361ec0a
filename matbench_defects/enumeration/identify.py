"""Which configuration of a space a structure is, relaxed or not."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import canonical
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
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
    configuration : Configuration or None
        The configuration, by its canonical member; None where it is none of the space.
    reason : str
        Why it is none; empty where it is one.
    operation : ndarray of int, shape (n,), or None
        A permutation of the space's group: what the structure has on variable site i, the canonical configuration has
        on ``operation[i]``.
    sites : ndarray of int, shape (atoms,), or None
        The supercell's site of each atom.
    displacement : float or None
        Largest distance of an atom from its site, Å, in the ideal supercell, strain and drift taken out.
    """

    configuration: Configuration | None
    reason: str = ""
    operation: NDArray[np.int32] | None = None
    sites: NDArray[np.int64] | None = None
    displacement: float | None = None

    def __repr__(self) -> str:
        apart = "" if self.displacement is None else f", largest displacement {self.displacement:.3f} Å"
        return f"<Identified: {self.id or self.reason}{apart}>"

    @property
    def id(self) -> str | None:
        """Id of the configuration, where it is one."""
        return None if self.configuration is None else self.configuration.id


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
    if space.structures is not space:
        return Identified(None, f"the space holds {space.kind.name}, not structures")
    if reason := _cannot_be(space, crystal):
        return Identified(None, reason)
    allowed, images = _allowed(space, crystal), _images(space, largest)
    if laid:
        fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
        return _best(space, crystal, [_assigned(space, fractional, allowed, images)], largest)
    settings = _settings(space, crystal)
    if not settings:
        return Identified(
            None, f"its cell ({_shown(crystal.lattice)}) is no setting of the supercell ({_shown(space.lattice)})"
        )
    ways: list[tuple[float, int, NDArray[np.float64]]] = []
    for fractional in settings:
        for shift in _shifts(space, crystal, fractional, allowed):
            _, away = _nearest(space, fractional + shift, allowed, images)
            score = float(np.minimum(np.linalg.norm(away, axis=1), 2 * largest).sum())
            ways.append((score, len(ways), fractional + shift))
    ways.sort(key=lambda item: item[:2])
    tried = [_assigned(space, fractional, allowed, images) for _, _, fractional in ways[:TRIED]]
    return _best(space, crystal, tried, largest)


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
    held = Counter(crystal.species)
    for species, number in _fixed(space).items():
        if held[species] < number:
            return f"it has {held[species]} {species}, the host alone {number}"
    if frozenset(held.items()) not in _compositions(space):
        shown = " ".join(f"{species}{number}" for species, number in sorted(held.items()))
        return f"no content of the space has its composition, {shown}"
    return ""


def _fixed(space: Space) -> Counter[str]:
    """Return how many of each species sit on sites of no sublattice."""
    variable = set(space.variable_sites.tolist())
    return Counter(s for i, s in enumerate(space.host_species) if i not in variable)


def _compositions(space: Space) -> set[frozenset[tuple[str, int]]]:
    """Return the atoms by element of every content of a space."""
    known: set[frozenset[tuple[str, int]]] | None = space.memory.get("compositions")
    if known is None:
        known = set()
        fixed = _fixed(space)
        for content in space.contents():
            atoms = fixed.copy()
            for sublattice, counts in zip(space.sublattices, content, strict=True):
                atoms.update(dict(zip(sublattice.species, counts, strict=True)))
            known.add(frozenset((s, n) for s, n in atoms.items() if n and s != VACANCY))
        space.memory["compositions"] = known
    return known


def _shown(lattice: NDArray[np.float64]) -> str:
    lengths = ", ".join(f"{x:.2f}" for x in np.linalg.norm(lattice, axis=1))
    return f"{lengths} Å, {abs(np.linalg.det(lattice)):.0f} Å³"


def _settings(space: Space, crystal: Crystal) -> list[NDArray[np.float64]]:
    """Return the atoms' fractional coordinates in the supercell, for each way to lay the cell over it.

    Of the ways that an operation of the host carries into each other, one is enough.
    """
    from pymatgen.core import Lattice

    operations = _operations(space)
    improper = bool((np.round(np.linalg.det(operations)) < 0).any())
    fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
    result: list[NDArray[np.float64]] = []
    seen: set[bytes] = set()
    mappings = Lattice(crystal.lattice).find_all_mappings(
        Lattice(space.lattice), ltol=LENGTHS, atol=ANGLES, skip_rotation_matrix=True
    )
    handed = np.sign(np.linalg.det(crystal.lattice) * np.linalg.det(space.lattice))
    for _, _, scale in mappings:
        whole = np.round(scale).astype(int)
        determinant = round(float(np.linalg.det(whole)))
        if abs(determinant) != 1 or (determinant * handed < 0 and not improper):
            continue
        way = np.round(np.linalg.inv(whole)).astype(np.int64)
        if way.tobytes() not in seen:
            seen.update(same.tobytes() for same in way @ operations)
            result.append(fractional @ way)
    return result


def _operations(space: Space) -> NDArray[np.int64]:
    """Return the parent's rotations that keep the supercell, for rows of its fractional coordinates."""
    rows = space.cells.rows
    rotations = rows @ space.parent.rotations.transpose(0, 2, 1) @ np.linalg.inv(rows)
    whole = np.round(rotations)
    kept: NDArray[np.int64] = whole[np.abs(rotations - whole).max(axis=(1, 2)) < 1e-6].astype(np.int64)
    return kept


def _allowed(space: Space, crystal: Crystal) -> NDArray[np.bool_]:
    """Return which sites of the parent cell each atom may take, shape (atoms, sites of the parent)."""
    cells = len(space.cells.offsets)
    holds: list[set[str]] = [{species} for species in space.parent.species]
    for sublattice in space.sublattices:
        for site in set((sublattice.sites // cells).tolist()):
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
    sites = space.parent.positions[allowed[atom]] @ np.linalg.inv(space.cells.rows)
    shifts: NDArray[np.float64] = sites - fractional[atom]
    return shifts


def _images(space: Space, largest: float) -> NDArray[np.int64]:
    """Return the lattice vectors of the parent, besides the rounded one, that a vector to a near site may need.

    Rounding fractional coordinates is right for what is shorter than half of every distance between lattice planes.
    """
    spacing = 1 / np.linalg.norm(np.linalg.inv(space.parent.lattice), axis=0)
    if spacing.min() / 2 > largest:
        return np.zeros((1, 3), dtype=np.int64)
    return np.array(list(itertools.product((0, -1, 1), repeat=3)))


def _nearest(
    space: Space, fractional: NDArray[np.float64], allowed: NDArray[np.bool_], images: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest site of the supercell that may hold each atom, and the vector from there, Cartesian, Å.

    All cells of the parent are alike, so the sites of one are enough to look through.
    """
    parent = space.parent
    difference = (fractional @ space.cells.rows)[:, None, :] - parent.positions  # atoms, sites of the parent
    whole = np.round(difference)
    away = ((difference - whole)[:, :, None, :] - images) @ parent.lattice  # atoms, sites, images
    squares = np.where(allowed[:, :, None], np.einsum("...i,...i", away, away), np.inf)
    best = squares.reshape(len(fractional), -1).argmin(axis=1)
    atoms, (sites, image) = np.arange(len(fractional)), np.divmod(best, len(images))
    cells = space.cells.index(whole[atoms, sites].astype(np.int64) + images[image])
    return sites * len(space.cells.offsets) + cells, away[atoms, sites, image]


def _assigned(
    space: Space, fractional: NDArray[np.float64], allowed: NDArray[np.bool_], images: NDArray[np.int64]
) -> tuple[float, NDArray[np.int64]] | None:
    """Return the largest displacement and each atom's site; None where the host would be left with a hole."""
    vacant = np.zeros(len(space.host_species), dtype=bool)
    for sublattice in space.sublattices:
        vacant[sublattice.sites] = VACANCY in sublattice.species
    sites, displacements = np.zeros(0, dtype=np.int64), np.zeros((0, 3))
    for _ in range(ROUNDS if len(fractional) else 0):
        before = sites
        sites, displacements = _nearest(space, fractional, allowed, images)
        filled = np.bincount(sites, minlength=len(vacant))
        # Where each atom has its nearest site for itself, nothing can be better.
        if filled.max() > 1 or not vacant[filled == 0].all():
            found = _shared_out(space, fractional, allowed, vacant)
            if found is None:
                return None
            sites, displacements = found
        drift = displacements.mean(axis=0)
        fractional = fractional - drift @ np.linalg.inv(space.lattice)
        displacements = displacements - drift
        if np.array_equal(sites, before):
            break
    if not len(fractional) and not vacant.all():
        return None
    return float(np.linalg.norm(displacements, axis=1).max(initial=0)), sites


def _shared_out(
    space: Space, fractional: NDArray[np.float64], allowed: NDArray[np.bool_], vacant: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Return sites, one to each atom, with the least sum of squared distances, and the vectors from there, Å."""
    from scipy.optimize import linear_sum_assignment

    away = fractional[:, None, :] - space.positions @ np.linalg.inv(space.lattice)
    away = (away - np.round(away)) @ space.lattice
    everywhere = np.repeat(allowed, len(space.cells.offsets), axis=1)
    squares = np.where(everywhere, np.einsum("...i,...i", away, away), 1e6)
    # A vacancy is an atom without a place of its own, for which only some sites are open.
    empty = np.tile(np.where(vacant, 0.0, 1e6), (len(vacant) - len(fractional), 1))
    costs = np.concatenate([squares, empty])
    rows, columns = linear_sum_assignment(costs)
    if costs[rows, columns].max(initial=0) >= 1e6:
        return None
    sites = columns[: len(fractional)]
    return sites, away[np.arange(len(sites)), sites]


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
    found = Configuration.canonical(space, smallest, content=content)
    return Identified(found, "", operation, sites, displacement)
