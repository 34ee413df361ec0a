"""Reading files that anyone may have written: plain files alone, and never more of one than is expected of it.

What a user, a spec, a dataset or a submission names may be a pipe that never answers, a device that never ends, a file
of terabytes that takes no room on disk, or a small one that unpacks to more than any memory holds.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import json
import math
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from matbench_defects.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

PathLike = str | os.PathLike[str]

LARGEST_FILE = 2**30
"""A file may have this many bytes where nothing less is expected, decompressed."""
LARGEST_TEXT = 2**28
"""A text that is held whole, such as a table, may have this many bytes."""
LARGEST_PARQUET = 2**36
"""A Parquet file, and its columns once unpacked, may have this many bytes."""
LARGEST_ARRAYS = 2**33
"""All arrays of a file together may have this many bytes."""
MOST_VALUES = 20_000_000
"""A JSON text may have this many lists, objects and values: each takes up to a hundred bytes once it is read."""
LARGEST_LIST = 2**24
"""A ZIP archive's list of its members, which is read at once, may have this many bytes."""
ONE_READ = 2**20
"""Bytes that are decompressed at a time."""


@contextlib.contextmanager
def open_plain(path: PathLike, largest: int = LARGEST_FILE) -> Iterator[IO[bytes]]:
    """Open a plain file within a block, in which at most `largest` bytes of it can be read.

    Raises
    ------
    InputError
        If it is not there, no plain file or too large, or cannot be read within the block.
    """
    with contextlib.ExitStack() as stack:
        with readable(str(path)):
            raw = _Bounded(stack.enter_context(_opened(path)), largest, str(path))
            raw.check_kind_and_size()
        try:
            yield io.BufferedReader(raw)
        except OSError as error:
            raise _refusal(error, str(path)) from None


def check_plain(path: PathLike, largest: int = LARGEST_FILE) -> None:
    """Refuse what `open_plain` would, for a library that opens the file itself."""
    with open_plain(path, largest):
        pass


def read_bytes(path: PathLike, largest: int = LARGEST_FILE) -> bytes:
    """Return the bytes of a plain file.

    Raises
    ------
    InputError
        As for `open_plain`.
    """
    with open_plain(path, largest) as stream:
        return stream.read()


def read_text(path: PathLike, largest: int = LARGEST_TEXT) -> str:
    """Return the text of a plain file, which must be UTF-8; a mark of the byte order is left out.

    Raises
    ------
    InputError
        As for `open_plain`, or if it is not UTF-8.
    """
    return decoded(read_bytes(path, largest), str(path))


def decoded(data: bytes, file: str) -> str:
    """Return bytes as text, which must be UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", file=file) from None


def read_json(path: PathLike, largest: int = LARGEST_TEXT) -> Any:
    """Return what a JSON file holds.

    Raises
    ------
    InputError
        As for `open_plain`, or if it is no JSON, or holds more than `MOST_VALUES`.
    """
    return parsed_json(read_text(path, largest), str(path))


def parsed_json(text: str, file: str) -> Any:
    """Return what a JSON text holds, as `read_json` does."""
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        raise InputError(f"holds more than {MOST_VALUES:,} lists, objects and values", file=file)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot be read: {error}", file=file) from None


@contextlib.contextmanager
def readable(file: str) -> Iterator[None]:
    """Turn what the system or an archive refuses while something is read into one message."""
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise _refusal(error, file) from None


def _refusal(error: Exception, file: str) -> InputError:
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return InputError(f"cannot be read: {reason}", file=file)


@contextlib.contextmanager
def _opened(path: PathLike) -> Iterator[int]:
    try:
        # A pipe would else wait for somebody who writes; a terminal must not become this program's own.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except ValueError:  # a null character
        raise InputError("cannot be read: no file has such a name", file=str(path)) from None
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise InputError("cannot be read: it is a socket, not a plain file", file=str(path)) from None
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class _Bounded(io.RawIOBase):
    """The bytes of a plain file, of which at most so many are handed out."""

    def __init__(self, descriptor: int, largest: int, file: str) -> None:
        self._descriptor, self._largest, self._file = descriptor, largest, file

    def check_kind_and_size(self) -> None:
        about = os.fstat(self._descriptor)
        if not stat.S_ISREG(about.st_mode):
            kind = "a folder" if stat.S_ISDIR(about.st_mode) else "a pipe or a device"
            raise InputError(f"cannot be read: it is {kind}, not a plain file", file=self._file)
        if about.st_size > self._largest:
            raise InputError(f"has {about.st_size} bytes; at most {self._largest} are read", file=self._file)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def readinto(self, buffer: Any) -> int:
        data = os.read(self._descriptor, len(buffer))
        if os.lseek(self._descriptor, 0, os.SEEK_CUR) > self._largest:  # it grows, or did not say how long it is
            raise InputError(f"has more than {self._largest} bytes, which is all that is read", file=self._file)
        buffer[: len(data)] = data
        return len(data)


def unpacked(stream: IO[bytes], name: str, file: str, largest: int) -> bytes:
    """Return the bytes of a stream, decompressed where its name ends in ``.gz`` but not ``.tar.gz``.

    Raises
    ------
    InputError
        If it cannot be read, is cut short or holds more than `largest` bytes.
    """
    packed = name.endswith(".gz") and not name.endswith(".tar.gz")
    parts, size = [], 0
    with readable(file):
        source = gzip.GzipFile(fileobj=stream) if packed else stream
        while size <= largest and (part := source.read(ONE_READ)):
            parts.append(part)
            size += len(part)
    if size > largest:
        raise InputError(f"holds more than {largest:,} bytes", file=file)
    return b"".join(parts)


class _ModestReader(io.BufferedReader):
    """A stream of which no more than `LARGEST_LIST` bytes may be wanted at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        most = LARGEST_LIST + 1
        data = super().read(most if size is None or size < 0 else min(size, most))
        if len(data) > LARGEST_LIST:
            raise zipfile.BadZipFile(f"it lists its members in more than {LARGEST_LIST} bytes")
        return data


@contextlib.contextmanager
def open_zip(stream: IO[bytes], file: str) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP archive within a block; its list of members is bounded.

    Raises
    ------
    InputError
        If it is none, or cannot be read within the block.
    """
    with readable(file), zipfile.ZipFile(_ModestReader(stream)) as archive:  # type: ignore[arg-type]
        yield archive


def read_arrays(path: PathLike, largest: int = LARGEST_ARRAYS) -> dict[str, NDArray[Any]]:
    """Return the arrays of a ``.npz`` file, nothing pickled, by name.

    Raises
    ------
    InputError
        If it cannot be read, holds an array of objects, or one whose size is not what its head says.
    """
    with open_plain(path, largest) as stream, open_zip(stream, str(path)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > largest:
            raise InputError(f"unpacks to more than {largest:,} bytes", file=str(path))
        return {member.filename.removesuffix(".npy"): _array(archive, member, str(path)) for member in members}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> NDArray[Any]:
    import numpy as np

    with archive.open(member) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, kind = read(stream)
            data = bytearray(unpacked(stream, "", file, member.file_size))
            if kind.hasobject or len(data) != math.prod(shape) * kind.itemsize:
                raise ValueError("it holds objects, or another number of bytes than its head says")
            return np.ndarray(shape, kind, data, order="F" if fortran else "C")
        except (ValueError, TypeError, SyntaxError) as error:
            raise InputError(f"the array {member.filename!r} cannot be read: {error}", file=file) from None


@contextlib.contextmanager
def open_parquet(path: PathLike, largest: int = LARGEST_PARQUET) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file within a block.

    Raises
    ------
    InputError
        In the place of what Arrow raises within the block, if the file cannot be read as Parquet; or if it is no plain
        file, or says that it unpacks to more than `largest` bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_plain(path, largest)
    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            if sum(abs(group.total_byte_size) for group in groups) > largest:
                raise InputError(f"unpacks to more than {largest:,} bytes", file=str(path))
            yield file
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"cannot be read as Parquet: {str(error).splitlines()[0]}", file=str(path)) from None


def read_parquet(path: PathLike, largest: int = LARGEST_PARQUET) -> pa.Table:
    """Return the table of a Parquet file. `pq.read_table` would load pandas.

    Raises
    ------
    InputError
        As for `open_parquet`.
    """
    with open_parquet(path, largest) as file:
        return file.read()
