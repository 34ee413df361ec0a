"""What one fit predicted and took, kept on disk until all fits of a result are there: a kill costs one fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.files import atomic_path, digest
from matbench_defects.models.model import Prediction


@dataclass(frozen=True)
class FinishedFit:
    """One fit of a model, on the training part of one fold, with one seed.

    Parameters
    ----------
    prediction : Prediction
        What it said of the test part.
    train_seconds, predict_seconds : float
        What that took.
    parameters : int or None
        How many numbers were fitted.
    peak_memory_bytes : int or None
        The most memory meanwhile, see `memory.peak_memory`.
    """

    prediction: Prediction
    train_seconds: float
    predict_seconds: float
    parameters: int | None
    peak_memory_bytes: int | None


class FinishedFits:
    """The fits of a result that is not whole yet, in a hidden folder beside it, one file each.

    Parameters
    ----------
    result : path
        The folder that the result will be.
    identity : dict
        All that the predictions depend on, but for seed and fold. A file that was written under another identity is not
        taken.
    """

    def __init__(self, result: Path, identity: dict[str, Any]) -> None:
        self.folder = result.parent / f".{result.name}.unfinished"
        self._identity = identity

    def _file(self, seed: int, fold: str | None) -> Path:
        # Folds are called after data, such as a host; a digest makes a name of whatever they hold.
        return self.folder / f"{digest([seed, fold])}.parquet"

    def _key(self, seed: int, fold: str | None) -> str:
        return digest({**self._identity, "seed": seed, "fold": fold})

    def get(self, seed: int, fold: str | None) -> FinishedFit | None:
        """Return a fit that was finished before; None where there is none, or one of another identity."""
        try:
            table = pq.read_table(self._file(seed, fold))
            about = json.loads(table.schema.metadata[b"fit"])
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            return None
        if about.pop("key") != self._key(seed, fold):
            return None
        deviation = table["deviation"]
        return FinishedFit(
            Prediction(table["prediction"].to_numpy(), None if deviation.null_count else deviation.to_numpy()), **about
        )

    def put(self, seed: int, fold: str | None, fit: FinishedFit) -> None:
        """Keep a fit."""
        found = fit.prediction
        rows = len(found.values)
        deviation = pa.nulls(rows, pa.float64()) if found.deviation is None else pa.array(found.deviation, pa.float64())
        about = {name: value for name, value in vars(fit).items() if name != "prediction"}
        about["key"] = self._key(seed, fold)
        table = pa.table({"prediction": pa.array(found.values, pa.float64()), "deviation": deviation})
        with atomic_path(self._file(seed, fold)) as temporary:
            pq.write_table(table.replace_schema_metadata({"fit": json.dumps(about)}), temporary)

    def clear(self) -> None:
        """Remove them all: the result is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)
