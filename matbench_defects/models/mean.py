"""The mean of the training values: what knowing nothing scores."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.model import Model, Prediction, models
from matbench_defects.models.rows import Rows, with_validation


@models.register("mean")
class Mean(Model):
    """Predicts the mean of the training values for every row."""

    title: ClassVar[str] = "Mean"
    description: ClassVar[str] = "The mean of the training values, whatever the structure."

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Take the mean of the values."""
        self.learnt = {"mean": float(with_validation(rows, values, validation)[1].mean())}

    def predict(self, rows: Rows) -> Prediction:
        """Return the mean for each row."""
        return Prediction(np.full(len(rows), self.learnt["mean"]))

    @property
    def parameters(self) -> int | None:
        """One number."""
        return 1
