"""What a run has computed but not yet put into a shard: lines that survive any kill, and the lock of the folder."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from matbench_defects.bounded import LARGEST_PARQUET, read_bytes
from matbench_defects.errors import InputError
from matbench_defects.files import note_finished, refusals_of
from matbench_defects.labels.label_files import LINES

SHARD_ROWS = 4096
"""So many lines of the journal become one shard."""

KEPT = "what was computed before is kept, and the same command goes on"

JournalRow = dict[str, Any]


class Journal:
    """The file ``journal.jsonl`` of a folder of labels, there only while something in it is in no shard.

    Each finished batch is appended, a line a label, and is on disk before the next is waited for. A kill at any moment
    leaves at most half a last line, which is not read, or rows that stand in a shard and in the journal, which are
    equal.

    Parameters
    ----------
    folder : path
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines = folder / LINES

    def rows(self) -> Iterator[JournalRow]:
        """Yield every row that is in no shard yet, the oldest first."""
        try:
            text = read_bytes(self._lines, LARGEST_PARQUET)
        except InputError:
            if self._lines.exists():
                raise
            return
        for line in text.splitlines(keepends=True):
            # The last line may be half written: what it would have said is computed again.
            with contextlib.suppress(ValueError):
                if line.endswith(b"\n"):
                    yield json.loads(line)

    def __bool__(self) -> bool:
        """Whether there is anything to put into a shard."""
        return self._lines.exists()

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
        note_finished()

    def clear(self) -> None:
        """Forget every line, once it is in a shard."""
        self._lines.unlink(missing_ok=True)

    @contextlib.contextmanager
    def held(self, *, wait: bool) -> Iterator[None]:
        """Keep every other process from adding labels to the same folder, which exists meanwhile.

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
            for remains in self.folder.glob(".*.part"):  # of a run that was killed while it wrote a shard
                remains.unlink(missing_ok=True)
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
