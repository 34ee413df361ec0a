"""Ridge regression on features of a row: what composition and cluster expansion share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.model import INVARIANCES, ModelSettings, Prediction, Rows, State, with_validation
from matbench_defects.models.saving import estimator_bytes, estimator_of

PENALTIES = tuple(10.0**k for k in range(-6, 4))
"""Ridge penalties to choose from, on standardised features."""


class LinearModel(ABC):
    """Ridge regression on standardised features; leave-one-out error on the training part chooses the penalty."""

    Settings: ClassVar[type[ModelSettings]] = ModelSettings
    seeded: ClassVar[bool] = False
    invariances: ClassVar[frozenset[str]] = INVARIANCES

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        self.settings = settings
        self.seed = seed
        self._pipeline: Any = None

    @abstractmethod
    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the features of each row, shape (n, f)."""

    def prepare(self, rows: Rows) -> None:  # noqa: B027 - most models need nothing
        """Learn from the training rows which features there are."""

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit on the training and validation parts together."""
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        rows, values = with_validation(rows, values, validation)
        self.prepare(rows)
        self._pipeline = make_pipeline(StandardScaler(), RidgeCV(alphas=PENALTIES))
        self._pipeline.fit(self.features(rows), values)

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row."""
        return Prediction(np.asarray(self._pipeline.predict(self.features(rows)), dtype=np.float64))

    def state(self) -> State:
        """Return the regression; a model that learns more in `prepare` adds it."""
        return {"regression": estimator_bytes(self._pipeline)}

    def restore(self, state: State) -> None:
        """Take the regression."""
        self._pipeline = estimator_of(state["regression"])

    @property
    def parameters(self) -> int | None:
        """Coefficients and intercept."""
        return None if self._pipeline is None else int(self._pipeline[-1].coef_.size) + 1
