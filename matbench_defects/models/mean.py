"""The mean of the training values: what knowing nothing scores."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.model import INVARIANCES, ModelSettings, Prediction, Rows, State, models, with_validation


@models.register("mean")
class Mean:
    """Predicts the mean of the training values for every row."""

    Settings: ClassVar[type[ModelSettings]] = ModelSettings
    title: ClassVar[str] = "Mean"
    description: ClassVar[str] = "The mean of the training values, whatever the structure."
    references: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False
    invariances: ClassVar[frozenset[str]] = INVARIANCES

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        self.settings = settings
        self.seed = seed
        self._mean = float("nan")

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Take the mean of the values."""
        self._mean = float(with_validation(rows, values, validation)[1].mean())

    def predict(self, rows: Rows) -> Prediction:
        """Return the mean for each row."""
        return Prediction(np.full(len(rows), self._mean))

    def state(self) -> State:
        """Return the mean."""
        return {"mean": self._mean}

    def restore(self, state: State) -> None:
        """Take the mean."""
        self._mean = float(state["mean"])

    @property
    def parameters(self) -> int | None:
        """One number."""
        return 1
