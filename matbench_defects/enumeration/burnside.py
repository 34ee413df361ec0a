"""Burnside's lemma on cycles of sites: how many configurations there are and how many differ, without exclusions."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.kinds.kind import point_action
from matbench_defects.crystal.relabelling import exchanged_contents, number_keeping
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.colourings import Colourings, Cycles, colourings_of, multinomial
from matbench_defects.enumeration.cycles import cycle_lengths, cycle_types, pairs
from matbench_defects.enumeration.exchanged_cycles import fixed_by_exchanges


def count_unbound(space: Space, content: Content) -> int:
    """Return how many configurations have a content, equivalent ones counted each, exclusions or not.

    Where the space exchanges species, those of every content that an exchange makes of this one.
    """
    total = len(space.kind.points)
    for counts in space.placed(content):
        total *= multinomial(sum(counts), counts)
    return total * exchanged_contents(space.exchange, content)


def count_unbound_inequivalent(space: Space, content: Content) -> int:
    """Return how many configurations of a content differ, exclusions or not.

    It is the mean, over the group, of the number of configurations that an operation leaves as they are: those whose
    every cycle of sites holds one species. One that begins with a point is left as it is where its point is, and the
    cycles of the sites that the point does not block hold one species each. Where species are exchanged, the mean is
    over the group together with every exchange that keeps the content.
    """
    return count_unbound_both(space, content)[1]


def count_unbound_both(space: Space, content: Content) -> tuple[int, int]:
    """Return `count_unbound` and `count_unbound_inequivalent`; found once."""
    known: dict[Content, tuple[int, int]] = space.memory.setdefault("counts", {})
    if content not in known:
        every = count_unbound(space, content)
        orbits = min(every, 1)
        if every > exchanged_contents(space.exchange, content):  # else nothing is left to choose
            fixed = _fixed(space, content) + fixed_by_exchanges(space.exchange, content, _cycle_types(space)[0])
            orbits, left = divmod(fixed, len(space.group) * number_keeping(space.exchange, content))
            assert left == 0
        known[content] = every, orbits
    return known[content]


def count_unbound_together(space: Space) -> tuple[int, int] | None:
    """Return what `count_unbound_both` comes to over all contents, without going through them.

    What is summed over the contents is a product over sublattices, so it is the product of what the sublattices sum to.

    Returns
    -------
    (int, int) or None
        None where contents of one sublattice depend on those of another.
    """
    if space.meant is not None or space.exchange or space.kind.points.blocks:
        return None
    every = math.prod(sum(multinomial(sum(c), c) for c in s.contents) for s in space.sublattices)
    fixed = 0
    for colourings, number in _cycle_types(space)[0]:
        sums = (sum(map(ways, s.contents)) for ways, s in zip(colourings, space.sublattices, strict=True))
        fixed += number * math.prod(sums)
    return every, fixed // len(space.group)


@dataclass(frozen=True)
class CycleClass:
    """Pairs of an operation and a point that it keeps, with the same cycle lengths of the sites that are left.

    Parameters
    ----------
    operations : ndarray of int, shape (t,)
        Rows of the space's group.
    points : ndarray of int, shape (t,)
        The point that belongs to each; the sites that it blocks are left out of the cycles.
    colourings : tuple of Colourings
        For each sublattice, in how many ways its cycles can be given species, by the species' site counts.
    """

    operations: NDArray[np.int64]
    points: NDArray[np.int64]
    colourings: tuple[Colourings, ...]


def cycle_classes(space: Space) -> dict[tuple[Cycles, ...], CycleClass]:
    """Return the classes of operations by the cycle lengths on each sublattice; found once for equal groups."""
    if "cycle classes" not in space.memory:
        points = space.kind.points
        ends = tuple(r.stop for r in space.ranges)
        found = _classes_of(space.group.tobytes(), ends, points.sites.tobytes(), points.sites.shape)
        space.memory["cycle classes"] = found
    classes: dict[tuple[Cycles, ...], CycleClass] = space.memory["cycle classes"]
    return classes


@functools.lru_cache(maxsize=64)
def _classes_of(
    group: bytes, ends: tuple[int, ...], blocked: bytes, shape: tuple[int, ...]
) -> dict[tuple[Cycles, ...], CycleClass]:
    permutations = np.frombuffer(group, dtype=np.int32).reshape(-1, ends[-1])
    lengths = cycle_lengths(permutations)
    operations = np.arange(len(lengths))
    kept = np.zeros(len(lengths), dtype=np.int64)
    if blocked:
        sites = np.frombuffer(blocked, dtype=np.int64).reshape(shape)
        operations, kept = np.nonzero(point_action(permutations, sites) == np.arange(len(sites)))
        lengths = lengths[operations]
        # The sites of a point that is kept are carried into each other: their cycles, and nothing else, go.
        np.put_along_axis(lengths, sites[kept], 0, axis=1)
    narrow = lengths.astype(np.uint8 if ends[-1] < 256 else np.uint16)  # rows of fewer bytes are sorted sooner
    distinct, members = np.unique(narrow, axis=0, return_inverse=True)
    found: dict[tuple[Cycles, ...], list[NDArray[np.int64]]] = {}
    by_row = np.split(np.argsort(members.ravel(), kind="stable"), np.cumsum(np.bincount(members.ravel()))[:-1])
    sublattices = [slice(start, end) for start, end in zip((0, *ends), ends, strict=False)]
    for row, here in zip(distinct, by_row, strict=True):
        found.setdefault(tuple(pairs(row[s]) for s in sublattices), []).append(here)
    return {
        cycles: CycleClass(
            operations[np.concatenate(rows)],
            kept[np.concatenate(rows)],
            tuple(colourings_of(lengths) for lengths in cycles),
        )
        for cycles, rows in found.items()
    }


def class_weights(space: Space, content: Content) -> list[int]:
    """Return how many configurations the operations of each cycle class leave as they are, added up over the class."""
    classes = cycle_classes(space)
    if space.kind.points.blocks and not count_unbound(space, content):
        return [0] * len(classes)  # too few of a species for a point, such as an ion and a vacancy for a hop
    placed = space.placed(content)
    return [len(one.operations) * _ways(one.colourings, placed) for one in classes.values()]


def _ways(colourings: tuple[Colourings, ...], contents: Content) -> int:
    product = 1
    for ways, counts in zip(colourings, contents, strict=True):
        product *= ways(counts)
        if not product:
            break
    return product


def _fixed(space: Space, content: Content) -> int:
    """Return how many configurations all operations together leave as they are."""
    types, known = _cycle_types(space)
    # Species are interchangeable here: contents that differ in which species is which have as many.
    contents = tuple(tuple(sorted(counts)) for counts in space.placed(content))
    if contents not in known:
        known[contents] = sum(number * _ways(colourings, contents) for colourings, number in types)
    return known[contents]


_Types = list[tuple[tuple[Colourings, ...], int]]


def _cycle_types(space: Space) -> tuple[_Types, dict[Content, int]]:
    """Return how many operations have which cycles, and what was counted with them; found once for equal groups."""
    if "cycle types" not in space.memory:
        if space.kind.points.blocks:
            classes = [(one.colourings, len(one.operations)) for one in cycle_classes(space).values()]
            space.memory["cycle types"] = classes, {}
        else:
            space.memory["cycle types"] = _types_of(space.group.tobytes(), tuple(r.stop for r in space.ranges))
    found: tuple[_Types, dict[Content, int]] = space.memory["cycle types"]
    return found


@functools.lru_cache(maxsize=64)
def _types_of(group: bytes, ends: tuple[int, ...]) -> tuple[_Types, dict[Content, int]]:
    types = cycle_types(np.frombuffer(group, dtype=np.int32).reshape(-1, ends[-1]), ends)
    return [(tuple(map(colourings_of, cycles)), number) for cycles, number in types.items()], {}
