"""Ridge regression."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.explanation import Explanation
from matbench_defects.models.linear_fit import PENALTIES, LinearFit
from matbench_defects.models.model import State
from matbench_defects.models.regressors.regressor import Regressor, regressors


@regressors.register("ridge")
class Ridge(Regressor):
    """Ridge regression on standardised features; leave-one-out error on the training part chooses the penalty."""

    title: ClassVar[str] = "ridge"
    description: ClassVar[str] = "Ridge regression"
    seeded: ClassVar[bool] = False
    linear: LinearFit

    def fit(self, features: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Fit."""
        from sklearn.linear_model import RidgeCV

        self.linear = LinearFit.of(RidgeCV(alphas=PENALTIES), features, values)

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return values."""
        return self.linear.predict(features), None

    def explain(self, names: list[str]) -> Explanation:
        """Return coefficients times the deviations of the features."""
        return self.linear.explain(names)

    def state(self) -> State:
        """Return the coefficients."""
        return self.linear.state()

    def restore(self, state: State) -> None:
        """Take the coefficients."""
        self.linear = LinearFit.from_state(state)

    @property
    def parameters(self) -> int | None:
        """Coefficients and intercept."""
        return self.linear.parameters
