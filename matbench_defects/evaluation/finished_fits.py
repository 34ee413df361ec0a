"""What one fit predicted and took, kept on disk until all fits of a result are there: a kill costs one fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from matbench_defects.keyed_store import KeyedStore, beside, described, description
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
    """The fits of a result that is not whole yet, in a hidden folder beside it.

    Parameters
    ----------
    result : path
        The folder that the result will be.
    identity : dict
        All that the predictions depend on, but for seed and fold. A fit that was kept under another identity is not
        taken.
    """

    def __init__(self, result: Path, identity: dict[str, Any]) -> None:
        self._store = KeyedStore(beside(result))
        self._identity = identity

    def get(self, seed: int, fold: str | None) -> FinishedFit | None:
        """Return a fit that was finished before; None where there is none, or one of another identity."""
        batch = self._store.get([seed, fold], self._identity)
        if batch is None:
            return None
        deviation = None if batch["deviation"].null_count else np.array(batch["deviation"])
        return FinishedFit(Prediction(np.array(batch["prediction"]), deviation), **description(batch))

    def put(self, seed: int, fold: str | None, fit: FinishedFit) -> None:
        """Keep a fit."""
        found = fit.prediction
        rows = len(found.values)
        deviation = pa.nulls(rows, pa.float64()) if found.deviation is None else pa.array(found.deviation, pa.float64())
        batch = pa.record_batch({"prediction": pa.array(found.values, pa.float64()), "deviation": deviation})
        about = {name: value for name, value in vars(fit).items() if name != "prediction"}
        self._store.put([seed, fold], described(batch, about), self._identity)

    def clear(self) -> None:
        """Remove them all: the result is whole."""
        self._store.clear()
