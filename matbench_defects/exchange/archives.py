"""Files of a folder or an archive, read in memory: nothing is extracted, and what looks like an attack is refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from matbench_defects.errors import InputError, nearest

LARGEST_FILE = 2**30
"""A file may hold this many bytes, decompressed."""
LARGEST_STRUCTURE = 2**24
"""One structure among many may have this many bytes."""
LARGEST_ARCHIVE = 2**32
"""All structures of an archive together may have this many bytes, decompressed."""


class Members:
    """The files of a folder or a ZIP archive, by name.

    Parameters
    ----------
    path : path
        The folder, or the archive; a folder that holds all else in the archive does not count.

    Raises
    ------
    InputError
        If it is neither, or the archive has names that lead out of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            self._names = {p.name: p.name for p in path.iterdir() if p.is_file()}
            self._names |= {f"{p.parent.name}/{p.name}": f"{p.parent.name}/{p.name}" for p in path.glob("*/*.cif")}
            return
        if not path.is_file():
            raise InputError("there is no such folder or ZIP archive", file=str(path))
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError):
            raise InputError("is neither a folder nor a ZIP archive", file=str(path)) from None
        whole = [entry.filename for entry in self._zip.infolist() if not entry.is_dir()]
        for name in whole:
            check_name(name, path)
        tops = {name.partition("/")[0] for name in whole}
        inside = len(tops) == 1 and all("/" in name for name in whole)
        self._names = {name.partition("/")[2] if inside else name: name for name in whole}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def first(self, *names: str) -> str:
        """Return the first of several names that is there.

        Raises
        ------
        InputError
            If none is.
        """
        for name in names:
            if name in self._names:
                return name
        raise InputError(f"holds no {' and no '.join(names)}; {nearest(names[0], self._names)}", file=str(self.path))

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted."""
        return sorted(name for name in self._names if name.startswith(f"{folder}/"))

    def shown(self, name: str) -> str:
        """Return a name for messages, with the folder or archive it lies in."""
        return f"{self.path}/{name}"

    def read(self, name: str, largest: int = LARGEST_FILE) -> bytes:
        """Return the bytes of a file, decompressed where its name ends in ``.gz``.

        Raises
        ------
        InputError
            If it cannot be read, is cut short or is too large.
        """
        if self._zip is None:
            return read_file(self.path / name, largest)
        with _readable(self.shown(name), largest), self._zip.open(self._names[name]) as stream:
            return _whole(stream, name, largest)

    def text(self, name: str) -> str:
        """Return the text of a file, which must be UTF-8."""
        return _text(self.read(name), self.shown(name))


def read_file(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """Return the bytes of a file, decompressed where its name ends in ``.gz`` but not ``.tar.gz``.

    Raises
    ------
    InputError
        If it cannot be read, is cut short or is too large.
    """
    with _readable(str(path), largest), open(path, "rb") as stream:
        return _whole(stream, path.name, largest)


def text_of_file(path: Path) -> str:
    """Return the text of a file, plain or compressed, which must be UTF-8."""
    return _text(read_file(path), str(path))


class _TooLargeError(Exception):
    pass


@contextlib.contextmanager
def _readable(file: str, largest: int) -> Iterator[None]:
    try:
        yield
    except _TooLargeError:
        raise InputError(f"holds more than {largest:,} bytes", file=file) from None
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be read: {reason}", file=file) from None


def _whole(stream: IO[bytes], name: str, largest: int) -> bytes:
    packed = name.endswith(".gz") and not name.endswith(".tar.gz")
    data = (gzip.GzipFile(fileobj=stream) if packed else stream).read(largest + 1)
    if len(data) > largest:
        raise _TooLargeError
    return data


def _text(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", file=file) from None


def check_name(name: str, archive: Path | str) -> None:
    """Refuse the name of a member that leads out of its archive."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
        raise InputError(f"holds '{name}', a name that leads out of the archive", file=str(archive))


def tar_members(data: bytes, file: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file of a tar archive, compressed or not.

    Parameters
    ----------
    data : bytes
        The archive.
    file : str
        Its name, for messages.

    Raises
    ------
    InputError
        If it is no tar archive or cut short, or holds links, devices, too much, or names that lead out of it.
    """
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r|*") as archive:
            for member in archive:
                check_name(member.name, file)
                if member.isdir():
                    continue
                if not member.isreg():
                    raise InputError(f"holds '{member.name}', which is no file but a link or a device", file=file)
                total += member.size
                if member.size > LARGEST_STRUCTURE or total > LARGEST_ARCHIVE:
                    raise InputError(f"holds too much: '{member.name}' and all before have {total:,} bytes", file=file)
                stream = archive.extractfile(member)
                assert stream is not None
                yield member.name, stream.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"cannot be read as a tar archive: {error}", file=file) from None
