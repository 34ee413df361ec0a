"""Edges of graphs on disk, as Arrow files in the user's cache, so that a second model or seed finds them there."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.dependencies import depends_on
from matbench_defects.errors import InputError
from matbench_defects.keyed_store import KeyedStore
from matbench_defects.shipped import cache_folder

LIMIT = 4 * 2**30
"""Bytes that the files may take in all; those that were not read for longest go first."""

Found = tuple[NDArray[np.int64], NDArray[np.int32], dict[str, NDArray[np.float32]]]
"""Where the edges of each graph begin, their ends and what they carry."""


def key(*parts: Any) -> str:
    """Return a digest of arrays and plain values: what the edges depend on besides the code that finds them."""
    found = hashlib.blake2b(digest_size=16)
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
    store = KeyedStore(cache_folder() / "graphs", limit=LIMIT)
    identity = depends_on("matbench_defects.models.networks.graphs")
    if (batch := store.get(name, identity)) is not None:
        return _of_batch(batch)
    found = make()
    with contextlib.suppress(OSError, InputError):  # a full or read-only disk is no reason to stop
        if found[0][-1] <= np.iinfo(np.int32).max:
            store.put(name, _batch(found), identity)
    return found


def _of_batch(batch: pa.RecordBatch) -> Found:
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


def _batch(found: Found) -> pa.RecordBatch:
    offsets, pairs, carried = found
    begins = pa.array(offsets.astype(np.int32))

    def column(values: NDArray[Any]) -> pa.Array:
        flat = pa.array(values.reshape(-1))
        lists = flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        return pa.ListArray.from_arrays(begins, lists)

    columns = {"first": column(pairs[0]), "second": column(pairs[1])}
    return pa.record_batch(columns | {name: column(values) for name, values in carried.items()})
