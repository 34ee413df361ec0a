"""Temporary files and folders beside what they become, and what is done with those of processes that were killed.

Whoever writes one holds a lock of the system on it, which ends with the process, however that ends. So whoever comes
later can tell what was left from what is being written.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: `clear_remains` is sure only where the caller is the only writer
    fcntl = None  # type: ignore[assignment]

OLD = "old"
"""What a folder is called within a temporary one while another takes its place."""
_UNIQUE = r"\.[a-z0-9_]{8}\.part"
"""What `tempfile` makes of a prefix and this suffix."""


@contextlib.contextmanager
def part_file(path: Path) -> Iterator[Path]:
    """Make a temporary file beside a path, held while the block runs; removed afterwards, if it is still there."""

    def make() -> tuple[int, str]:
        return tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)

    with _held(make) as temporary:
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def part_folder(path: Path) -> Iterator[Path]:
    """Make a temporary folder beside a path, held while the block runs; removed afterwards, if it is still there."""

    def make() -> tuple[int, str]:
        name = tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            return os.open(name, os.O_RDONLY), name
        except OSError:  # Windows opens no folder; or it was taken for remains just now
            return -1, name

    with _held(make) as temporary:
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _held(make: Callable[[], tuple[int, str]]) -> Iterator[Path]:
    """Make something and hold it; once more where another process took it for remains before it was held."""
    handle, name = make()
    while not _hold(handle, name):
        if handle >= 0:
            os.close(handle)
        handle, name = make()
    try:
        yield Path(name)
    finally:
        if handle >= 0:
            os.close(handle)


def _hold(handle: int, name: str) -> bool:
    """Take the lock; return whether what was made is still there and nobody else's."""
    if fcntl is not None and handle >= 0:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # it is being removed
        except OSError:
            pass  # a file system without locks: there nobody removes it either
    return Path(name).exists()


def clear_remains(path: Path, *, alone: bool = False) -> None:
    """Remove temporary files and folders of processes that were killed while they wrote a path.

    What one had moved aside is put back.

    Parameters
    ----------
    path : path
        What they wrote.
    alone : bool
        Whether nobody else can be writing it now; else that is told by the lock on each.
    """
    _clear(path.parent, re.compile(re.escape(f".{path.name}") + _UNIQUE), path, alone)


def clear_all_remains(folder: Path) -> None:
    """Do so for every file of a folder whose names are ours alone, such as that of a cache."""
    _clear(folder, re.compile(r"\..+" + _UNIQUE), None, False)


def _clear(folder: Path, pattern: re.Pattern[str], path: Path | None, alone: bool) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        found = sorted(e.path for e in entries if pattern.fullmatch(e.name) and not e.is_symlink())
        for remains in map(Path, found):
            with _abandoned(remains, alone) as abandoned:
                if abandoned:
                    _remove(remains, path)


def _remove(remains: Path, path: Path | None) -> None:
    if not remains.is_dir():
        remains.unlink(missing_ok=True)
        return
    if path is not None and not path.exists() and (remains / OLD).is_dir():
        (remains / OLD).replace(path)
    shutil.rmtree(remains, ignore_errors=True)


@contextlib.contextmanager
def _abandoned(remains: Path, alone: bool) -> Iterator[bool]:
    """Give whether nobody writes it any more; nobody can begin to within the block."""
    if alone or fcntl is None:
        yield alone
        return
    try:
        handle = os.open(remains, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # gone meanwhile, or not ours to read
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
