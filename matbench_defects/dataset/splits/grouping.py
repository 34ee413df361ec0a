"""What a row belongs to, by name: its host, its content, its defect type, its pathway type, a sublattice's pattern.

``host`` and the like are the groups that the spec's spaces name. Built in are ``space``; ``content``; ``type``, the
name of a named content; ``pattern.<sublattice>``, the orbit of what sits on that sublattice alone, whatever sits on the
others; ``elements``, the arrangement of elements, whatever their oxidation states; and what kinds of space offer:
``pathway``, the orbit of a pathway's edge.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from matbench_defects.crystal.charge_blind import blind_of, blind_space
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.kinds.kind import kinds
from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.counting import count_space
from matbench_defects.errors import InputError, nearest

BUILT_IN = ("space", "content", "type", "pattern", "elements")
LARGEST_LISTING = 10_000
"""Patterns of a sublattice are listed up to this many."""


def check_grouping(name: str, spaces: dict[str, Space]) -> None:
    """Refuse a group that some space does not have.

    Raises
    ------
    InputError
        Naming the nearest one.
    """
    offered = {kind.grouping for _, kind in kinds.items() if kind.grouping}
    for space in spaces.values():
        kind, _, sublattice = name.partition(".")
        if name in space.groups:
            continue
        if kind == "pattern":
            _pattern_space(space, sublattice)
        elif name == "elements":
            if not space.has_states or space.exchange or space.kind.points.blocks:
                raise InputError(f"{space.name} holds no structures whose species have oxidation states")
        elif name == "type" and not _type_names(space):
            raise InputError(f"{space.name} names no `contents`, so its configurations have no type")
        elif name in offered:
            if name != space.kind.grouping:
                raise InputError(f"{space.name} holds {space.kind.name}, which have no {name} type")
        elif name not in BUILT_IN:
            known = {*BUILT_IN, *offered, *(g for s in spaces.values() for g in s.groups)}
            raise InputError(f"no group is called '{name}' in {space.name}; {nearest(name, known)}")


def value_of(name: str, row: Configuration) -> str:
    """Return what a row belongs to in one group, checked by `check_grouping` before."""
    space = row.space
    kind, _, sublattice = name.partition(".")
    if name in space.groups:
        return space.groups[name]
    if name == "space":
        return space.name
    if name == "content":
        return space.content_name(row.content)
    if name == "type":
        return (space.meant or {})[row.content]
    if kind == "pattern":
        return _pattern(row, sublattice)
    if name == "elements":
        return blind_of(row).id
    assert name == space.kind.grouping
    return _point_types(space)[space.point(row.occupation)]


def values_of(name: str, spaces: dict[str, Space]) -> list[str]:
    """Return every value that rows of the spaces may have in one group, each once, in the order of the spec.

    Raises
    ------
    InputError
        If it is patterns and there are too many to list.
    """
    found: dict[str, None] = {}
    for space in spaces.values():
        found.update(dict.fromkeys(_values(name, space)))
    return list(found)


def _values(name: str, space: Space) -> Iterable[str]:
    kind, _, sublattice = name.partition(".")
    if name in space.groups:
        return [space.groups[name]]
    if name == "space":
        return [space.name]
    if name == "content":
        return [space.content_name(content) for content in space.contents()]
    if name == "type":
        return _type_names(space)
    if name == space.kind.grouping:
        return sorted(set(_point_types(space)))
    if name == "elements":
        return _listed(space, blind_space(space), name)
    assert kind == "pattern"
    return _listed(space, _pattern_space(space, sublattice), name)


def _listed(space: Space, coarser: Space, name: str) -> Iterable[str]:
    """Return the ids of all configurations of a space in which those of another that share a value are one."""
    number = count_space(coarser)[1]
    if number > LARGEST_LISTING:
        raise InputError(
            f"{space.name} has {number} values of {name}, too many to list; use `random` with `together: {name}`"
        )
    from matbench_defects.enumeration.orderly import enumerate_configurations  # `check` seldom needs it

    return enumerate_configurations(coarser).ids()


def _point_types(space: Space) -> list[str]:
    if "point types" not in space.memory:
        space.memory["point types"] = space.kind.point_types(space)
    types: list[str] = space.memory["point types"]
    return types


def _type_names(space: Space) -> list[str]:
    return [name for name in (space.meant or {}).values() if name]


def _pattern_space(space: Space, name: str) -> Space:
    """Return the space in which only one sublattice varies; its group is still the whole host's."""
    key = f"pattern {name}"
    if key not in space.memory:
        known = [s.name for s in space.sublattices]
        if name not in known:
            raise InputError(f"say which sublattice, such as pattern.{known[0]}; {nearest(name, known)}")
        if space.kind.points.blocks and known[space.kind.points.sublattice] == name:
            raise InputError(f"{space.kind.name} take sites of {name}, so it has no pattern of its own")
        only = (space.sublattices[known.index(name)],)
        space.memory[key] = dataclasses.replace(space.structures, sublattices=only, family="", meant=None, memory={})
    alone: Space = space.memory[key]
    return alone


def _pattern(row: Configuration, sublattice: str) -> str:
    alone = _pattern_space(row.space, sublattice)
    index = [s.name for s in row.space.sublattices].index(sublattice)
    occupation = row.occupation[row.space.ranges[index]]
    known: dict[bytes, str] = alone.memory.setdefault("pattern ids", {})  # each fold of each split asks again
    key = occupation.tobytes()
    if key not in known:
        known[key] = Configuration(alone, occupation).id
    return known[key]
