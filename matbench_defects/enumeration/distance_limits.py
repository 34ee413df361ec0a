"""Limits of distances, in the form in which configurations are counted, generated and drawn by them.

A limit says which pairs of variable sites two species may hold. What sits on sites of no sublattice is part of every
configuration: a variable site that is too near to one of them never holds the species that excludes what is there. This
is a limit of that species with itself, of which only the diagonal forbids something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.site_distances import (
    among_fixed,
    check_named,
    farthest_fixed,
    nearest_fixed,
    site_distances,
)
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.split_sites import LENGTH
from matbench_defects.errors import InputError
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import Distance


class Limit(NamedTuple):
    """For two species, which pairs of variable sites they may hold.

    The diagonal says, of one species, whether a site may hold it at all.
    """

    one: str
    other: str
    fine: NDArray[np.bool_]
    broken: str
    """What is said of a configuration that breaks it."""


Limits = list[Limit]


def limits_of(space: Space) -> Limits:
    """Return the limits that a space's own exclusions set; found once."""
    if "limits" not in space.memory:
        apart = site_distances(space) if space.exclusions else np.zeros((0, 0))
        found: Limits = []
        for one, other, closest in space.exclusions:
            broken = f"its {one} and {other} are nearer than `exclude` allows"
            found += _between(space, one, other, apart >= closest - LENGTH, broken)
            found += _beside_fixed(space, one, other, closest, None, "exclude")
        space.memory["limits"] = found
    return list(space.memory["limits"])


def limits_where(space: Space, distances: list[Distance]) -> Limits:
    """Return the limits that conditions set.

    Raises
    ------
    InputError
        If they name a species that the space does not have, or what is fixed in the host breaks them already.
    """
    known = {s for sublattice in space.sublattices for s in sublattice.species}
    apart = site_distances(space) if distances else np.zeros((0, 0))
    found: Limits = []
    for distance in distances:
        one, other = distance.between
        check_named(space, known, one, other)
        least, most = distance.at_least, distance.at_most
        low, high = among_fixed(space, one, other, own_images=False)
        if low < least - LENGTH or (most is not None and high > most + LENGTH):
            raise InputError(
                f"no configuration fulfils `where`: {one} and {other} on sites of no sublattice, which are always "
                f"there, are {low if low < least - LENGTH else high:.2f} Å apart"
            )
        fine = apart >= least - LENGTH
        if most is not None:
            fine &= apart <= most + LENGTH
        np.fill_diagonal(fine, True)  # a site's own images are no pair
        how = "nearer" if most is None else "nearer or farther apart"
        found += _between(space, one, other, fine, f"its {one} and {other} are {how} than `where` allows")
        found += _beside_fixed(space, one, other, least, most, "where")
    return found


def _between(space: Space, one: str, other: str, fine: NDArray[np.bool_], broken: str) -> Limits:
    known = {s for sublattice in space.sublattices for s in sublattice.species}
    return [Limit(one, other, fine, broken)] if one in known and other in known else []


def _beside_fixed(space: Space, one: str, other: str, least: float, most: float | None, field: str) -> Limits:
    """Return the limits that what is fixed in the host sets each of two species."""
    found: Limits = []
    for varying, fixed in dict.fromkeys([(one, other), (other, one)]):
        held = nearest_fixed(space, fixed) >= least - LENGTH
        if most is not None:
            held &= farthest_fixed(space, fixed) <= most + LENGTH
        if held.all() or not any(varying in s.species for s in space.sublattices):
            continue
        fine = np.ones((space.size, space.size), dtype=bool)
        np.fill_diagonal(fine, held)
        how = "nearer to" if most is None else "nearer to or farther from"
        broken = f"its {varying} is {how} {fixed} on sites of no sublattice than `{field}` allows"
        found.append(Limit(varying, varying, fine, broken))
    return found


def idle_exclusions(spec: Spec, spaces: Mapping[str, Space]) -> list[str]:
    """Return a sentence for each exclusion that excludes nothing, with the shortest distance that there is.

    Parameters
    ----------
    spec : Spec
        The spec.
    spaces : mapping of str to Space
        Its spaces.
    """
    notes = []
    for name, (part, _) in spec.all_spaces().items():
        own = [space for space in spaces.values() if (space.family or space.name) == name]
        for exclusion in part.exclude if own else ():
            one, other = exclusion.between
            nearest = min(_nearest(space, one, other) for space in own)
            if nearest < exclusion.closer_than - LENGTH:
                continue
            held = f"the nearest are {nearest:.2f} Å apart" if np.isfinite(nearest) else "there are no two"
            notes.append(
                f"{name}: `exclude` of {one} and {other} closer than {exclusion.closer_than:g} Å excludes nothing: of "
                f"sites that can hold them {held}"
            )
    return notes


def _nearest(space: Space, one: str, other: str) -> float:
    """Return the shortest distance between sites that can hold two species, fixed ones and images included, Å."""
    first, second = _can_hold(space, one), _can_hold(space, other)
    apart = site_distances(space)
    if one != other:
        np.fill_diagonal(apart, np.inf)
    found = [
        apart[np.ix_(first, second)].min(initial=np.inf),
        nearest_fixed(space, other)[first].min(initial=np.inf),
        nearest_fixed(space, one)[second].min(initial=np.inf),
    ]
    return float(min(found))


def _can_hold(space: Space, species: str) -> NDArray[np.bool_]:
    held = np.zeros(space.size, dtype=bool)
    for sublattice, where in zip(space.sublattices, space.ranges, strict=True):
        held[where] = species in sublattice.species
    return held
