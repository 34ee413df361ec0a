"""Linear regression on features of a row: what composition and cluster expansion share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.explanation import Explanation
from matbench_defects.models.linear_fit import PENALTIES, LinearFit
from matbench_defects.models.model import INVARIANCES, ModelSettings, Prediction, Rows, State, with_validation


class LinearModel(ABC):
    """Ridge regression on standardised features; leave-one-out error on the training part chooses the penalty."""

    Settings: ClassVar[type[ModelSettings]] = ModelSettings
    seeded: ClassVar[bool] = False
    invariances: ClassVar[frozenset[str]] = INVARIANCES
    linear: LinearFit

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        self.settings = settings
        self.seed = seed

    @abstractmethod
    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the features of each row, shape (n, f)."""

    @abstractmethod
    def feature_names(self) -> list[str]:
        """Return the names of the features, once the model is fitted."""

    def prepare(self, rows: Rows) -> None:  # noqa: B027 - most models need nothing
        """Learn from the training rows which features there are."""

    def regression(self) -> Any:
        """Return a new regression for standardised features."""
        from sklearn.linear_model import RidgeCV

        return RidgeCV(alphas=PENALTIES)

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit on the training and validation parts together."""
        rows, values = with_validation(rows, values, validation)
        self.prepare(rows)
        self.linear = LinearFit.of(self.regression(), self.features(rows), values)

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row."""
        return Prediction(self.linear.predict(self.features(rows)))

    def explain(self) -> Explanation:
        """Return by how much one standard deviation of each feature over the training rows changes the prediction."""
        return self.linear.explain(self.feature_names())

    def state(self) -> State:
        """Return the regression; a model that learns more in `prepare` adds it."""
        return self.linear.state()

    def restore(self, state: State) -> None:
        """Take the regression."""
        self.linear = LinearFit.from_state(state)

    @property
    def parameters(self) -> int | None:
        """Coefficients that are not zero, and the intercept."""
        return self.linear.parameters
