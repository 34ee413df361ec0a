"""What a structure may be on one host: its cell laid over the host's in all ways, its atoms given to the sites."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import orbit_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.relabelling import representative
from matbench_defects.crystal.shapes import hermite_normal_form
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.crystal.symmetry import parent_action
from matbench_defects.enumeration.assigning import (
    Sites,
    assigned,
    doubtful,
    near_images,
    nearest,
    repeating,
    shifts,
)
from matbench_defects.enumeration.hosts import Host, listed, no_composition, no_setting
from matbench_defects.enumeration.identified import Found, Identified, moved, none, spacing
from matbench_defects.enumeration.laying import Way, ways_to_lay
from matbench_defects.enumeration.states import in_species_of
from matbench_defects.spec.fields import VACANCY

TRIED = 8
"""How many of the ways to lay a structure over a host, best first, are assigned atom by atom."""
PROBE = 12
"""So many atoms are looked at to see which ways to lay a structure are worth a closer look."""


TOGETHER = 16
"""So many origins are tried with these atoms at a time."""
APART = 1.5
"""A structure belongs to the configuration from which it moved least if the second best is so many times farther."""
SURE = 0.02
"""What moved less than this, Å, is taken for unmoved when two are compared."""
BEYOND = 1.5
"""Up to so many times the allowed displacement and strain it is looked whether another configuration is nearer."""


def on_host(host: Host, crystal: Crystal, largest: float, strain: float) -> Iterator[Found]:
    """Yield what a structure may be on a host, or why it is nothing there."""
    if host.first.structures is not host.first:
        yield none(0, f"{host.name} holds {host.first.kind.name}, not structures")
        return
    crystal, reason = in_species_of(host.first, crystal)
    if reason:
        yield none(1, reason)
        return
    volumes = host.volumes(crystal)
    if not volumes:
        yield none(1, no_composition(host, crystal))
        return
    over = BEYOND * strain
    ways = ways_to_lay(crystal.lattice, host.basis @ host.parent.lattice, host.rotations(), volumes, over)
    if not ways:
        yield none(2, no_setting(host, crystal, volumes, strain))
        return
    images = near_images(host.parent, largest)
    tries = _tries(host, crystal, ways)
    # A few atoms tell which way is the most promising; what it gives, which others cannot matter.
    probe = np.unique(np.linspace(0, max(0, len(crystal) - 1), PROBE).astype(np.int64))[: len(crystal)]
    rough = _rough(tries, probe, images)
    best = min(range(len(tries)), key=lambda k: (np.minimum(rough[k], 2 * largest).sum(), k))
    found = list(_given(host, crystal, tries[best], images, largest, strain))
    yield from found
    limit = APART * max(SURE, min(map(moved, found)))
    left = []
    for k, one in enumerate(tries):
        if k != best and not _cannot_matter(rough[k], limit):
            every = _distances(one, np.arange(len(crystal)), images)
            if not _cannot_matter(every, limit):
                left.append((float(np.minimum(every, 2 * largest).sum()), k))
    for _, k in sorted(left)[: TRIED - 1]:
        yield from _given(host, crystal, tries[k], images, largest, strain)


@dataclass(frozen=True)
class _Try:
    """A way to lay a structure over a host, with an origin.

    Parameters
    ----------
    way : Way
        How its cell lies.
    sites : Sites
        The sites of that cell.
    fractional : ndarray of float, shape (atoms, 3)
        Where its atoms are, in the parent's vectors; one lies on a site.
    allowed : ndarray of bool, shape (atoms, sites of the parent)
        Which sites each may take.
    """

    way: Way
    sites: Sites
    fractional: NDArray[np.float64]
    allowed: NDArray[np.bool_]


def _tries(host: Host, crystal: Crystal, ways: list[Way]) -> list[_Try]:
    inside = crystal.positions @ np.linalg.inv(crystal.lattice)
    tries = []
    for way in ways:
        rows = way.rows @ host.basis
        single = not host.family and abs(round(float(np.linalg.det(way.rows)))) == 1
        sites = host.sites(host.basis if single else hermite_normal_form(rows))
        fractional, allowed = inside @ rows, sites.allowed(crystal)
        for shift in shifts(sites, crystal, fractional, allowed, host.first_translated()):
            tries.append(_Try(way, sites, fractional + shift, allowed))
    return tries


def _distances(one: _Try, atoms: NDArray[np.int64], images: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far some atoms are from the nearest sites that may hold them, Å."""
    away = nearest(one.sites, one.fractional[atoms], one.allowed[atoms], images)[1]
    distances: NDArray[np.float64] = np.linalg.norm(away, axis=1)
    return distances


def _rough(tries: list[_Try], atoms: NDArray[np.int64], images: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """Return `_distances` for each of many ways, those of cells that lie alike together."""
    found: list[NDArray[np.float64]] = []
    for _, alike in itertools.groupby(tries, key=lambda one: id(one.way)):
        every = list(alike)
        for some in (every[i : i + TOGETHER] for i in range(0, len(every), TOGETHER)):
            fractional = np.concatenate([one.fractional[atoms] for one in some])
            away = nearest(some[0].sites, fractional, np.tile(some[0].allowed[atoms], (len(some), 1)), images)[1]
            found += np.split(np.linalg.norm(away, axis=1), len(some))
    return found


def _cannot_matter(distances: NDArray[np.float64], limit: float) -> bool:
    """Return whether atoms would move more than a limit from sites that are at least so far away.

    The atom that lies on its site has moved by no less than the drift, so the others by no less than half of this.
    """
    return bool(distances.max(initial=0.0) / 2 > limit)


def _given(
    host: Host, crystal: Crystal, one: _Try, images: NDArray[np.int64], largest: float, strain: float
) -> Iterator[Found]:
    """Yield what a structure may be if it is laid over the host in one way."""
    way = one.way
    given = assigned(one.sites, one.fractional, one.allowed, images)
    if given is None:
        yield none(3, "its atoms cannot be given to the sites of the supercell, one to each")
        return
    reason = ""
    if given.displacement > largest:
        reason = f"an atom lies {given.displacement:.2f} Å from its site; {largest:g} Å are allowed"
    if strained := way.strain > strain:
        reason = f"its cell is strained by {way.strain:.3f}; {strain:g} is allowed"
    if given.displacement > BEYOND * largest:
        yield none(3 if strained else 4, reason, given.displacement, way.strain)
        return
    for chosen in (given.chosen, *doubtful(one.sites, one.allowed, given, APART)):
        yield _in_its_space(host, crystal, one.sites, chosen, given.displacement, way, reason)


def _in_its_space(
    host: Host,
    crystal: Crystal,
    sites: Sites,
    chosen: NDArray[np.int64],
    displacement: float,
    way: Way,
    reason: str,
) -> Found:
    """Return the configuration of atoms on the sites of some cell, in the space of the smallest cell it repeats."""
    count = len(sites.cells.offsets)
    known = sorted(set(crystal.species))
    codes = np.full(len(sites), -1)
    codes[chosen] = [known.index(species) for species in crystal.species]
    smallest = host.basis
    if host.family or count > len(host.first.cells.offsets):
        kept = sites.cells.offsets[repeating(codes.reshape(-1, count), sites.cells)]
        smallest = hermite_normal_form(np.concatenate([sites.cells.rows, kept]))
        whole = host.basis @ np.linalg.inv(smallest)
        if not host.family and np.abs(whole - np.round(whole)).max() > 1e-6:
            return none(4, "its cell holds several supercells that are not alike", displacement, way.strain)
    found = host.shape_of(smallest)
    if found is None:
        size = round(abs(float(np.linalg.det(smallest))))
        repeats = f"repeats a cell of {size}" if size < count else f"has {size}"
        reason = f"it {repeats} parent cells, and the sizes of {host.name} are {listed(host.sized())}"
        if size in host.sized():
            reason = f"it {repeats} parent cells, along directions in which those of {host.name} do not grow"
        return none(5, reason, displacement, way.strain)
    space, operation = found
    atoms, shift = parent_action(host.parent)
    site, cell = np.divmod(chosen, count)
    image = sites.cells.offsets[cell] @ host.parent.rotations[operation].T + shift[operation][site]
    there = atoms[operation][site] * len(space.cells.offsets) + space.cells.index(image)
    what = dataclasses.replace(
        named(space, crystal, there, displacement),
        strain=way.strain,
        moved=math.hypot(displacement, way.shear * spacing(host.parent)),
        copies=count // len(space.cells.offsets),
    )
    return Found(what, 5 if what.reason else 4, what.reason or reason)


def named(space: Space, crystal: Crystal, sites: NDArray[np.int64], displacement: float) -> Identified:
    """Return the configuration of a space whose sites hold a structure's atoms, shape (atoms,), by its name."""
    held = [VACANCY] * len(space.host_species)
    for species, site in zip(crystal.species, sites.tolist(), strict=True):
        held[site] = species
    occupation = np.array(
        [s.species.index(held[site]) for s in space.sublattices for site in s.sites.tolist()], dtype=np.uint8
    )
    content = representative(space.exchange, space.content(occupation))
    if content not in _meant(space):
        reason = f"its content {space.content_name(content)} is none of {space.name}"
        return Identified(None, reason, displacement=displacement)
    orbit = orbit_of(space, occupation)
    found = Configuration.canonical(space, orbit.occupation, content=content, multiplicity=orbit.multiplicity)
    exchanged = _exchanged(space, occupation, orbit.occupation[orbit.operation])
    return Identified(found, "", orbit.operation, sites, displacement, exchanged=exchanged)


def _exchanged(space: Space, given: NDArray[np.uint8], named: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return the species of a structure for which the configuration that names it has others."""
    pairs = zip(space.sublattices, space.ranges, strict=True)
    return tuple(s.species[k] for s, r in pairs for k in np.unique(given[r][given[r] != named[r]]).tolist())


def _meant(space: Space) -> Mapping[object, object]:
    if "meant" not in space.memory:
        space.memory["meant"] = dict.fromkeys(space.contents())
    known: Mapping[object, object] = space.memory["meant"]
    return known
