"""Configurations without their oxidation states: those that differ in these alone are one.

They are one configuration of a *blind* space, whose sublattices hold elements. What is found for that, by an engine
that sees only elements, is laid back onto each configuration's own sites.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space, Sublattice
from matbench_defects.crystal.structure import Crystal
from matbench_defects.crystal.symmetry import keeping_operations, site_permutations
from matbench_defects.spec.species import element_of, oxidation_state


def blind_space(space: Space) -> Space:
    """Return a space in which the species of one element are one; made once.

    Its configurations are named like those of a space without oxidation states.
    """
    if "blind" not in space.memory:
        parent = dataclasses.replace(space.parent, species=space.parent.elements)
        moments = {species: moment for species, moment in space.moments.items() if oxidation_state(species) is None}
        space.memory["blind"] = dataclasses.replace(
            space,
            parent=parent,
            sublattices=tuple(_blind(sublattice) for sublattice in space.sublattices),
            meant=None,
            exclusions=(),
            moments=moments,
            memory={},
        )
    found: Space = space.memory["blind"]
    return found


def _blind(sublattice: Sublattice) -> Sublattice:
    elements = list(dict.fromkeys(map(element_of, sublattice.species)))
    places = [elements.index(element_of(species)) for species in sublattice.species]
    contents = set()
    for counts in sublattice.contents:
        merged = [0] * len(elements)
        for place, number in zip(places, counts, strict=True):
            merged[place] += number
        contents.add(tuple(merged))
    return Sublattice(sublattice.name, sublattice.sites, tuple(elements), tuple(sorted(contents)))


def blind_of(row: Configuration) -> Configuration:
    """Return the configuration of the blind space that a row is without its oxidation states."""
    if "blind" not in vars(row):
        space = blind_space(row.space)
        occupation = np.empty_like(row.occupation)
        for old, new, where in zip(row.space.sublattices, space.sublattices, space.ranges, strict=True):
            codes = np.array([new.species.index(element_of(species)) for species in old.species], dtype=np.uint8)
            occupation[where] = codes[row.occupation[where]]
        vars(row)["blind"] = Configuration(space, occupation)
    found: Configuration = vars(row)["blind"]
    return found


def computed_for(row: Configuration) -> Configuration:
    """Return what is computed for a row: the canonical member of its configuration in the blind space."""
    blind = blind_of(row)
    return Configuration.canonical(blind.space, blind.canonical_occupation, id=blind.id, content=blind.content)


def calculations(rows: Iterable[Configuration]) -> dict[str, list[str]]:
    """Return the ids of the rows that share each calculation, by its id."""
    shared: dict[str, list[str]] = {}
    for row in rows:
        shared.setdefault(blind_of(row).id, []).append(row.id)
    return shared


def laid_back(crystal: Crystal, row: Configuration) -> tuple[Crystal, NDArray[np.int64]]:
    """Return a structure that came of `computed_for(row)`, relaxed or not, on the row's own sites and in its own order.

    Parameters
    ----------
    crystal : Crystal
        The structure, its atoms in the order of `computed_for(row)`.
    row : Configuration
        The row.

    Returns
    -------
    Crystal
        The structure, turned as the row is, with the row's oxidation states.
    ndarray of int, shape (n,)
        Which atom of the given structure each atom is.
    """
    blind = blind_of(row)
    permutation, rotation = _operation(blind.space, blind.orbit.operation)
    computed = Configuration.canonical(blind.space, blind.canonical_occupation)
    at = {site: atom for atom, site in enumerate(computed.atoms().sites.tolist())}
    sites = row.atoms().sites
    order = np.array([at[site] for site in permutation[sites].tolist()], dtype=np.int64)
    found = _turned_back(blind.space, crystal, permutation[sites], order, sites, rotation)
    return dataclasses.replace(found, oxidation_states=row.crystal.oxidation_states), order


def _operation(space: Space, wanted: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return an operation that acts on the variable sites as is wanted: where it sends all sites, and its rotation."""
    if "whole group" not in space.memory:
        every = site_permutations(space.parent, space.cells)
        where = np.full(every.shape[1], -1, dtype=np.int32)
        where[space.variable_sites] = np.arange(space.size, dtype=np.int32)
        first: dict[bytes, int] = {}
        for number, action in enumerate(where[every[:, space.variable_sites]]):
            first.setdefault(action.tobytes(), number)
        rotations = space.parent.rotations[keeping_operations(space.parent, space.cells)]
        space.memory["whole group"] = every, first, rotations
    every, first, rotations = space.memory["whole group"]
    number = first[np.ascontiguousarray(wanted, dtype=np.int32).tobytes()]
    return every[number], rotations[number // len(space.cells.offsets)]


def _turned_back(
    space: Space,
    crystal: Crystal,
    reached: NDArray[np.int32],
    order: NDArray[np.int64],
    sites: NDArray[np.int64],
    rotation: NDArray[np.int64],
) -> Crystal:
    """Return a relaxed crystal as it was before an operation carried its atoms from some sites to those it reached."""
    rows = space.cells.rows.astype(float)
    ideal = space.positions @ np.linalg.inv(space.lattice)
    inside = crystal.positions[order] @ np.linalg.inv(crystal.lattice)
    away = inside - ideal[reached]
    away -= np.round(away)
    # A vector v of the row is the vector R v of what was computed, in the parent's vectors.
    moved = ideal[sites] @ rows + (away @ rows) @ np.linalg.inv(rotation).T
    parent = space.parent.lattice
    turned = rotation.T @ (np.linalg.inv(rows) @ crystal.lattice)
    cartesian = np.linalg.inv(parent) @ rotation.T @ parent  # orthogonal: how the ideal crystal is turned
    basis = turned @ np.linalg.inv(cartesian)
    return Crystal(rows @ basis, tuple(crystal.species[i] for i in order), moved @ basis)
