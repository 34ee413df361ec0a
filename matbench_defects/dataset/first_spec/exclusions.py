"""Which sites that are not always filled cannot be filled together, as far as distances tell."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from matbench_defects.crystal.distances import TOO_NEAR, near_sites
from matbench_defects.crystal.parent import Parent
from matbench_defects.dataset.first_spec.sublattices import SuggestedSublattice, mean_occupancy
from matbench_defects.spec.fields import VACANCY

LOOKED_AT = 3.0
"""Distances up to this are looked at and named, Å."""
SAME = 0.01
"""Distances that differ by less than this, Å, are named once."""
SAME_LENGTH = 1e-3
"""How far the limit stays from either distance at least, Å."""


@dataclass(frozen=True)
class NearSites:
    """Distances at which two species could sit on sites that are not always filled.

    Parameters
    ----------
    between : tuple of str
        The two species.
    distances : tuple of (float, str)
        Different distances, Å, nearest first, and which sites have them, ``Li1-Li2``.
    touching : float
        What is nearer than this, Å, is taken to exclude each other.
    """

    between: tuple[str, str]
    distances: tuple[tuple[float, str], ...]
    touching: float

    @property
    def excluded(self) -> tuple[tuple[float, str], ...]:
        """The distances that are too near."""
        return tuple(one for one in self.distances if one[0] < self.touching)

    @property
    def closer_than(self) -> float:
        """A limit between what is too near and the next distance, Å."""
        last = self.excluded[-1][0]
        after = next((d for d, _ in self.distances if d >= self.touching), max(self.touching, last + 2 * SAME))
        middle = (last + after) / 2
        for digits in (1, 2, 3):
            if last + SAME_LENGTH < round(middle, digits) < after - SAME_LENGTH:
                return round(middle, digits)
        return round(middle, 4)


def sites_too_near(parent: Parent, sublattices: Sequence[SuggestedSublattice]) -> list[NearSites]:
    """Return for each two species whether sites of partly empty sublattices are too near to be filled by both.

    Two atoms cannot be nearer than the sum of their ionic or of their atomic radii, whichever is less, if both are
    metals or neither is; others, which may be bound, not nearer than atoms ever are. That is a guess for a person to
    confirm: where it says too little, the distances that it leaves are named.

    Parameters
    ----------
    parent : Parent
        The crystal.
    sublattices : sequence of SuggestedSublattice
        Its partly occupied sublattices.

    Returns
    -------
    list of NearSites
        Only species with sites nearer than `LOOKED_AT`.
    """
    empty = [s for s in sublattices if VACANCY in s.shares]
    owner = {atom: s for s in empty for atom in s.atoms}
    atoms = sorted(owner)
    if not atoms:
        return []
    species = [parent.species[i] for i in atoms]
    pairs = near_sites(parent.lattice, species, parent.positions[atoms], LOOKED_AT)
    found: dict[tuple[str, str], dict[tuple[int, str], float]] = {}
    for distance, (one, other) in pairs:
        first, second = owner[atoms[one]], owner[atoms[other]]
        where = "-".join(sorted((parent.labels[atoms[one]], parent.labels[atoms[other]])))
        for a, b in itertools.product(_atoms_of(first), _atoms_of(second)):
            between = (min(a, b), max(a, b))
            found.setdefault(between, {}).setdefault((round(distance / SAME), where), distance)
    return [
        NearSites(between, tuple(sorted((d, where) for (_, where), d in named.items())), _touching(*between))
        for between, named in sorted(found.items())
    ]


def joined(
    parent: Parent, sublattices: Sequence[SuggestedSublattice], near: Sequence[NearSites]
) -> list[SuggestedSublattice]:
    """Return partly occupied sublattices, those of the same species whose sites exclude each other as one.

    Their occupancies are averages over arrangements in which one gives way to the other, so a cell holds their total,
    and how they share it is part of the arrangement. Whole numbers for each would often leave next to none.

    Parameters
    ----------
    parent : Parent
        The crystal.
    sublattices : sequence of SuggestedSublattice
        Its partly occupied sublattices.
    near : sequence of NearSites
        What is too near to be filled together.
    """
    limits = {one.between: one.closer_than for one in near if one.excluded}
    groups = [[one] for one in sublattices]
    for one, other in itertools.combinations(sublattices, 2):
        mine, yours = (next(group for group in groups if s in group) for s in (one, other))
        if mine is not yours and set(one.shares) == set(other.shares) and _exclude(parent, one, other, limits):
            mine.extend(yours)
            groups.remove(yours)
    return [_one(parent, group) for group in groups]


def _exclude(
    parent: Parent, one: SuggestedSublattice, other: SuggestedSublattice, limits: dict[tuple[str, str], float]
) -> bool:
    reach = max(
        (limits.get((min(a, b), max(a, b)), 0.0) for a, b in itertools.product(_atoms_of(one), _atoms_of(other))),
        default=0.0,
    )
    atoms = [*one.atoms, *other.atoms]
    pairs = near_sites(parent.lattice, [parent.species[i] for i in atoms], parent.positions[atoms], reach or SAME)
    return any((i < len(one.atoms)) != (j < len(one.atoms)) for _, (i, j) in pairs)


def _one(parent: Parent, group: list[SuggestedSublattice]) -> SuggestedSublattice:
    if len(group) == 1:
        return group[0]
    atoms = tuple(sorted(atom for one in group for atom in one.atoms))
    occupancy = mean_occupancy(parent, atoms)
    name = "".join(element for element, _ in occupancy)
    sites = tuple(site for one in group for site in (one.sites or (one.name,)))
    orbits = sum(one.orbits for one in group)
    return SuggestedSublattice(name, group[0].element, sites, len(atoms), orbits, atoms, occupancy, tuple(group))


def _atoms_of(sublattice: SuggestedSublattice) -> list[str]:
    return [species for species in sublattice.shares if species != VACANCY]


def _touching(first: str, second: str) -> float:
    """Return how near two atoms that are not bound can be, Å, at the least."""
    from pymatgen.core.periodic_table import Element

    one, other = Element(first), Element(second)
    if one.is_metal != other.is_metal:
        return TOO_NEAR
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there is none, pymatgen says so
        known = [
            [float(radius) for radius in (e.average_ionic_radius, e.atomic_radius) if radius] for e in (one, other)
        ]
    ionic_or_atomic = sum(min(radii, default=0.0) for radii in known)
    return max(ionic_or_atomic, TOO_NEAR)
