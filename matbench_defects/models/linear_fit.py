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
    def of(
        cls,
        regression: Any,
        features: NDArray[np.float64],
        values: NDArray[np.float64],
        free: NDArray[np.bool_] | None = None,
    ) -> LinearFit:
        """Fit a linear regression of scikit-learn on standardised features.

        Features that are not to be penalised are taken off the others and off the values by least squares first, and
        get the coefficients that least squares gives for what the regression leaves: the minimum over all coefficients
        of the same sum of squares and penalty (Frisch and Waugh, Econometrica 1, 387 (1933)). So a linear function of
        them that is added to the values is added to the predictions, and changes nothing else.

        Parameters
        ----------
        regression : estimator
            With ``coef_`` and ``intercept_`` once it is fitted.
        features : ndarray of float, shape (n, f)
            Features of the training rows.
        values : ndarray of float, shape (n,)
            Their values.
        free : ndarray of bool, shape (f,), optional
            Which features the regression does not penalise; none where left out.
        """
        scaling = Scaling.of(features)
        scaled = scaling.apply(features)
        fitted = _fitted(regression, scaled, values) if free is None else _partly(regression, scaled, values, free)
        coefficients = np.asarray(fitted / scaling.deviation, dtype=np.float64)
        intercept = float(values.mean() - scaling.mean @ coefficients)
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


def _fitted(regression: Any, scaled: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slopes that a regression with an intercept finds."""
    return np.asarray(regression.fit(scaled, values).coef_, dtype=np.float64)


def _partly(
    regression: Any, scaled: NDArray[np.float64], values: NDArray[np.float64], free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the slopes where some features, of mean zero as all are, have no penalty."""
    base, rest = scaled[:, free], scaled[:, ~free]
    centred = values - values.mean()

    def explained(given: NDArray[np.float64]) -> NDArray[np.float64]:
        # Contents and the points of each host may say the same; of what is not decided the least is taken.
        return np.asarray(np.linalg.lstsq(base, given, rcond=1e-10)[0])

    slopes = np.zeros(scaled.shape[1])
    if rest.any():
        slopes[~free] = _fitted(regression, rest - base @ explained(rest), centred - base @ explained(centred))
    slopes[free] = explained(centred - rest @ slopes[~free])
    return slopes
