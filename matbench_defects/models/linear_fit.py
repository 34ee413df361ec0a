"""One linear regression on standardised features, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.explanation import Explanation
from matbench_defects.models.model import State
from matbench_defects.models.scaling import Scaling

PENALTIES = tuple(10.0**k for k in range(-6, 4))
"""Ridge penalties to choose from, on standardised features."""


def standardised_ridge(
    features: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return mean and scale of features, and slopes and intercept of ridge regression on the features scaled by them.

    For networks, which go on from there. What is constant has scale 1, so it counts where later rows differ in it.

    Parameters
    ----------
    features : ndarray of float, shape (n, f)
        Features of the training rows.
    values : ndarray of float, shape (n,)
        Their values.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler, ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=PENALTIES)).fit(features, values)
    return scaler.mean_, scaler.scale_, ridge.coef_, ridge.intercept_


@dataclass(frozen=True)
class LinearFit:
    """A fitted linear regression.

    Parameters
    ----------
    coefficients : ndarray of float, shape (f,)
        Of the features as they are, not standardised.
    deviations : ndarray of float, shape (f,)
        Standard deviation of each feature over the training rows; zero for a constant one.
    intercept : float
        The prediction where every feature is zero.
    """

    coefficients: NDArray[np.float64]
    deviations: NDArray[np.float64]
    intercept: float

    @classmethod
    def of(cls, regression: Any, features: NDArray[np.float64], values: NDArray[np.float64]) -> LinearFit:
        """Fit a linear regression of scikit-learn on standardised features.

        Parameters
        ----------
        regression : estimator
            With ``coef_`` and ``intercept_`` once it is fitted.
        features : ndarray of float, shape (n, f)
            Features of the training rows.
        values : ndarray of float, shape (n,)
            Their values.
        """
        scaling = Scaling.of(features)
        fitted = regression.fit(scaling.apply(features), values)
        coefficients = np.asarray(fitted.coef_ / scaling.deviation, dtype=np.float64)
        intercept = float(fitted.intercept_ - scaling.mean @ coefficients)
        return cls(coefficients, np.where(np.isinf(scaling.deviation), 0.0, scaling.deviation), intercept)

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a value for each row of features."""
        return features @ self.coefficients + self.intercept

    def explain(self, names: list[str]) -> Explanation:
        """Return by how much one standard deviation of each feature over the training rows changes the prediction."""
        return Explanation(names, self.coefficients * self.deviations, signed=True)

    def state(self) -> State:
        """Return the numbers."""
        return {"coefficients": self.coefficients, "deviations": self.deviations, "intercept": self.intercept}

    @classmethod
    def from_state(cls, state: State) -> LinearFit:
        """Return the fit whose numbers these are."""
        return cls(state["coefficients"], state["deviations"], float(state["intercept"]))

    @property
    def parameters(self) -> int:
        """Coefficients that are not zero, and the intercept."""
        return int(np.count_nonzero(self.coefficients)) + 1
