"""The canonical configuration of an orbit, and the name that follows from it.

A content fixes the order in which species are placed: sublattices by how many ways there are to fill them, fewest
first, and within one its species by how many sites they take, fewest first; the most numerous takes what is left. Each
placement is a set of k of the n sites of the sublattice that are still free, written as increasing positions; the
positions, one stage after another, are the *key* of a configuration. Canonical is the configuration whose key is the
smallest of its orbit. Its *rank*, the number of smaller keys of the same content, is the end of its id, so an id can be
turned back into the configuration without any table. In a space whose configurations begin with a point, such as the
edge of a pathway, the point is placed first, as its number among all points. Where species are exchanged as a symmetry,
the smallest key that operations and exchanges reach in the smallest content is canonical; ranks stay the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.content_names import content_called
from matbench_defects.crystal.relabelling import (
    completed,
    exchanged_contents,
    interchangeable,
    number_keeping,
    relabelled,
    representative,
    to_representative,
)
from matbench_defects.crystal.space import Content, Space
from matbench_defects.errors import InputError

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
"""The digits of ranks in ids."""
LONGEST_RANK = 2000
"""Digits of a rank that are looked at; a supercell of the largest size needs fewer."""


@dataclass(frozen=True)
class Stage:
    """One placement: which species, or which mark of a point, takes how many sites of which sublattice.

    Parameters
    ----------
    sublattice : int
        Index of the sublattice.
    species : int
        Index of the species in the sublattice's list, or the mark of a point.
    count : int
        How many sites it takes.
    free : int
        How many sites of the sublattice are still free before it.
    ways : int
        In how many ways the sites can be chosen.
    point : bool
        Whether it chooses one point, whose sites it takes, and not any sites.
    """

    sublattice: int
    species: int
    count: int
    free: int
    ways: int
    point: bool = False


def stages(space: Space, content: Content) -> tuple[list[Stage], list[int]]:
    """Return the placements of a content, in order, and the species that takes the rest of each sublattice.

    Where configurations begin with a point, it comes first and takes the sites that it blocks.
    """

    def ways(counts: tuple[int, ...]) -> int:
        return math.factorial(sum(counts)) // math.prod(math.factorial(n) for n in counts)

    content = space.placed(content)
    placements: list[Stage] = []
    points = space.kind.points
    if points.blocks:
        size = len(space.sublattices[points.sublattice].sites)
        placements.append(Stage(points.sublattice, points.mark, points.blocks, size, len(points), point=True))
    for i in sorted(range(len(content)), key=lambda i: (ways(content[i]), i)):
        free = sum(content[i])
        for j in sorted(range(len(content[i])), key=lambda j: (content[i][j], j))[:-1]:
            if content[i][j]:
                placements.append(Stage(i, j, content[i][j], free, math.comb(free, content[i][j])))
                free -= content[i][j]
    rest = [max(range(len(counts)), key=lambda j: (counts[j], j)) for counts in content]
    return placements, rest


class Orbit(NamedTuple):
    """The orbit of a configuration under the operations of its space, and under its exchanges of species."""

    occupation: NDArray[np.uint8]
    """The canonical member, shape (n,)."""
    operation: NDArray[np.int32]
    """A permutation of the group: what sits on site i of the given member sits on ``operation[i]`` of the canonical, as
    far as no exchange of species leads there too."""
    stabiliser_order: int
    """How many elements of the group keep a member; exchanges are not among them."""
    parts: int
    """Into how many orbits of the group alone it falls that have the content of the canonical member."""
    multiplicity: int
    """How many members it has, those of other contents included."""


def orbit_of(space: Space, occupation: NDArray[np.uint8]) -> Orbit:
    """Return the orbit of a configuration.

    Parameters
    ----------
    space : Space
        The space.
    occupation : ndarray of uint8, shape (n,)
        Any member of the orbit.
    """
    content = space.content(occupation)
    if space.exchange:
        occupation = relabelled(occupation, space.ranges, to_representative(space.exchange, content))
        content = representative(space.exchange, content)
    leading = _leading(space, occupation, content)
    forerunners, operations = leading[0]
    operation, order = operations[0], len(operations)
    if space.exchange:
        occupation = relabelled(occupation, space.ranges, completed(space.exchange, content, forerunners))
    smallest = np.empty_like(occupation)
    smallest[operation] = occupation
    parts = number_keeping(space.exchange, content) // len(leading)
    number = len(space.group) // order * parts * exchanged_contents(space.exchange, content)
    return Orbit(smallest, operation, order, parts, number)


def canonical(space: Space, occupation: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the canonical configuration of an orbit, and an operation that leads to it.

    Parameters
    ----------
    space : Space
        The space.
    occupation : ndarray of uint8, shape (n,)
        Any member of the orbit.

    Returns
    -------
    occupation : ndarray of uint8, shape (n,)
        The canonical member.
    operation : ndarray of int, shape (n,)
        A permutation of the group: what sits on site i of the given member sits on ``operation[i]`` of the canonical.
        Where the space exchanges species, another one of them may sit there.
    """
    return orbit_of(space, occupation)[:2]


def _leading(
    space: Space, occupation: NDArray[np.uint8], content: Content
) -> list[tuple[dict[tuple[int, int], int], NDArray[np.int32]]]:
    """Return what leads to the smallest key: exchanges that keep the content, each with its operations.

    An exchange is given by what each species of a placement was before. With each go as many operations as keep the
    configuration; without exchanges, there is one.
    """
    same = interchangeable(space.exchange, content)
    leading: list[tuple[dict[tuple[int, int], int], NDArray[np.int32]]] = [({}, space.group)]
    for stage in stages(space, content)[0]:
        where = space.ranges[stage.sublattice]
        place = (stage.sublattice, stage.species)
        best: list[int] = []
        found: list[tuple[dict[tuple[int, int], int], NDArray[np.int32]]] = []
        for forerunners, operations in leading:
            taken = [k for (i, _), k in forerunners.items() if i == stage.sublattice]
            for species in same.get(place, [stage.species]):
                if species in taken:
                    continue
                holding = np.flatnonzero(occupation[where] == species) + where.start
                # Comparing sites instead of free positions is the same: every candidate leaves the same free.
                smallest, kept = smallest_images(operations, holding)
                if (key := smallest.tolist()) < best or not best:
                    best, found = key, []
                if key == best:
                    found.append(({**forerunners, place: species} if space.exchange else {}, kept))
        leading = found
    return leading


def smallest_images(
    operations: NDArray[np.int32], sites: NDArray[np.integer]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the smallest image of a set of sites, in lexicographic order, and the operations that lead to it."""
    images = operations[:, sites]
    inside = np.zeros((len(images), -(-operations.shape[1] // 64) * 64), dtype=bool)
    inside[np.arange(len(images))[:, None], images] = True
    # Of two sets the one with the first site that the other has not is smaller, and the larger number in binary.
    words = np.packbits(inside, axis=1).view(">u8")
    kept = np.arange(len(images))
    for column in words.T:
        part = column[kept]
        kept = kept[part == part.max()]
    return np.sort(images[kept[0]]), operations[kept]


def rank(space: Space, occupation: NDArray[np.uint8]) -> int:
    """Return how many configurations of the same content have a smaller key."""
    number = 0
    free = [np.ones(r.stop - r.start, dtype=bool) for r in space.ranges]
    for stage in stages(space, space.content(occupation))[0]:
        here = free[stage.sublattice]
        holding = occupation[space.ranges[stage.sublattice]] == stage.species
        if stage.point:
            part = space.point(occupation)
        else:
            part = subset_rank(np.flatnonzero(holding[here]).tolist(), stage.free)
        number = number * stage.ways + part
        here[holding] = False
    return number


def unrank(space: Space, content: Content, number: int) -> NDArray[np.uint8]:
    """Return the configuration of a content and rank."""
    placements, rest = stages(space, content)
    parts = []
    for stage in reversed(placements):
        number, part = divmod(number, stage.ways)
        parts.append(part)
    occupation = np.concatenate(
        [np.full(r.stop - r.start, k, dtype=np.uint8) for r, k in zip(space.ranges, rest, strict=True)]
    )
    free = [np.arange(r.start, r.stop) for r in space.ranges]
    for stage, part in zip(placements, reversed(parts), strict=True):
        sites = free[stage.sublattice]
        if stage.point:
            chosen = np.searchsorted(sites, space.kind.points.sites[part]).tolist()
        else:
            chosen = subset(part, stage.free, stage.count)
        occupation[sites[chosen]] = stage.species
        free[stage.sublattice] = np.delete(sites, chosen)
    return occupation


def subset_rank(chosen: list[int], size: int) -> int:
    """Return how many subsets of as many of `size` positions come before this one, in lexicographic order."""
    count = len(chosen)
    return math.comb(size, count) - 1 - sum(math.comb(size - 1 - c, count - i) for i, c in enumerate(chosen))


def subset(number: int, size: int, count: int) -> list[int]:
    """Return the subset of a given rank; the inverse of `subset_rank`."""
    left = math.comb(size, count) - 1 - number
    chosen = []
    position = 0
    for remaining in range(count, 0, -1):
        while math.comb(size - 1 - position, remaining) > left:
            position += 1
        chosen.append(position)
        left -= math.comb(size - 1 - position, remaining)
        position += 1
    return chosen


def configuration_id(space: Space, occupation: NDArray[np.uint8]) -> str:
    """Return the id of a canonical configuration: space, content and rank, such as ``lno-cathode:Li6Va6:4f``.

    Parameters
    ----------
    space : Space
        The space.
    occupation : ndarray of uint8, shape (n,)
        The canonical member of its orbit.
    """
    return f"{space.name}:{space.content_name(space.content(occupation))}:{base36(rank(space, occupation))}"


def configuration_of(space: Space, name: str) -> NDArray[np.uint8]:
    """Return the configuration that an id names.

    Raises
    ------
    InputError
        If the id is not one of this space.
    """
    parts = name.split(":")
    valid = len(parts) == 3 and parts[0] == space.name and set(parts[2]) <= set(DIGITS)
    content = content_called(space, parts[1]) if valid else None
    if content is not None and 0 < len(parts[2]) <= LONGEST_RANK and (parts[2] == "0" or parts[2][0] != "0"):
        number = int(parts[2], 36)
        if number < math.prod(stage.ways for stage in stages(space, content)[0]):
            occupation = unrank(space, content, number)
            if (canonical(space, occupation)[0] == occupation).all():
                return occupation
    shown = name if len(name) <= 100 else f"{name[:100]}..."
    raise InputError(f"'{shown}' is not the id of a configuration of {space.name}")


def base36(number: int) -> str:
    """Return a number in base 36, digits before letters."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
        if not number:
            return digits
