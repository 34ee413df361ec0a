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

from matbench_defects.bounded import LARGEST_FILE, LARGEST_TEXT, open_plain, open_zip, readable, unpacked
from matbench_defects.errors import InputError, nearest

LARGEST_STRUCTURE = 2**24
"""One structure among many may have this many bytes."""
LARGEST_ARCHIVE = 2**32
"""All structures of an archive together may have this many bytes, decompressed."""
LARGEST_HEADS = 2**20
"""What a tar archive says of a member besides its bytes may have this many bytes."""
GZIP = b"\x1f\x8b"


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
        if not path.exists():
            raise InputError("there is no such folder or ZIP archive", file=str(path))
        self._open = contextlib.ExitStack()
        stream = self._open.enter_context(open_plain(path, LARGEST_ARCHIVE))
        try:
            self._zip = self._open.enter_context(open_zip(stream, str(path)))
        except InputError as error:
            raise InputError(f"is neither a folder nor a ZIP archive: {error.message}", file=str(path)) from None
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

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file within a block, as it is stored."""
        if self._zip is None:
            with open_plain(self.path / name, LARGEST_FILE) as stream:
                yield stream
            return
        with readable(self.shown(name)), self._zip.open(self._names[name]) as stream:
            yield stream

    def read(self, name: str, largest: int = LARGEST_TEXT) -> bytes:
        """Return the bytes of a file, decompressed where its name ends in ``.gz``.

        Raises
        ------
        InputError
            If it cannot be read, is cut short or is too large.
        """
        with self.open(name) as stream:
            return unpacked(stream, name, self.shown(name), largest)


def read_file(path: Path, largest: int = LARGEST_TEXT) -> bytes:
    """Return the bytes of a file, decompressed where its name ends in ``.gz`` but not ``.tar.gz``.

    Raises
    ------
    InputError
        If it cannot be read, is cut short or is too large.
    """
    with open_plain(path, LARGEST_FILE) as stream:
        return unpacked(stream, path.name, str(path), largest)


def check_name(name: str, archive: Path | str) -> None:
    """Refuse the name of a member that leads out of its archive."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
        raise InputError(f"holds '{name}', a name that leads out of the archive", file=str(archive))


def tar_members(stream: IO[bytes], file: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file of a tar archive, compressed with gzip or not.

    Parameters
    ----------
    stream : file object
        The archive.
    file : str
        Its name, for messages.

    Raises
    ------
    InputError
        If it is no tar archive or cut short, or holds links, devices, too much, or names that lead out of it.
    """
    total = 0
    packed = io.BufferedReader(stream)  # type: ignore[type-var]
    plain = _Metered(gzip.GzipFile(fileobj=packed) if packed.peek(2)[:2] == GZIP else packed, file)
    try:
        with tarfile.open(fileobj=plain, mode="r|") as archive:  # type: ignore[call-overload]
            for member in archive:
                check_name(member.name, file)
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise InputError(f"holds '{member.name}', which is no file but a link or a device", file=file)
                total += member.size
                if not 0 <= member.size <= LARGEST_STRUCTURE or total > LARGEST_ARCHIVE:
                    raise InputError(f"holds too much: '{member.name}' and all before have {total:,} bytes", file=file)
                plain.allow(member.size)
                found = archive.extractfile(member)
                assert found is not None
                yield member.name, found.read()
                plain.allow()
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        raise InputError(f"cannot be read as a tar archive: {error}", file=file) from None


class _Metered:
    """What `tarfile` reads. Between two members it wants no more than their heads.

    Names, comments and lists of holes are read whole, whatever length the archive says they have.
    """

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, file: str) -> None:
        self._stream, self._file = stream, file
        self.allow()

    def allow(self, size: int = 0) -> None:
        """Let a member of so many bytes be read, and the head of the next."""
        self._left = size + LARGEST_HEADS

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise InputError(f"says more than {LARGEST_HEADS:,} bytes of one member, or skips as many", file=self._file)
        return data
