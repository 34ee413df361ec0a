"""Inequivalent configurations by orderly generation: only canonical ones are ever built.

A content's species are placed one after another, each under the operations that leave the earlier ones where they are.
That stabiliser is soon trivial, and from there on the configurations are a plain product of combinations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.canonical import Stage, is_edge, stages
from matbench_defects.enumeration.conditions import Checks, Orders
from matbench_defects.enumeration.configurations import Configurations, Part
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.stabilisers import Stabilisers
from matbench_defects.enumeration.subsets import combinations, site_type
from matbench_defects.spec.spaces import Conditions

SLICED = 512
"""From this many configurations to one beginning on they are copied slice by slice."""
TABLE = 16_000_000
"""Tests of a set against taken sites that are held at a time."""


def enumerate_configurations(
    space: Space, contents: list[Content] | None = None, where: Conditions | None = None
) -> Configurations:
    """Return every symmetry-inequivalent configuration, or pathway, with its multiplicity.

    Parameters
    ----------
    space : Space
        The space.
    contents : list of contents, optional
        Only these; all that the space allows where left out.
    where : Conditions, optional
        What each configuration must fulfil; beginnings that cannot are dropped while they grow.

    Returns
    -------
    Configurations
        Canonical members. Without conditions their number equals Burnside's count, which is checked.
    """
    parts: list[Part] = []
    met = Stabilisers(space, Checks.of(space, where))
    for content in space.contents() if contents is None else contents:
        parts.extend(generate(space, content, where, met=met))
    return Configurations(space, tuple(parts))


def generate(
    space: Space,
    content: Content,
    where: Conditions | None = None,
    rows: int | None = None,
    met: Stabilisers | None = None,
) -> Iterator[Part]:
    """Yield the inequivalent configurations of one content in pieces, keys increasing.

    Parameters
    ----------
    space : Space
        The space.
    content : Content
        The content.
    where : Conditions, optional
        What each configuration must fulfil.
    rows : int, optional
        About how many configurations a piece may hold; one piece holds all where left out.
    met : Stabilisers, optional
        What other contents of the same space have met already.

    Raises
    ------
    AssertionError
        If, without conditions, the number of configurations is not the one that Burnside's lemma gives.
    """
    checks = met.checks if met else Checks.of(space, where)
    if not checks.content(content):
        return
    met = met or Stabilisers(space, checks)
    walk = _Walk(space, content, checks, met, rows)
    number = 0
    multiplicity = (len(space.group) // np.maximum(np.arange(len(space.group) + 1), 1)).astype(np.int32)
    beginnings = _Beginnings(np.zeros((0, 1), dtype=walk.kind), np.array([met.whole]))
    for placed, orders in walk.from_stage(0, beginnings):
        placed, orders = checks.finished(content, placed, orders)
        number += len(orders)
        if len(orders):
            yield Part(content, placed, multiplicity[orders])
    if where is None and number != (expected := count_inequivalent(space, content)):
        raise AssertionError(f"{number} configurations of {content}, Burnside says {expected}")


@dataclass(frozen=True)
class _Beginnings:
    """Configurations placed in part, shape (k, r), and the number of each one's stabiliser among those met."""

    placed: NDArray[np.unsignedinteger]
    stabilisers: Orders


class _Walk:
    """The placements of one content."""

    def __init__(self, space: Space, content: Content, checks: Checks, met: Stabilisers, rows: int | None) -> None:
        self.space = space
        self.checks = checks
        self.rows = rows
        self.stages = stages(space, content)[0]
        self.met = met
        self.kind = site_type(max(r.stop - r.start for r in space.ranges))

    def from_stage(self, index: int, begun: _Beginnings) -> Iterator[tuple[NDArray[np.unsignedinteger], Orders]]:
        """Yield what grows from some beginnings, with the orders of the stabilisers."""
        if index == len(self.stages):
            yield begun.placed, self.met.orders()[begun.stabilisers]
            return
        last = index == len(self.stages) - 1
        for some in self._pieces(index, begun):
            placed, following = self._extend(index, some, last)
            if last:
                yield placed, following
            else:
                yield from self.from_stage(index + 1, self._symmetric(_Beginnings(placed, following)))

    def _symmetric(self, begun: _Beginnings) -> _Beginnings:
        """Drop beginnings whose stabiliser is already too small: it can only shrink."""
        if self.checks.smallest_order <= 1:
            return begun
        orders = self.met.orders()[begun.stabilisers]
        kept = orders >= self.checks.smallest_order
        return _Beginnings(begun.placed[:, kept], begun.stabilisers[kept])

    def _pieces(self, index: int, begun: _Beginnings) -> Iterator[_Beginnings]:
        total = len(begun.stabilisers)
        if self.rows is None or total <= 1:
            yield begun
            return
        orders = self.met.orders()[begun.stabilisers]
        expected = self.stages[index].ways / orders + 1
        piece = (np.cumsum(expected) // self.rows).astype(np.int64)
        for cut in np.split(np.arange(total), np.flatnonzero(np.diff(piece)) + 1):
            here = slice(int(cut[0]), int(cut[-1]) + 1)
            yield _Beginnings(begun.placed[:, here], begun.stabilisers[here])

    def _extend(self, index: int, begun: _Beginnings, last: bool) -> tuple[NDArray[np.unsignedinteger], Orders]:
        """Place one more species: all beginnings with their new sites, and orders or numbers of the stabilisers."""
        stage = self.stages[index]
        blocked, own = self._blocked(index, begun)
        blocks = []
        for group in np.unique(begun.stabilisers).tolist():
            members = np.flatnonzero(begun.stabilisers == group)
            if group == self.met.trivial and not own and not is_edge(self.space, stage):
                blocks.append(self._product(stage, group, members, blocked, last))
            else:
                blocks.extend(self._chosen(stage, group, members, blocked, last))
        return _assemble(begun.placed, blocks, stage.count, self.kind)

    def _blocked(self, index: int, begun: _Beginnings) -> tuple[NDArray[np.bool_] | None, bool]:
        """Return which sites each beginning takes or forbids, shape (r, n); and whether conditions are among them."""
        stage = self.stages[index]
        where = self.space.ranges[stage.sublattice]
        blocked: NDArray[np.bool_] | None = None
        own = self.checks.within(stage) is not None
        at = 0
        rows = np.arange(len(begun.stabilisers))
        for earlier in self.stages[:index]:
            limits = self.checks.between(earlier, stage)
            same = earlier.sublattice == stage.sublattice
            if blocked is None and (same or limits is not None):
                blocked = np.zeros((len(rows), where.stop - where.start), dtype=bool)
            for column in begun.placed[at : at + earlier.count]:
                if same:
                    assert blocked is not None
                    blocked[rows, column] = True
                if limits is not None:
                    assert blocked is not None
                    blocked |= ~limits[column]
            own = own or limits is not None
            at += earlier.count
        return blocked, own

    def _product(
        self, stage: Stage, group: int, members: NDArray[np.int64], blocked: NDArray[np.bool_] | None, last: bool
    ) -> _Block:
        """Nothing but the identity is left: every combination of the free sites."""
        table = combinations(stage.free, stage.count)
        free = None
        if blocked is not None:
            free = np.nonzero(~blocked[members])[1].reshape(len(members), stage.free).astype(self.kind)
        mark = 1 if last else group
        return _Block(members, table, free, np.broadcast_to(np.int64(mark), table.shape[1]))

    def _chosen(
        self, stage: Stage, group: int, members: NDArray[np.int64], blocked: NDArray[np.bool_] | None, last: bool
    ) -> Iterator[_Block]:
        """Yield the sets that differ under a stabiliser and avoid what is blocked."""
        table = self.met.sets(stage, group)
        marks: Orders = table.orders if last else self.met.keeping(stage, group)
        if blocked is None:
            yield _Block(members, table.sites, None, marks)
            return
        step = max(1, TABLE // max(1, len(marks)))
        for i in range(0, len(members), step):
            some = members[i : i + step]
            meets = np.zeros((len(some), len(marks)), dtype=bool)
            for column in table.sites:
                meets |= blocked[some][:, column]
            which, chosen = np.nonzero(~meets)
            yield _Block(some, table.sites, None, marks, which, chosen)


@dataclass(frozen=True)
class _Block:
    """New sites for some beginnings: all sets of a table for each, or the `chosen` set for the `which`-th of them."""

    members: NDArray[np.int64]
    table: NDArray[np.unsignedinteger]
    free: NDArray[np.unsignedinteger] | None
    marks: Orders
    which: NDArray[np.int64] | None = None
    chosen: NDArray[np.int64] | None = None


def _assemble(
    begun: NDArray[np.unsignedinteger], blocks: list[_Block], count: int, kind: type
) -> tuple[NDArray[np.unsignedinteger], Orders]:
    """Bring the blocks into the order of their beginnings, and of the table within one."""
    old, number = begun.shape
    if not old and number == 1 and blocks[0].which is None and blocks[0].free is None:
        return blocks[0].table, blocks[0].marks  # the first placement, which may be large, is not copied
    each = np.zeros(number, dtype=np.int64)
    for block in blocks:
        if block.which is None:
            each[block.members] = block.table.shape[1]
        else:
            each[block.members] = np.bincount(block.which, minlength=len(block.members))
    starts = np.cumsum(each) - each
    total = int(each.sum())
    placed = np.empty((old + count, total), dtype=kind)
    if number and (each == each[0]).all():
        placed[:old].reshape(old, number, int(each[0]))[:] = begun[:, :, None]
    else:
        np.concatenate([np.repeat(c, each)[None] for c in begun], out=placed[:old]) if old else None
    marks: Orders = np.empty(total, dtype=np.int32)
    for block in blocks:
        _write(block, placed[old:], marks, starts)
    return placed, marks


def _write(block: _Block, placed: NDArray[np.unsignedinteger], marks: Orders, starts: NDArray[np.int64]) -> None:
    """Write the new sites of one block where they belong."""
    each = block.table.shape[1]
    if block.which is not None:
        assert block.chosen is not None
        first = np.searchsorted(block.which, np.arange(len(block.members)))
        at = starts[block.members][block.which] + np.arange(len(block.which)) - first[block.which]
        for column, source in zip(placed, block.table, strict=True):
            column[at] = source[block.chosen]
        marks[at] = block.marks[block.chosen]
    elif len(block.members) * each == placed.shape[1]:  # nothing else was there
        shape = (len(block.members), each)
        for column, source in zip(placed, block.table, strict=True):
            target = column.reshape(shape)
            if block.free is None:
                target[:] = source
            else:
                np.take(block.free, source, axis=1, out=target, mode="clip")
        marks.reshape(shape)[:] = block.marks
    elif each >= SLICED:
        for i, start in enumerate(starts[block.members].tolist()):
            here = slice(start, start + each)
            for column, source in zip(placed, block.table, strict=True):
                column[here] = source if block.free is None else block.free[i][source]
            marks[here] = block.marks
    else:
        at = starts[block.members][:, None] + np.arange(each)
        for column, source in zip(placed, block.table, strict=True):
            column[at] = source if block.free is None else block.free[:, source]
        marks[at] = block.marks
