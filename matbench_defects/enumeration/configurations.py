"""Many configurations, compactly: of each content, the sites that its placements choose."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import DIGITS, Stage, base36, stages
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Content, Space

ROWS = 4096
"""So many are decoded at a time where one after another is asked for."""


@dataclass(frozen=True)
class Part:
    """Canonical configurations of one content.

    Parameters
    ----------
    content : Content
        The content.
    placed : ndarray of uint8 or wider, shape (k, m)
        The sites that each placement of `canonical.stages` chooses, one configuration a column; sites are numbered
        from the first of their sublattice.
    multiplicities : ndarray of int32, shape (m,)
        How many configurations each orbit holds.
    """

    content: Content
    placed: NDArray[np.unsignedinteger]
    multiplicities: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.multiplicities)


class Batch(Sequence[Configuration]):
    """Some configurations of one content, decoded when the first of them is asked for.

    Parameters
    ----------
    space : Space
        The space.
    part : Part
        The configurations, compactly.
    """

    def __init__(self, space: Space, part: Part) -> None:
        self.space, self.part = space, part
        self.ids = part_ids(space, part)

    @functools.cached_property
    def _rows(self) -> list[Configuration]:
        known = zip(
            decode(self.space, self.part.content, self.part.placed),
            self.ids,
            self.part.multiplicities.tolist(),
            strict=True,
        )
        return [
            Configuration.canonical(
                self.space, occupation, id=id_, multiplicity=multiplicity, content=self.part.content
            )
            for occupation, id_, multiplicity in known
        ]

    def __len__(self) -> int:
        return len(self.part)

    @overload
    def __getitem__(self, place: int) -> Configuration: ...
    @overload
    def __getitem__(self, place: slice) -> list[Configuration]: ...
    def __getitem__(self, place: int | slice) -> Configuration | list[Configuration]:
        return self._rows[place]


@dataclass(frozen=True)
class Configurations(Sequence[Configuration]):
    """Inequivalent configurations of a space, contents one after another and keys increasing within one.

    Parameters
    ----------
    space : Space
        The space.
    parts : tuple of Part
        The configurations of each content, compactly.
    """

    space: Space
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def __iter__(self) -> Iterator[Configuration]:
        """Yield each configuration, with what the enumeration knows of it already; decoded in batches."""
        for batch in self.decoded():
            yield from batch

    def decoded(self) -> Iterator[Batch]:
        """Yield the configurations in pieces of one content, each decoded when one of it is asked for."""
        for part in self.batches(ROWS):
            yield Batch(self.space, part)

    @overload
    def __getitem__(self, position: int) -> Configuration: ...
    @overload
    def __getitem__(self, position: slice) -> list[Configuration]: ...
    def __getitem__(self, position: int | slice) -> Configuration | list[Configuration]:
        """Return the configuration at a position, or those at some; the others are not decoded."""
        if isinstance(position, slice):
            return self.at(np.arange(*position.indices(len(self))))
        place = position + len(self) if position < 0 else position
        if not 0 <= place < len(self):
            raise IndexError(f"there are {len(self)} configurations, none at {position}")
        return self.at(np.array([place]))[0]

    def at(self, positions: NDArray[np.int64]) -> list[Configuration]:
        """Return the configurations at some positions, in the order of these; the others are not decoded."""
        ends = np.cumsum([len(part) for part in self.parts])
        which = np.searchsorted(ends, positions, side="right")
        found: list[Configuration | None] = [None] * len(positions)
        for number in np.unique(which).tolist():
            part, here = self.parts[number], np.flatnonzero(which == number)
            inside = positions[here] - (ends[number] - len(part))
            some = Part(part.content, part.placed[:, inside], part.multiplicities[inside])
            for place, one in zip(here.tolist(), Batch(self.space, some), strict=True):
                found[place] = one
        return [one for one in found if one is not None]

    @functools.cached_property
    def occupations(self) -> NDArray[np.uint8]:
        """The canonical member of each orbit, shape (m, n); n bytes each, so take `batches` of many millions."""
        decoded = [decode(self.space, part.content, part.placed) for part in self.parts]
        return np.concatenate(decoded) if decoded else np.zeros((0, self.space.size), dtype=np.uint8)

    @functools.cached_property
    def multiplicities(self) -> NDArray[np.int64]:
        """How many configurations each orbit holds, shape (m,)."""
        found = [part.multiplicities for part in self.parts]
        return np.concatenate(found).astype(np.int64) if found else np.zeros(0, dtype=np.int64)

    def ids(self) -> list[str]:
        """Return the id of each configuration."""
        return [name for part in self.parts for name in part_ids(self.space, part)]

    def batches(self, rows: int = 65_536) -> Iterator[Part]:
        """Yield the configurations in pieces of one content and at most `rows` each, without copying them."""
        for part in self.parts:
            for i in range(0, len(part), rows):
                here = slice(i, i + rows)
                yield Part(part.content, part.placed[:, here], part.multiplicities[here])

    def take(self, positions: NDArray[np.int64]) -> Configurations:
        """Return the configurations at some positions, increasing, without decoding the others."""
        ends = np.cumsum([len(part) for part in self.parts])
        parts = []
        for part, end in zip(self.parts, ends.tolist(), strict=True):
            start = end - len(part)
            here = positions[(positions >= start) & (positions < end)] - start
            if len(here):
                parts.append(Part(part.content, part.placed[:, here], part.multiplicities[here]))
        return Configurations(self.space, tuple(parts))

    def positions(self, some: Configurations) -> NDArray[np.int64]:
        """Return where some of these configurations stand among them, increasing.

        Parameters
        ----------
        some : Configurations
            Configurations of the same space, all of them among these.
        """
        starts = dict(
            zip((p.content for p in self.parts), np.cumsum([0, *map(len, self.parts)]).tolist(), strict=False)
        )
        parts = {part.content: part for part in self.parts}
        found = []
        for part in some.parts:
            every = ranks(self.space, part.content, parts[part.content].placed)
            here = ranks(self.space, part.content, part.placed)
            found.append(np.searchsorted(np.asarray(every), np.asarray(here)) + starts[part.content])
        return np.concatenate(found).astype(np.int64) if found else np.zeros(0, dtype=np.int64)


def decode(
    space: Space,
    content: Content,
    placed: NDArray[np.integer],
    order: tuple[list[Stage], list[int]] | None = None,
) -> NDArray[np.uint8]:
    """Return the occupations that compact ones stand for.

    Parameters
    ----------
    space : Space
        The space.
    content : Content
        Their content.
    placed : ndarray of int, shape (k, m)
        The chosen sites, as in `Part`.
    order : tuple, optional
        In which order they were placed and what takes the rest, as `canonical.stages` returns it.

    Returns
    -------
    ndarray of uint8, shape (m, n)
    """
    placements, rest = order or stages(space, content)
    total = placed.shape[1]
    result = np.empty((total, space.size), dtype=np.uint8)
    for where, species in zip(space.ranges, rest, strict=True):
        result[:, where] = species
    rows = np.arange(total)
    at = 0
    for stage in placements:
        start = space.ranges[stage.sublattice].start
        for column in placed[at : at + stage.count]:
            result[rows, column.astype(np.int64) + start] = stage.species
        at += stage.count
    return result


def encode(space: Space, occupations: NDArray[np.uint8]) -> tuple[Content, NDArray[np.int64]]:
    """Return the content and the compact form of occupations that share it; the inverse of `decode`."""
    content = space.content(occupations[0])
    columns = []
    for stage in stages(space, content)[0]:
        held = occupations[:, space.ranges[stage.sublattice]] == stage.species
        columns.append(np.nonzero(held)[1].reshape(len(occupations), stage.count).T)
    return content, np.concatenate(columns) if columns else np.zeros((0, len(occupations)), dtype=np.int64)


def ranks(space: Space, content: Content, placed: NDArray[np.integer]) -> NDArray[np.uint64] | list[int]:
    """Return the rank of each configuration: 64-bit numbers where all ranks of the content fit, else a list."""
    placements, _ = stages(space, content)
    wide = math.prod(stage.ways for stage in placements) >= 2**63
    kind: type = object if wide else np.uint64
    number: NDArray[Any] = np.zeros(placed.shape[1], dtype=kind)
    at = 0
    before: dict[int, list[NDArray[np.int64]]] = {}
    for stage in placements:
        columns = [c.astype(np.int64) for c in placed[at : at + stage.count]]
        at += stage.count
        taken = before.setdefault(stage.sublattice, [])
        if stage.point:
            sites = np.stack(columns, axis=1) + space.ranges[stage.sublattice].start
            part: NDArray[Any] = space.kind.points.numbers(sites).astype(kind)
        else:
            part = _subset_ranks(stage, [c - sum(c > t for t in taken) for c in columns], kind)
        number = number * kind(stage.ways) + part if not wide else number * stage.ways + part
        taken.extend(columns)
    return [int(n) for n in number] if wide else number


def _subset_ranks(stage: Stage, positions: list[NDArray[np.int64]], kind: type) -> NDArray[np.uint64]:
    """Vectorised `canonical.subset_rank`."""
    k, n = stage.count, stage.free
    part: NDArray[Any] = np.full(positions[0].shape, stage.ways - 1, dtype=kind)
    for i, position in enumerate(positions):
        after: NDArray[Any] = np.array([math.comb(n - 1 - c, k - i) for c in range(n)], dtype=kind)
        part = part - after[position]
    return part


def part_ids(space: Space, part: Part) -> list[str]:
    """Return the id of each configuration of a part."""
    begin = f"{space.name}:{space.content_name(part.content)}:"
    found = ranks(space, part.content, part.placed)
    if isinstance(found, list):
        return [begin + base36(n) for n in found]
    text, starts = base36_text(found)
    whole = text.tobytes().decode()
    width = text.shape[1]
    return [begin + whole[i * width + s : (i + 1) * width] for i, s in enumerate(starts.tolist())]


def base36_text(numbers: NDArray[np.uint64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Write numbers in base 36, right-aligned.

    Returns
    -------
    text : ndarray of uint8, shape (m, width)
        ASCII characters, with zeros before the number's first digit.
    starts : ndarray of int, shape (m,)
        Where each number's first digit stands.
    """
    width = 1
    while len(numbers) and 36**width <= int(numbers.max()):
        width += 1
    text = np.empty((width, len(numbers)), dtype=np.uint8)
    alphabet = np.frombuffer(DIGITS.encode(), dtype=np.uint8)
    left = numbers
    starts = np.full(len(numbers), width - 1, dtype=np.int64)
    for position in range(width - 1, -1, -1):
        starts[left > 0] = position
        following = left // np.uint64(36)
        text[position] = alphabet[(left - following * np.uint64(36)).astype(np.uint8)]
        left = following
    return np.ascontiguousarray(text.T), starts
