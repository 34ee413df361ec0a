"""Linear regression on features of a row: what composition and cluster expansion share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.explanation import Explanation
from matbench_defects.models.model import INVARIANCES, ModelSettings, Prediction, Rows, State, with_validation

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
        self.coefficients: NDArray[np.float64] = np.zeros(0)
        self.intercept = float("nan")
        self._deviations: NDArray[np.float64] = np.zeros(0)

    @abstractmethod
    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the features of each row, shape (n, f)."""

    @abstractmethod
    def feature_names(self) -> list[str]:
        """Return the names of the features, once the model is fitted."""

    def prepare(self, rows: Rows) -> None:  # noqa: B027 - most models need nothing
        """Learn from the training rows which features there are."""

    def regression(self) -> Any:
        """Return the regression on standardised features."""
        from sklearn.linear_model import RidgeCV

        return RidgeCV(alphas=PENALTIES)

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit on the training and validation parts together."""
        from sklearn.preprocessing import StandardScaler

        rows, values = with_validation(rows, values, validation)
        self.prepare(rows)
        features = self.features(rows)
        scaler = StandardScaler().fit(features)
        fitted = self.regression().fit(scaler.transform(features), values)
        self._deviations = np.asarray(scaler.scale_)
        self.coefficients = np.asarray(fitted.coef_ / scaler.scale_, dtype=np.float64)
        self.intercept = float(fitted.intercept_ - scaler.mean_ @ self.coefficients)

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row."""
        return Prediction(self.features(rows) @ self.coefficients + self.intercept)

    def explain(self) -> Explanation:
        """Return by how much one standard deviation of each feature over the training rows changes the prediction."""
        return Explanation(self.feature_names(), self.coefficients * self._deviations, signed=True)

    def state(self) -> State:
        """Return coefficients and intercept; a model that learns more in `prepare` adds it."""
        return {
            "coefficients": self.coefficients,
            "deviations": self._deviations,
            "intercept": self.intercept,
        }

    def restore(self, state: State) -> None:
        """Take them."""
        self.coefficients, self._deviations = state["coefficients"], state["deviations"]
        self.intercept = float(state["intercept"])

    @property
    def parameters(self) -> int | None:
        """Coefficients that are not zero, and the intercept."""
        return int(np.count_nonzero(self.coefficients)) + 1
