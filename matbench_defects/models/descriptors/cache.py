"""What a descriptor gave for a crystal, on disk: computed once, whatever regression it serves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.files import digest
from matbench_defects.keyed_store import KeyedStore
from matbench_defects.shipped import cache_folder

CHUNK = 500
"""Crystals after which what is finished is written."""


def cached_vectors(
    identity: dict[str, Any],
    crystals: list[Crystal],
    compute: Callable[[list[Crystal]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the vectors of crystals, from disk where they are there.

    Parameters
    ----------
    identity : dict
        What the vectors depend on besides the crystals.
    crystals : list of Crystal
        The crystals.
    compute : callable
        Gives the vectors of those that are missing, shape (n, f).

    Returns
    -------
    ndarray of float, shape (len(crystals), f)
    """
    store = KeyedStore(cache_folder() / "descriptors" / digest(identity))
    keys = [_key(crystal) for crystal in crystals]
    known = _read(store, set(keys))
    missing = {key: crystal for key, crystal in zip(keys, crystals, strict=True) if key not in known}
    wanted = list(missing)
    for start in range(0, len(wanted), CHUNK):
        now = wanted[start : start + CHUNK]
        vectors = np.asarray(compute([missing[key] for key in now]), dtype=np.float64)
        _write(store, now, vectors)
        known.update(zip(now, vectors, strict=True))
    return np.stack([known[key] for key in keys])


def _key(crystal: Crystal) -> bytes:
    """Return a name for a crystal; the last bits, in which machines differ, do not count."""
    found = hashlib.sha256(" ".join(crystal.named_species).encode())
    for part in (crystal.lattice, crystal.positions):
        found.update((np.round(part, 8) + 0.0).tobytes())
    return found.digest()[:16]


def _read(store: KeyedStore, wanted: set[bytes]) -> dict[bytes, NDArray[np.float64]]:
    known: dict[bytes, NDArray[np.float64]] = {}
    for batch in store.batches():
        values = batch["vector"].flatten().to_numpy().reshape(len(batch), -1)
        known.update((k, v) for k, v in zip(batch["key"].to_pylist(), values, strict=True) if k in wanted)
    return known


def _write(store: KeyedStore, keys: list[bytes], vectors: NDArray[np.float64]) -> None:
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    store.put([key.hex() for key in keys], pa.record_batch({"key": pa.array(keys, pa.binary()), "vector": values}))
