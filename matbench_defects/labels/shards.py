"""Immutable Parquet files of labels: their keys in memory, their values read in groups of rows when asked for."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matbench_defects.bounded import LARGEST_PARQUET, check_plain
from matbench_defects.errors import InputError
from matbench_defects.files import atomic_path
from matbench_defects.labels.label import DIGEST, Key
from matbench_defects.labels.label_table import ENCODINGS, SCHEMA, WORDS, current, wrong_columns

GROUP = 2048
"""Rows that are written and read together."""
HELD = 48 * 2**20
"""Bytes of decoded groups that are kept for the next request."""

Digests = NDArray[np.bytes_]
"""Digests of keys, each of `DIGEST` bytes."""
DIGESTS = np.dtype(f"S{DIGEST}")


class Shard:
    """One Parquet file of labels, open for reading, with an index of its keys: 20 bytes a label.

    Parameters
    ----------
    path : path
        The file.
    hint : str
        What the message says besides if it cannot be read.

    Raises
    ------
    InputError
        If it cannot be read, or holds something else.
    """

    def __init__(self, path: Path, hint: str = "") -> None:
        self.path = path
        self._hint = hint
        if path.exists():
            check_plain(path, LARGEST_PARQUET)
        with self._refusals():
            self._file = pq.ParquetFile(path, memory_map=False)
        if wrong := wrong_columns(self._file.schema_arrow):
            self._file.close()
            raise InputError(f"is not a table of labels: it {wrong}", file=str(path))
        groups = self._file.metadata
        self._starts = np.cumsum([0, *(groups.row_group(i).num_rows for i in range(groups.num_row_groups))])
        self._index()

    def _index(self) -> None:
        names = ["id", "method", "host", "attempt", "energy", "displacement", "description"]
        names = [name for name in names if name in self._file.schema_arrow.names]
        digests = np.empty(len(self), dtype=DIGESTS)
        # Relaxed labels that nobody compared with their configuration: tables of old versions have some.
        unchecked = np.zeros(len(self), dtype=bool)
        at = 0
        with self._refusals():
            for batch in self._file.iter_batches(65_536, columns=names):
                digests[at : at + len(batch)] = [Key(*row).digest() for row in _keys(batch)]
                unchecked[at : at + len(batch)] = _unchecked(batch)
                at += len(batch)
        self._take_index(digests, np.flatnonzero(unchecked))

    def _take_index(self, digests: Digests, unchecked: NDArray[np.int64]) -> None:
        order = np.argsort(digests, kind="stable")
        self._digests, self._rows = digests[order], order.astype(np.int32)
        self.unchecked = unchecked

    def __len__(self) -> int:
        return int(self._starts[-1])

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            what = "cannot be read" if self._hint else "cannot be read as Parquet"
            reason = str(error).splitlines()[0]
            raise InputError(f"{what}: {reason}{self._hint}", file=str(self.path)) from None

    def find(self, digests: Digests) -> NDArray[np.int64]:
        """Return the row of each key; -1 where there is none. Of rows with one key the last counts."""
        if not len(self._digests):
            return np.full(len(digests), -1, dtype=np.int64)
        places = np.searchsorted(self._digests, digests, side="right") - 1
        return np.where(self._digests[places] == digests, self._rows[places], -1).astype(np.int64)

    def digests(self) -> Digests:
        """Return the digest of each row's key, in the order of the rows."""
        found = np.empty_like(self._digests)
        found[self._rows] = self._digests
        return found

    def group_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which group each row is read with."""
        return np.searchsorted(self._starts, rows, side="right") - 1

    def start_of(self, group: int) -> int:
        """Return the first row of a group."""
        return int(self._starts[group])

    def group(self, number: int) -> pa.Table:
        """Return a group of rows in the present format."""
        with self._refusals():
            return current(self._file.read_row_group(number, use_threads=False))

    def columns(self, names: list[str]) -> pa.Table:
        """Return some columns of every row."""
        known = [name for name in names if name in self._file.schema_arrow.names]
        with self._refusals():
            table = self._file.read(known, use_threads=False)
        for name in names:
            if name not in known:
                table = table.append_column(SCHEMA.field(name), pa.nulls(len(table), SCHEMA.field(name).type))
        return table

    def batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of every row, some rows at a time."""
        with self._refusals():
            yield from self._file.iter_batches(16_384, columns=names, use_threads=False)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class MemoryShard(Shard):
    """Labels that are in no file yet, as a table in the present format.

    Parameters
    ----------
    table : pyarrow.Table
        The labels.
    """

    def __init__(self, table: pa.Table) -> None:
        self.path = Path()
        self._hint = ""
        self._table = table
        self._starts = np.array([0, len(table)])
        digests = np.array([Key(*row).digest() for row in _keys(table)], dtype=DIGESTS)
        self._take_index(digests, np.zeros(0, dtype=np.int64))

    def group(self, number: int) -> pa.Table:
        """Return the table."""
        return self._table

    def columns(self, names: list[str]) -> pa.Table:
        """Return some columns of every row."""
        return self._table.select(names)

    def batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of every row."""
        yield from self._table.select(names).to_batches()

    def close(self) -> None:
        """Do nothing: there is no file."""


def _keys(batch: pa.RecordBatch | pa.Table) -> Iterator[tuple[str, str, str, int]]:
    total = len(batch)
    attempts = batch.column("attempt").to_pylist() if "attempt" in batch.schema.names else [None] * total
    columns = [batch.column(name).to_pylist() for name in ("id", "method", "host")]
    yield from zip(*columns, (attempt or 0 for attempt in attempts), strict=True)


def _unchecked(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    there: NDArray[np.bool_] = np.asarray(pc.is_valid(batch.column("energy")))
    if "displacement" in batch.schema.names:
        there = there & np.asarray(pc.is_null(batch.column("displacement")))
    if not there.any():
        return there
    relaxed = pc.invert(pc.match_substring(batch.column("description"), '"relax": null'))
    result: NDArray[np.bool_] = there & np.asarray(pc.fill_null(relaxed, False))
    return result


class Reader:
    """Reads rows of shards in any order; the groups that were read last are kept."""

    def __init__(self) -> None:
        self._groups: OrderedDict[tuple[Shard, int], pa.Table] = OrderedDict()
        self._held = 0

    def _group(self, shard: Shard, number: int) -> pa.Table:
        key = (shard, number)
        if key in self._groups:
            self._groups.move_to_end(key)
            return self._groups[key]
        table = self._groups[key] = shard.group(number)
        self._held += table.nbytes
        while self._held > HELD and len(self._groups) > 1:
            _, old = self._groups.popitem(last=False)
            self._held -= old.nbytes
        return table

    def rows(self, shards: Sequence[Shard], which: NDArray[np.int64], rows: NDArray[np.int64]) -> pa.Table:
        """Return rows as one table, in the order asked for.

        Parameters
        ----------
        shards : sequence of Shard
            The shards.
        which : ndarray of int, shape (m,)
            The shard of each row.
        rows : ndarray of int, shape (m,)
            Its number in it.
        """
        pieces, places = [], []
        for number in np.unique(which).tolist():
            here = np.flatnonzero(which == number)
            groups = shards[number].group_of(rows[here])
            for group in np.unique(groups).tolist():
                chosen = here[groups == group]
                inside = rows[chosen] - shards[number].start_of(group)
                pieces.append(self._group(shards[number], group).take(inside))
                places.append(chosen)
        if not pieces:
            return SCHEMA.empty_table()
        order = np.argsort(np.concatenate(places), kind="stable")
        return pa.concat_tables(pieces).take(order)

    def forget(self) -> None:
        """Keep nothing of what was read."""
        self._groups.clear()
        self._held = 0


def in_order(shards: Sequence[Shard]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return shard and row of every label of some shards, by increasing key; of one key the last counts.

    Parameters
    ----------
    shards : sequence of Shard
        The oldest first.
    """
    if not shards:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    keys = pa.concat_tables(shard.columns(["id", "method", "host", "attempt"]) for shard in shards)
    which = np.concatenate([np.full(len(shard), i) for i, shard in enumerate(shards)]).astype(np.int64)
    rows = np.concatenate([np.arange(len(shard)) for shard in shards]).astype(np.int64)
    keys = keys.set_column(3, "attempt", pc.fill_null(keys["attempt"], 0))
    keys = keys.append_column("age", pa.array(np.arange(len(keys))))
    order = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]).to_numpy()
    digests = np.concatenate([shard.digests() for shard in shards])[order]
    last = np.append(digests[1:] != digests[:-1], True) if len(digests) else np.zeros(0, dtype=bool)
    return which[order[last]], rows[order[last]]


def write_shard(path: Path, shards: Sequence[Shard], *, kept: str) -> None:
    """Write the labels of some shards into one file, by increasing key, holding few of them in memory.

    Parameters
    ----------
    path : path
        The file. It appears whole or not at all.
    shards : sequence of Shard
        Where they are now, the oldest first.
    kept : str
        What the message says of what is on disk if this cannot be written.
    """
    which, rows = in_order(shards)
    reader = Reader()
    with (
        atomic_path(path, kept=kept) as temporary,
        pq.ParquetWriter(
            temporary,
            SCHEMA,
            compression="zstd",
            use_dictionary=WORDS,
            column_encoding=ENCODINGS,
            write_statistics=["id"],
        ) as writer,
    ):
        for i in range(0, max(1, len(rows)), GROUP):
            table = reader.rows(shards, which[i : i + GROUP], rows[i : i + GROUP])
            writer.write_table(table.combine_chunks(), row_group_size=GROUP)
