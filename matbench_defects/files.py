"""Writing files so that no half of one is ever seen, and naming their content."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import heapq
import itertools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from matbench_defects.errors import InputError
from matbench_defects.part_files import OLD, clear_remains, part_file, part_folder

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system answers where a file finds no place: a full disk, a used-up quota, a limit on sizes."""


NOTHING_KEPT = "nothing of it was kept"


@contextlib.contextmanager
def refusals_of(path: Path, only: frozenset[int] | None = None, *, kept: str = NOTHING_KEPT) -> Iterator[None]:
    """Turn what the system refuses while something is written into one message.

    Parameters
    ----------
    path : path
        What is written.
    only : set of int, optional
        The errors that mean a refusal, by their number; every one where left out.
    kept : str
        What the message says of what is on disk now.

    Raises
    ------
    InputError
        In the place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        if only is not None and error.errno not in only:
            raise
        reason = os.strerror(error.errno) if error.errno else str(error)  # Arrow's own words are longer
        raise InputError(f"cannot be written ({reason}); {kept}", file=str(path)) from None


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, kept: str = NOTHING_KEPT) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success flush it to disk and rename it there.

    Parameters
    ----------
    path : path-like
        Where the file is to be. Its folder is created where it is missing.
    kept : str
        What a refusal's message says of what is on disk then.

    Yields
    ------
    pathlib.Path
        The temporary path to write to. It is removed if the block raises.

    Raises
    ------
    InputError
        If the disk is full, or nothing may be written there.
    """
    path = Path(path)
    with contextlib.ExitStack() as stack:
        with refusals_of(path, kept=kept):
            path.parent.mkdir(parents=True, exist_ok=True)
            clear_remains(path)
            temporary = stack.enter_context(part_file(path))
        with refusals_of(path, FULL, kept=kept):
            yield temporary
        with refusals_of(path, kept=kept):
            temporary.chmod(0o666 & ~_umask())
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
        _note_finished(path)


def _umask() -> int:
    umask = os.umask(0)  # it can only be read by setting it
    os.umask(umask)
    return umask


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write `data` as indented JSON, atomically. Not-a-number is refused."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str], *, flushed: bool = True) -> Iterator[Path]:
    """Give a temporary folder beside `path`; on success it takes the place of `path`.

    Parameters
    ----------
    path : path-like
        Where the folder is to be. What stood there is replaced only once the new one is whole.
    flushed : bool
        Whether each file is forced to disk before, so that it outlives a loss of power; that takes long for many.

    Yields
    ------
    pathlib.Path
        The temporary folder to fill. It is removed if the block raises.

    Raises
    ------
    InputError
        If the disk is full, nothing may be written there, or another process put something there meanwhile.
    """
    path = Path(path)
    with contextlib.ExitStack() as stack:
        with refusals_of(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            clear_remains(path)
            temporary = stack.enter_context(part_folder(path))
            temporary.chmod(0o777 & ~_umask())
        with refusals_of(path, FULL):
            try:
                yield temporary
            except InputError as error:
                raise _finally_at(error, temporary, path) from None
        with refusals_of(path):
            for file in temporary.rglob("*") if flushed else ():
                if file.is_file():
                    with open(file, "rb+") as stream:
                        os.fsync(stream.fileno())
            _take_the_place_of(path, temporary)
        _note_finished(path)


def check_replaceable(path: Path, mark: str | Iterable[str], what: str, instead: str = "another folder") -> None:
    """Refuse to replace a folder that holds something else: a mistyped name must not take somebody's files with it.

    Parameters
    ----------
    path : path
        What `atomic_folder` is to replace; nothing, or an empty folder, is fine.
    mark : str or iterable of str
        Files of which one is in each folder of the kind that may be replaced.
    what : str
        That kind, such as ``a dataset``.
    instead : str
        What the message asks for.

    Raises
    ------
    InputError
        If it is a file, or a folder with files of which none is such a mark.
    """
    if not path.exists():
        return
    marks = [mark] if isinstance(mark, str) else mark
    if not path.is_dir() or (any(path.iterdir()) and not any((path / name).is_file() for name in marks)):
        raise InputError(f"exists and is not {what}; give {instead}", file=str(path))


def _finally_at(error: InputError, temporary: Path, path: Path) -> InputError:
    """Return an error about a file in a temporary folder as one about where the file was to be."""
    if error.file is None or not Path(error.file).is_relative_to(temporary):
        return error
    file = str(path / Path(error.file).relative_to(temporary))
    return error.changed(lambda one: InputError(one.message, file=file, line=one.line, field=one.field))


def _take_the_place_of(path: Path, new: Path) -> None:
    if not path.exists():
        new.replace(path)
        return
    with part_folder(path) as old:
        try:
            path.replace(old / OLD)
            new.replace(path)
        finally:
            if not path.exists():
                (old / OLD).replace(path)


_finished = False


def _note_finished(path: Path) -> None:
    global _finished  # what is within a temporary folder goes with it
    _finished = _finished or not any(part.startswith(".") and part.endswith(".part") for part in path.parts)


def note_finished() -> None:
    """Note that this process has put something on disk that stays, whatever becomes of it."""
    global _finished
    _finished = True


def anything_finished() -> bool:
    """Return whether this process has put anything on disk that stays, whatever becomes of it."""
    return _finished


@contextlib.contextmanager
def only_writer(path: str | os.PathLike[str], *, wait: bool = False) -> Iterator[None]:
    """Keep other processes that do the same from writing `path`; what killed ones left beside it is cleared away.

    The lock is one of the system: it ends with the process, however that ends. Its file is removed with it.

    Parameters
    ----------
    path : path-like
        The file or folder that is written. Its folder is created where it is missing, and removed again if it stays
        empty.
    wait : bool
        Whether to wait for another process; refused otherwise.

    Raises
    ------
    InputError
        If another process is writing it, or nothing may be written there.
    """
    from filelock import FileLock, Timeout

    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    made = [folder for folder in path.parents if not folder.exists()]
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=-1 if wait else 0)
    with contextlib.ExitStack() as stack:
        for folder in reversed(made):  # the innermost first
            stack.callback(_remove_if_empty, folder)
        with refusals_of(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                message = "is being written by another process; wait for it, or give another place"
                raise InputError(message, file=str(path)) from None
        # Removed while it is held, so that none who comes later takes this file for the lock.
        stack.callback(lock.release)
        stack.callback(Path(lock.lock_file).unlink, missing_ok=True)
        clear_remains(path, alone=True)
        yield


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def sha256_of_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(data: Any) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of `data` as canonical JSON.

    Parameters
    ----------
    data : JSON-serialisable
        Keys are sorted, so equal data have equal digests.
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


SORTED_AT_A_TIME = 50_000
"""Texts that `digest_of_sorted` sorts in memory; of more, sorted runs lie in temporary files."""


def digest_of_items(items: Iterable[Any]) -> str:
    """Return what `digest` gives of the list of some items, none but one of which is held."""
    found = hashlib.sha256()
    _add_items(found, items)
    return found.hexdigest()[:16]


def digest_of_lists(lists: Mapping[str, Iterable[Any]]) -> str:
    """Return what `digest` gives of some lists by name, of whose items few are held."""
    found = hashlib.sha256(b"{")
    for i, name in enumerate(sorted(lists)):
        found.update(f"{',' if i else ''}{json.dumps(name)}:".encode())
        _add_items(found, lists[name])
    found.update(b"}")
    return found.hexdigest()[:16]


def _add_items(found: hashlib._Hash, items: Iterable[Any]) -> None:
    found.update(b"[")
    for i, item in enumerate(items):
        text = json.dumps(item, sort_keys=True, separators=(",", ":"), allow_nan=False)
        found.update(f"{',' if i else ''}{text}".encode())
    found.update(b"]")


def digest_of_sorted(texts: Iterable[str]) -> str:
    """Return what `digest` gives of the sorted list of some texts without line ends, few of which are held."""
    texts = iter(texts)
    with contextlib.ExitStack() as stack:
        runs: list[Iterable[str]] = []
        while run := sorted(itertools.islice(texts, SORTED_AT_A_TIME)):
            if len(run) == SORTED_AT_A_TIME:
                file = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n"))
                file.writelines(f"{text}\n" for text in run)
                file.seek(0)
                runs.append(line[:-1] for line in file)
            else:
                runs.append(run)
        return digest_of_items(heapq.merge(*runs))
