"""Inequivalent configurations by orderly generation: only canonical ones are ever built.

A content's species are placed one after another, each under the operations that leave the earlier ones where they are.
That stabiliser is soon trivial, and from there on the configurations are a plain product of combinations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import Stage, canonical, stages
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.assembly import Block, assemble
from matbench_defects.enumeration.burnside import count_unbound_inequivalent
from matbench_defects.enumeration.conditions import Checks, Orders, exclusions_of
from matbench_defects.enumeration.configurations import Configurations, Part, decode, encode
from matbench_defects.enumeration.exchanging import merge_exchanged
from matbench_defects.enumeration.exclusion_cost import FEW, found_sooner
from matbench_defects.enumeration.site_sets import site_type
from matbench_defects.enumeration.stabilisers import Stabilisers
from matbench_defects.enumeration.subsets import combinations
from matbench_defects.errors import InputError
from matbench_defects.spec.spaces import Conditions

WASTE = 20
"""So many times more configurations are gone through than there are, rather than placing species in another order."""
MOST_TURNED = 300_000
"""Up to so many configurations of one content that were placed in another order are brought into that of the keys."""
TABLE = 16_000_000
"""Tests of a set against taken sites that are held at a time."""


def enumerate_configurations(
    space: Space, contents: list[Content] | None = None, where: Conditions | None = None
) -> Configurations:
    """Return every symmetry-inequivalent configuration with its multiplicity.

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
        Canonical members. Without conditions their number equals Burnside's count, which is checked. Of a space that is
        one shape of supercell among several, those that repeat a smaller cell are left out.
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
    expected = _expected(space, content)
    if expected == 0:
        return  # nothing need be walked through
    met = met or Stabilisers(space, checks)
    number = 0
    if expected is not None and _in_another_order(space, content, checks, expected):
        configurations = _turned(space, content, checks, met, rows)
    else:
        configurations = _Walk(space, checks, met, stages(space, content)[0], rows).everything()
    for placed, multiplicities in configurations:
        placed, multiplicities = checks.finished(content, placed, multiplicities.astype(np.int32, copy=False))
        if space.exchange:
            placed, multiplicities = merge_exchanged(space, content, placed, multiplicities)
        number += len(multiplicities)
        if len(multiplicities):
            yield Part(content, placed, multiplicities)
    trivial = where is None and checks.translations is None
    if trivial and expected is not None and number != expected:
        raise AssertionError(f"{number} configurations of {content}, Burnside says {expected}")


def place(
    met: Stabilisers, placements: list[Stage], rows: int | None = None
) -> Iterator[tuple[NDArray[np.unsignedinteger], Orders]]:
    """Yield the sites that placements choose, the smallest of each orbit, and how many are in it; keys increasing.

    Parameters
    ----------
    met : Stabilisers
        Those of the space, with the conditions that placements keep.
    placements : list of Stage
        What is placed, in order.
    rows : int, optional
        About how many a piece may hold; one piece holds all where left out.
    """
    return _Walk(met.space, met.checks, met, placements, rows).everything()


def _expected(space: Space, content: Content) -> int | None:
    """Return how many configurations of a content differ; None where they are counted by finding them."""
    if not space.exclusions:
        return count_unbound_inequivalent(space, content)
    return None if found_sooner(space) else exclusions_of(space).count_inequivalent(content)


def _in_another_order(space: Space, content: Content, checks: Checks, expected: int) -> bool:
    """Return whether species are placed in another order than that of the keys, and the result is brought into it.

    A species that takes the rest is not placed, so what it excludes is seen only when all others are placed, which may
    be very many more configurations than there are in the end.

    Raises
    ------
    InputError
        If there are too many either way.
    """
    if not space.exclusions:
        return False
    placements, rest = placing_order(space, content, checks)
    if (placements, rest) == stages(space, content):
        return False
    walked = count_unbound_inequivalent(space, content)
    if walked <= max(FEW, WASTE * expected):
        return False
    if expected > MOST_TURNED:
        raise InputError(
            f"{space.name} holds {expected:,} configurations of {space.content_name(content)}, whose most numerous "
            f"species excludes others; at most {MOST_TURNED:,} of such a content are enumerated: draw some instead"
        )
    return True


def placing_order(space: Space, content: Content, checks: Checks) -> tuple[list[Stage], list[int]]:
    """Return placements, and what takes the rest of each sublattice, such that the rest excludes nothing if possible.

    Species whose distances matter are placed before the others.
    """
    limited = {name for limit in checks.limits for name in (limit.one, limit.other)}
    placements: list[Stage] = []
    rest: list[int] = []
    for i, counts in enumerate(space.placed(content)):
        names = space.sublattices[i].species
        order = sorted(range(len(counts)), key=lambda k: (names[k] not in limited, counts[k], k))
        free = sum(counts)
        for k in order[:-1]:
            if counts[k]:
                placements.append(Stage(i, k, counts[k], free, math.comb(free, counts[k])))
                free -= counts[k]
        rest.append(order[-1])
    return sorted(placements, key=lambda s: space.sublattices[s.sublattice].species[s.species] not in limited), rest


def _turned(
    space: Space, content: Content, checks: Checks, met: Stabilisers, rows: int | None
) -> Iterator[tuple[NDArray[np.unsignedinteger], Orders]]:
    """Yield what a walk in `placing_order` finds by the canonical members, in the order of their keys."""
    placements, rest = placing_order(space, content, checks)
    kind = site_type(max(r.stop - r.start for r in space.ranges))
    members: list[NDArray[np.uint8]] = []
    orders: list[NDArray[np.int64]] = []
    for placed, multiplicities in _Walk(space, checks, met, placements, rows or MOST_TURNED).everything():
        found = decode(space, content, placed, (placements, rest))
        kept = checks.fulfilled(found)
        members += [canonical(space, occupation)[0] for occupation in found[kept]]
        orders.append(multiplicities[kept].astype(np.int64))
    if not members:
        return
    placed = encode(space, np.array(members))[1].astype(kind)
    order = np.lexsort(placed[::-1]) if len(placed) else np.arange(len(members))
    together = np.concatenate(orders)
    for some in np.array_split(order, -(-len(order) // (rows or len(order)))):
        yield placed[:, some], together[some]


@dataclass(frozen=True)
class _Beginnings:
    """Configurations placed in part, shape (k, r), and the number of each one's stabiliser among those met."""

    placed: NDArray[np.unsignedinteger]
    stabilisers: Orders


class _Walk:
    """The placements of one content."""

    def __init__(
        self, space: Space, checks: Checks, met: Stabilisers, placements: list[Stage], rows: int | None
    ) -> None:
        self.space = space
        self.checks = checks
        self.rows = rows
        self.stages = placements
        self.met = met
        self.kind = site_type(max(r.stop - r.start for r in space.ranges))

    def everything(self) -> Iterator[tuple[NDArray[np.unsignedinteger], Orders]]:
        """Yield all configurations in pieces, keys increasing, with the multiplicities."""
        return self.from_stage(0, _Beginnings(np.zeros((0, 1), dtype=self.kind), np.array([self.met.whole])))

    def from_stage(self, index: int, begun: _Beginnings) -> Iterator[tuple[NDArray[np.unsignedinteger], Orders]]:
        """Yield what grows from some beginnings, with the multiplicities."""
        if index == len(self.stages):
            yield begun.placed, self._multiplicities(self.met.orders()[begun.stabilisers])
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

    def _multiplicities(self, orders: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the multiplicity that belongs to each order of a stabiliser; nearly all orders are one."""
        result = np.full(len(orders), len(self.space.group), dtype=np.int32)
        kept = np.flatnonzero(orders != 1)
        result[kept] //= orders[kept].astype(np.int32)
        return result

    def _extend(self, index: int, begun: _Beginnings, last: bool) -> tuple[NDArray[np.unsignedinteger], Orders]:
        """Place one more species: all beginnings with their new sites, and multiplicities or stabilisers' numbers."""
        stage = self.stages[index]
        blocked, own = self._blocked(index, begun)
        blocks = []
        for group in np.unique(begun.stabilisers).tolist():
            members = np.flatnonzero(begun.stabilisers == group)
            if group == self.met.trivial and not own and not stage.point:
                blocks.append(self._product(stage, group, members, blocked, last))
            else:
                blocks.extend(self._chosen(stage, group, members, blocked, last))
        return assemble(begun.placed, blocks, stage.count, self.kind)

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
    ) -> Block:
        """Nothing but the identity is left: every combination of the free sites."""
        table = combinations(stage.free, stage.count)
        free = None
        if blocked is not None:
            free = np.nonzero(~blocked[members])[1].reshape(len(members), stage.free).astype(self.kind)
        mark = len(self.space.group) if last else group
        return Block(members, table, free, np.broadcast_to(np.int64(mark), table.shape[1]))

    def _chosen(
        self, stage: Stage, group: int, members: NDArray[np.int64], blocked: NDArray[np.bool_] | None, last: bool
    ) -> Iterator[Block]:
        """Yield the sets that differ under a stabiliser and avoid what is blocked."""
        table = self.met.sets(stage, group)
        marks: Orders = self._multiplicities(table.orders) if last else self.met.keeping(stage, group)
        if blocked is None:
            yield Block(members, table.sites, None, marks)
            return
        step = max(1, TABLE // max(1, len(marks)))
        for i in range(0, len(members), step):
            some = members[i : i + step]
            meets = np.zeros((len(some), len(marks)), dtype=bool)
            for column in table.sites:
                meets |= blocked[some][:, column]
            which, chosen = np.nonzero(~meets)
            yield Block(some, table.sites, None, marks, which, chosen)
