"""Which configuration of which space a structure is, relaxed or not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.enumeration.assigning import (
    assigned,
    near_images,
)
from matbench_defects.enumeration.fitting import APART, SURE, named, on_host
from matbench_defects.enumeration.hosts import Host, cannot_be, hosts_of
from matbench_defects.enumeration.identified import Found, Identified, moved, strained
from matbench_defects.enumeration.states import in_species_of

DISPLACEMENT = 1.5
"""An atom farther than this from its site, Å, means that a structure is none of a space."""
STRAIN = 0.12
"""By how much a structure's cell may be longer or shorter than the ideal one in any direction, relatively."""


def identify(
    space: Space,
    crystal: Crystal,
    largest: float = DISPLACEMENT,
    *,
    strain: float = STRAIN,
    laid: bool = False,
) -> Identified:
    """Say which configuration of a space a structure is, or why it is none.

    The structure's cell is laid over the supercell in every way that the allowed strain leaves (so any setting, rotated
    or with other vectors of the same lattice, is found), in fractional coordinates, which takes strain out. Atoms are
    assigned to the nearest sites that may hold them, each site once, with the least sum of squared distances and with
    drift taken out.

    Parameters
    ----------
    space : Space
        The space, of structures.
    crystal : Crystal
        The structure; ``Crystal.from_ase`` and ``Crystal.from_pymatgen`` make one.
    largest : float
        An atom farther than this from its site, Å, means that the structure is none of the space.
    strain : float
        A cell that is longer or shorter than the ideal one by more than this in some direction, relatively, is another.
    laid : bool
        The cell lies over the supercell as it is, vector by vector and with the same origin, as after a relaxation:
        no other way is tried, and any strain is taken out.

    Returns
    -------
    Identified
    """
    if space.structures is not space:
        return Identified(None, f"the space holds {space.kind.name}, not structures")
    if not laid:
        return identify_among(hosts_of([space]), crystal, largest, strain=strain)
    crystal, reason = in_species_of(space, crystal)
    if reason := reason or cannot_be(space, crystal):
        return Identified(None, reason)
    host = hosts_of([space])[0]
    sites = host.sites(space.cells.rows)
    fractional: NDArray[np.float64] = crystal.positions @ np.linalg.inv(crystal.lattice) @ space.cells.rows
    found = assigned(sites, fractional, sites.allowed(crystal), near_images(space.parent, largest), laid=True)
    if found is None:
        return Identified(None, "its atoms cannot be given to the sites of the supercell, one to each")
    away = found.displacement
    if away > largest:
        return Identified(None, f"an atom lies {away:.2f} Å from its site", displacement=away)
    return named(space, crystal, found.chosen, away)


def identify_among(
    hosts: Iterable[Host],
    crystal: Crystal,
    largest: float = DISPLACEMENT,
    *,
    strain: float = STRAIN,
    keys: Callable[[list[Configuration]], Sequence[Hashable]] | None = None,
) -> Identified:
    """Say which configuration of which space a structure is: the one from which its atoms moved least.

    The cell is laid over every host. In a family of supercells of several sizes the structure is reduced to the
    smallest cell that it repeats, and belongs to the shape of that one. What lies a little beyond the limits is looked
    at too: it may be nearer than what lies within.

    Parameters
    ----------
    hosts : iterable of Host
        As `hosts_of` returns them; what they keep makes the next structure quicker.
    crystal : Crystal
        The structure.
    largest, strain : float
        As for `identify`.
    keys : callable, optional
        Returns something for each of some configurations that is equal where they are one crystal, though in different
        spaces; their ids where left out.

    Returns
    -------
    Identified
        Without a configuration, but with candidates, where another configuration is about as near as the best.
    """
    found = [one for host in hosts for one in on_host(host, crystal, largest, strain)]
    nearest_of: dict[str, Found] = {}
    for one in sorted((one for one in found if one.what.id is not None), key=moved):
        nearest_of.setdefault(one.what.id or "", one)
    candidates = list(nearest_of.values())
    if not candidates:
        return _reason(found)
    limit = APART * max(moved(candidates[0]), SURE)
    # Of hosts over which it lies equally well, that of its own volume holds it.
    near = sorted((one for one in candidates if moved(one) < limit), key=strained)
    if len({one.what.configuration.space.parent.digest() for one in near if one.what.configuration}) > 1:
        limit = APART * max(strained(near[0]), SURE)
        near = [one for one in near if strained(one) < limit]
    near = sorted(near, key=moved)
    configurations = [one.what.configuration for one in near if one.what.configuration is not None]
    of = [one.id for one in configurations] if keys is None else keys(configurations)
    if len(set(of)) > 1:
        shown = " or ".join(f"{one.what.id} (moved {moved(one):.3f} Å)" for one in near[:3])
        reason = f"may be {shown}: none is much nearer than another"
        return Identified(None, reason, candidates=tuple(one.what for one in near))
    if near[0].reason:
        return dataclasses.replace(near[0].what, configuration=None, reason=near[0].reason)
    return dataclasses.replace(near[0].what, same=tuple(one.what for one in near[1:]))


def _reason(every: list[Found]) -> Identified:
    """Return why a structure is none, by the reason of those spaces that came nearest to holding it."""
    last = max((one.stage for one in every), default=0)
    reasons = [one.what for one in every if one.stage == last]
    best = min(reasons, key=lambda one: (one.displacement is None, one.displacement or 0.0), default=None)
    return best or Identified(None, "there is no space that holds structures")
