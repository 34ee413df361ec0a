"""What a run has computed but not yet merged into the table of labels: lines that survive any kill, then shards."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.errors import InputError
from matbench_defects.files import atomic_path, refusals_of

SHARD_ROWS = 500
"""So many lines of the journal become one shard."""

KEPT = "what was computed before is kept, and the same command goes on"

JournalRow = dict[str, Any]


class Journal:
    """A folder beside a table of labels, there only while something in it is not merged.

    Each finished batch is appended to ``journal.jsonl``, a line a label, and is on disk before the next is waited for.
    Every `SHARD_ROWS` lines become a Parquet shard. A kill at any moment leaves at most half a last line, which is
    not read, or rows that stand in a shard and in the journal, which are equal.

    Parameters
    ----------
    folder : path
        The folder.
    schema : pyarrow.Schema
        The columns of a shard.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self.folder = folder
        self._lines = folder / "journal.jsonl"
        self._schema = schema
        self._pending = 0

    def rows(self) -> Iterator[JournalRow]:
        """Yield every row that is not merged, shards first.

        Raises
        ------
        InputError
            If a shard cannot be read.
        """
        for shard in self._shards():
            try:
                with pq.ParquetFile(shard) as file:
                    yield from file.read().to_pylist()
            except (pa.ArrowException, OSError) as error:
                raise InputError(
                    f"cannot be read: {str(error).splitlines()[0]}; without this file its labels are computed again",
                    file=str(shard),
                ) from None
        yield from self._read_lines()

    def _shards(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    def _read_lines(self) -> Iterator[JournalRow]:
        try:
            text = self._lines.read_bytes()
        except FileNotFoundError:
            return
        empty = dict.fromkeys(self._schema.names)
        for line in text.splitlines(keepends=True):
            # The last line may be half written: what it would have said is computed again.
            with contextlib.suppress(ValueError):
                if line.endswith(b"\n"):
                    yield empty | json.loads(line)

    def __bool__(self) -> bool:
        """Whether there is anything to merge."""
        return self._lines.exists() or bool(self._shards())

    def append(self, rows: Iterable[JournalRow]) -> None:
        """Add rows; they are on disk when this returns.

        Raises
        ------
        InputError
            If the disk is full, or nothing may be written there any more.
        """
        text = "".join(json.dumps(row) + "\n" for row in rows)
        with refusals_of(self._lines, kept=KEPT), open(self._lines, "ab") as stream:
            if stream.tell() and not _ends_a_line(self._lines):
                stream.write(b"\n")  # what a kill left half written stays a line of its own, and is not read
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        self._pending += text.count("\n")
        if self._pending >= SHARD_ROWS:
            self._make_shard()

    def _make_shard(self) -> None:
        last = max((int(shard.stem) for shard in self._shards()), default=0)
        table = pa.Table.from_pylist(list(self._read_lines()), schema=self._schema)
        with atomic_path(self.folder / f"{last + 1:06d}.parquet", kept=KEPT) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        self._lines.unlink()
        self._pending = 0

    def clear(self) -> None:
        """Forget everything, once it is merged."""
        for path in [*self._shards(), self._lines, *self.folder.glob(".*.part")]:
            path.unlink(missing_ok=True)
        self._pending = 0

    @contextlib.contextmanager
    def held(self, *, wait: bool) -> Iterator[None]:
        """Keep every other process from adding labels to the same table; the folder exists meanwhile.

        Parameters
        ----------
        wait : bool
            Whether to wait for another process that adds labels now.

        Raises
        ------
        InputError
            If another process adds labels now, and it was not asked to wait.
        """
        from filelock import FileLock, Timeout

        lock, table = FileLock(self.folder / "lock"), self.folder.with_suffix("")
        while not lock.is_locked:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                lock.acquire(timeout=1.0 if wait else 0.0)
            except FileNotFoundError:
                continue  # another process has just merged and taken the folder away
            except Timeout:
                if not wait:
                    message = "another process is adding labels to this table; wait until it ends"
                    raise InputError(message, file=str(table)) from None
            except OSError as error:
                raise InputError(f"cannot be written ({error.strerror})", file=str(self.folder)) from None
        try:
            yield
        finally:
            (self.folder / "lock").unlink(missing_ok=True)  # held still, so nobody else holds it
            with contextlib.suppress(OSError):  # not empty: there is something to merge
                self.folder.rmdir()
            lock.release()


def _ends_a_line(path: Path) -> bool:
    with open(path, "rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"
