"""What is finished and would be computed again: Arrow record batches by key, one file each, that survive any kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from matbench_defects.files import atomic_path, digest, sha256_of_file
from matbench_defects.part_files import clear_all_remains

CHECKSUM = 32
"""Bytes of the SHA-256 that stands behind the batch in each file."""


class KeyedStore:
    """A folder of record batches. What cannot be read counts as not there, for it can be computed again.

    Parameters
    ----------
    folder : path
        Created with the first batch.
    limit : int, optional
        Bytes that the files may take in all; those that were not read for longest go first.
    """

    def __init__(self, folder: Path, *, limit: int | None = None) -> None:
        self.folder = folder
        self._limit = limit
        self._cleared = False

    def _file(self, key: Any) -> Path:
        return self.folder / f"{digest(key)}.arrow"

    def get(self, key: Any, identity: Any = None) -> pa.RecordBatch | None:
        """Return what is kept under a key, mapped from disk; None where nothing is, or something of another identity.

        Parameters
        ----------
        key : JSON-serialisable
            Which batch.
        identity : JSON-serialisable, optional
            What it depends on besides.
        """
        path = self._file(key)
        batch = _read(path)
        if batch is None or (batch.schema.metadata or {}).get(b"identity", b"").decode() != digest(identity):
            return None
        if self._limit is not None:
            with contextlib.suppress(OSError):
                path.touch()
        return batch

    def put(self, key: Any, batch: pa.RecordBatch, identity: Any = None) -> None:
        """Keep a batch, in the place of what was kept under its key.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        if not self._cleared:  # a key of a killed run may never be written again
            clear_all_remains(self.folder)
            self._cleared = True
        path = self._file(key)
        metadata = {**(batch.schema.metadata or {}), b"identity": digest(identity).encode()}
        batch = batch.replace_schema_metadata(metadata)
        with atomic_path(path) as temporary:
            with pa.ipc.new_file(str(temporary), batch.schema) as writer:
                writer.write_batch(batch)
            checksum = bytes.fromhex(sha256_of_file(temporary))
            with open(temporary, "ab") as stream:
                stream.write(checksum)
        if self._limit is not None:
            self._prune(path, self._limit)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield everything that is kept, of whatever identity."""
        for path in sorted(self.folder.glob("*.arrow")):
            if (batch := _read(path)) is not None:
                yield batch

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prune(self, newest: Path, limit: int) -> None:
        """Remove the files that were not read for longest, until the rest fits; never the newest."""
        files = []
        for path in self.folder.glob("*.arrow"):
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= limit:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                total -= size


def beside(path: Path) -> Path:
    """Return the hidden folder beside a file or folder that keeps parts of it until it is whole."""
    path = path.absolute()
    return path.parent / f".{path.name}.unfinished"


def described(batch: pa.RecordBatch, about: Any) -> pa.RecordBatch:
    """Return a batch that carries plain data besides its columns."""
    return batch.replace_schema_metadata({"about": json.dumps(about)})


def description(batch: pa.RecordBatch) -> Any:
    """Return the plain data that a batch carries."""
    return json.loads(batch.schema.metadata[b"about"])


def _read(path: Path) -> pa.RecordBatch | None:
    try:
        with pa.memory_map(str(path)) as source:
            everything = source.read_buffer()
        body, checksum = everything[:-CHECKSUM], everything[-CHECKSUM:]
        if hashlib.sha256(body).digest() != checksum.to_pybytes():
            return None
        return pa.ipc.open_file(pa.BufferReader(body)).get_batch(0)
    except (OSError, pa.ArrowException):
        return None
