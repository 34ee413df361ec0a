"""Edges of graphs on disk, as Arrow files in the user's cache, so that a second model or seed finds them there."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.files import atomic_path
from matbench_defects.shipped import cache_folder

FORMAT = 1
"""Changes whenever graphs are built in another way."""
LIMIT = 4 * 2**30
"""Bytes that the files may take in all; those that were not read for longest go first."""

Found = tuple[NDArray[np.int64], NDArray[np.int32], dict[str, NDArray[np.float32]]]
"""Where the edges of each graph begin, their ends and what they carry."""


def key(*parts: Any) -> str:
    """Return a digest of arrays and plain values: what the edges depend on."""
    found = hashlib.blake2b(repr(FORMAT).encode(), digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).data)
        else:
            found.update(repr(part).encode())
    return found.hexdigest()


def known(name: str, make: Callable[[], Found]) -> Found:
    """Return the edges that are kept under a name, or make and keep them.

    Parameters
    ----------
    name : str
        What `key` returned.
    make : callable
        Finds the edges.
    """
    path = cache_folder() / "graphs" / f"{name}.arrow"
    try:
        found = _read(path)
        path.touch()
        return found
    except (OSError, pa.ArrowException, KeyError):
        found = make()
    with contextlib.suppress(OSError):  # a full or read-only disk is no reason to stop
        _write(path, found)
        _prune(path.parent, path)
    return found


def _read(path: Path) -> Found:
    with pa.memory_map(str(path)) as source:
        batch = pa.ipc.open_file(source).get_batch(0)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    offsets = columns["first"].offsets.to_numpy().astype(np.int64)
    ends = [columns.pop(end).flatten().to_numpy() for end in ("first", "second")]
    carried = {}
    for name, column in columns.items():
        values = column.flatten()
        if pa.types.is_fixed_size_list(values.type):
            carried[name] = values.flatten().to_numpy().reshape(-1, values.type.list_size)
        else:
            carried[name] = values.to_numpy()
    return offsets, np.stack(ends), carried


def _write(path: Path, found: Found) -> None:
    offsets, pairs, carried = found
    if offsets[-1] > np.iinfo(np.int32).max:
        return
    begins = pa.array(offsets.astype(np.int32))

    def column(values: NDArray[Any]) -> pa.Array:
        flat = pa.array(values.reshape(-1))
        lists = flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        return pa.ListArray.from_arrays(begins, lists)

    columns = {"first": column(pairs[0]), "second": column(pairs[1])}
    columns |= {name: column(values) for name, values in carried.items()}
    batch = pa.record_batch(columns)  # a table without rows would be written as no batch at all
    with atomic_path(path) as temporary, pa.ipc.new_file(str(temporary), batch.schema) as writer:
        writer.write_batch(batch)


def _prune(folder: Path, newest: Path) -> None:
    """Remove the files that were not read for longest, until the rest fits; never the newest."""
    files = []
    for path in folder.glob("*.arrow"):
        with contextlib.suppress(OSError):
            status = path.stat()
            files.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= LIMIT:
            return
        if path != newest:
            path.unlink(missing_ok=True)
            total -= size
