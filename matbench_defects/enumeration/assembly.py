"""Putting together the placements of a stage: what was placed before, repeated, and the new sites beside it.

For the largest spaces this is all the work there is, so nothing is written twice and both cores write.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from matbench_defects.enumeration.conditions import Orders

RUN = 512
"""From this many configurations on that stand together they are written as one slice."""
LARGE = 2_000_000
"""From this many numbers on two threads write them."""


@dataclass(frozen=True)
class Block:
    """New sites for some beginnings: all sets of a table for each, or the `chosen` set for the `which`-th of them.

    Parameters
    ----------
    members : ndarray of int, shape (m,)
        The beginnings, increasing.
    table : ndarray of uint8 or wider, shape (count, t)
        Sets of sites, or where `free` is given, of positions in it.
    free : ndarray of uint8 or wider, shape (m, f), optional
        The free sites of each beginning.
    marks : ndarray of int, shape (t,)
        What goes with each set: a multiplicity, or the number of a stabiliser.
    which, chosen : ndarray of int, optional
        Numbers among the members and the table.
    """

    members: NDArray[np.int64]
    table: NDArray[np.unsignedinteger]
    free: NDArray[np.unsignedinteger] | None
    marks: Orders
    which: NDArray[np.int64] | None = None
    chosen: NDArray[np.int64] | None = None

    def runs(self) -> list[tuple[int, int]] | None:
        """Return first and one after the last of each run of members that follow each other; None if runs are short."""
        if self.which is not None or not len(self.members):
            return None
        cuts = np.flatnonzero(np.diff(self.members) != 1) + 1
        if len(self.members) * self.table.shape[1] < RUN * (len(cuts) + 1):
            return None
        ends = [0, *cuts.tolist(), len(self.members)]
        return list(itertools.pairwise(ends))


def assemble(
    begun: NDArray[np.unsignedinteger], blocks: list[Block], count: int, kind: type
) -> tuple[NDArray[np.unsignedinteger], Orders]:
    """Bring the blocks into the order of their beginnings, and of the table within one.

    Parameters
    ----------
    begun : ndarray of uint8 or wider, shape (k, r)
        What has been placed.
    blocks : list of Block
        What is added to each beginning.
    count : int
        How many sites are added.
    kind : type
        The type of the result's numbers.

    Returns
    -------
    placed : ndarray, shape (k + count, total)
        The configurations.
    marks : ndarray of int32, shape (total,)
        What goes with each.
    """
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
    marks: Orders = np.empty(total, dtype=np.int32)
    writes: list[Callable[[], None]] = []
    runs = [block.runs() for block in blocks]
    if None in runs:
        writes += [partial(_repeat, column, source, each) for column, source in zip(placed, begun, strict=False)]
    for block, found in zip(blocks, runs, strict=True):
        if found is None:
            writes.append(partial(_scatter, block, placed[old:], marks, starts))
            continue
        for column, target in enumerate(placed):
            source = begun[column] if column < old else None
            if source is None or None not in runs:
                writes.append(partial(_write_runs, block, found, target, starts, source, column - old))
        writes.append(partial(_mark_runs, block, found, marks, starts))
    _together(writes, placed.size)
    return placed, marks


def _together(writes: list[Callable[[], None]], size: int) -> None:
    """Run all writes, large ones in two threads: numpy lets go of the interpreter while it copies."""
    if size < LARGE or (os.cpu_count() or 1) < 2:
        for write in writes:
            write()
        return
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write) for write in writes]:
            done.result()


def _repeat(target: NDArray[np.unsignedinteger], source: NDArray[np.unsignedinteger], each: NDArray[np.int64]) -> None:
    """Write each number of a column as often as its beginning goes on."""
    if (each == each[0]).all():
        target.reshape(len(each), int(each[0]))[:] = source[:, None]
    else:
        target[:] = np.repeat(source, each)


def _write_runs(
    block: Block,
    runs: list[tuple[int, int]],
    target: NDArray[np.unsignedinteger],
    starts: NDArray[np.int64],
    begun: NDArray[np.unsignedinteger] | None,
    new: int,
) -> None:
    """Write one column of a block: what its beginnings have there, or the `new`-th of the sites that are added."""
    each = block.table.shape[1]
    for first, end in runs:
        start = int(starts[block.members[first]])
        here = target[start : start + (end - first) * each].reshape(end - first, each)
        if begun is not None:
            here[:] = begun[block.members[first:end], None]
        elif block.free is None:
            here[:] = block.table[new]
        else:
            np.take(block.free[first:end], block.table[new], axis=1, out=here, mode="clip")


def _mark_runs(block: Block, runs: list[tuple[int, int]], marks: Orders, starts: NDArray[np.int64]) -> None:
    each = block.table.shape[1]
    for first, end in runs:
        start = int(starts[block.members[first]])
        marks[start : start + (end - first) * each].reshape(end - first, each)[:] = block.marks


def _scatter(block: Block, placed: NDArray[np.unsignedinteger], marks: Orders, starts: NDArray[np.int64]) -> None:
    """Write the new sites of a block whose configurations do not stand together."""
    if block.which is not None:
        assert block.chosen is not None
        first = np.searchsorted(block.which, np.arange(len(block.members)))
        at = starts[block.members][block.which] + np.arange(len(block.which)) - first[block.which]
        for column, source in zip(placed, block.table, strict=True):
            column[at] = source[block.chosen]
        marks[at] = block.marks[block.chosen]
        return
    at = starts[block.members][:, None] + np.arange(block.table.shape[1])
    for column, source in zip(placed, block.table, strict=True):
        column[at] = source if block.free is None else block.free[:, source]
    marks[at] = block.marks
