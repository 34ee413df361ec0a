"""Reading a stranger's file in another process first: one that kills its reader kills nothing else.

Arrow ends the whole process where some broken Parquet footers are looked at, by exceptions of C++ that Python never
sees. A board of many submissions must not end with one of them. The process is kept for the next file.
"""

from __future__ import annotations

import atexit
import contextlib
import pickle
import select
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from matbench_defects.errors import InputError

PATIENCE = 120.0
"""Seconds that reading one file may take."""
MEMORY = 8 * 2**30
"""Bytes of address space that the other process may take."""


class _Reader:
    """The other process; started when it is first needed, and again after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def survives(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
        """Return whether the process is still there after it called a function, whatever that raised."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],  # where this very package is found, installed or not
            )
        to, back = self._process.stdin, self._process.stdout
        assert to is not None and back is not None
        order = pickle.dumps((function, arguments))
        try:
            to.write(struct.pack("<Q", len(order)) + order)
            to.flush()
            ready, _, _ = select.select([back], [], [], PATIENCE)
            alive = bool(ready) and back.read(1) == b"."
        except BrokenPipeError:
            alive = False
        if not alive:
            self.end()
        return alive

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._process = None


_reader = _Reader()
atexit.register(_reader.end)


def try_elsewhere(file: Path, function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function in another process, to see whether the process survives it.

    Parameters
    ----------
    file : path
        The file that it reads.
    function : callable
        A function of a module, found there by its name. What it returns or raises is not regarded.
    *arguments
        Its arguments.

    Raises
    ------
    InputError
        If the process died of it, or took longer than `PATIENCE`.
    """
    if not _reader.survives(function, arguments):
        raise InputError(
            "kills the program that reads it; write it again with pyarrow.parquet.write_table", file=str(file)
        )


def _serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while len(head := orders.read(8)) == 8:
        function, arguments = pickle.loads(orders.read(struct.unpack("<Q", head)[0]))
        with contextlib.suppress(Exception):  # the caller does the same, and says what is wrong
            function(*arguments)
        answers.write(b".")
        answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
