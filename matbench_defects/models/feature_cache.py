"""Features of structures in the user's cache: what a network says of a structure is asked once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.files import atomic_path, digest
from matbench_defects.shipped import cache_folder

_SCHEMA = pa.schema(
    [
        pa.field("structure", pa.string(), nullable=False),
        pa.field("features", pa.list_(pa.float32()), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False, metadata={"unit": "s"}),
    ]
)


class FeatureCache:
    """Features by structure, over one file.

    Parameters
    ----------
    version : str
        What computes the features, with its version: another version has another file.
    domain : str
        Name of the dataset, so that files stay small.
    """

    def __init__(self, version: str, domain: str) -> None:
        self.path: Path = cache_folder() / "features" / f"{domain}-{digest(version)}.parquet"
        self._known: dict[str, tuple[NDArray[np.float32], float]] = {}
        try:
            table = pq.read_table(self.path, schema=_SCHEMA)
        except (OSError, ValueError):  # not there, or not whole: it can be made again
            return
        for name, features, seconds in zip(*(table[n].to_pylist() for n in _SCHEMA.names), strict=True):
            self._known[name] = np.array(features, dtype=np.float32), seconds

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __getitem__(self, name: str) -> tuple[NDArray[np.float32], float]:
        """Return the features of a structure, and the seconds that they took."""
        return self._known[name]

    def add(self, found: dict[str, tuple[NDArray[np.float32], float]]) -> None:
        """Keep features with their seconds, by `structure_digest`."""
        self._known |= found
        columns = [
            list(self._known),
            [f.tolist() for f, _ in self._known.values()],
            [s for _, s in self._known.values()],
        ]
        with atomic_path(self.path) as temporary:
            pq.write_table(pa.table(columns, schema=_SCHEMA), temporary, compression="zstd")


def structure_digest(crystal: Crystal) -> str:
    """Return a digest of a structure, to a hundred-thousandth of an ångström."""
    rounded = [(np.round(a, 5) + 0.0).tolist() for a in (crystal.lattice, crystal.positions)]
    return digest([*rounded, crystal.species])
