"""The contents of a space one at a time, by name or by place, without listing them all: there may be a million."""

from __future__ import annotations

import math
from collections.abc import Callable

from matbench_defects.crystal.relabelling import representative
from matbench_defects.crystal.space import Content, Space


def number_of_contents(space: Space) -> int:
    """Return how many contents a space has."""
    if space.meant is None and not space.exchange and not space.kind.points.blocks:
        return math.prod(len(sublattice.contents) for sublattice in space.sublattices)
    return len(space.contents())


def content_called(space: Space, name: str) -> Content | None:
    """Return the content of a space that has a name such as ``Li6Va6``; None where none has."""
    if space.meant is not None:
        known: dict[str, Content]
        if "contents by name" not in space.memory:
            space.memory["contents by name"] = {space.content_name(c): c for c in space.contents()}
        known = space.memory["contents by name"]
        return known.get(name)
    if "counts by name" not in space.memory:
        space.memory["counts by name"] = [
            {space.counts_name(sublattice, counts): counts for counts in sublattice.contents}
            for sublattice in space.sublattices
        ]
    parts = name.split(".")
    tables: list[dict[str, tuple[int, ...]]] = space.memory["counts by name"]
    if len(parts) != len(tables) or any(part not in table for part, table in zip(parts, tables, strict=True)):
        return None
    content = tuple(table[part] for part, table in zip(parts, tables, strict=True))
    if space.exchange and content != representative(space.exchange, content):
        return None
    if space.kind.points.blocks and min(n for counts in space.placed(content) for n in counts) < 0:
        return None
    return content


def place_of_content(space: Space) -> Callable[[Content], tuple[int, ...]]:
    """Return what gives contents of a space numbers by which they come in the order of `Space.contents`."""
    if space.meant is not None:
        places = {content: (number,) for number, content in enumerate(space.meant)}
        return places.__getitem__
    tables = [{counts: i for i, counts in enumerate(sublattice.contents)} for sublattice in space.sublattices]
    return lambda content: tuple(table[counts] for table, counts in zip(tables, content, strict=True))
