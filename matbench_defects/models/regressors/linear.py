"""Linear regressions on standardised features."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.explanation import Explanation
from matbench_defects.models.linear_fit import LinearFit
from matbench_defects.models.model import State
from matbench_defects.models.regressors.regressor import Regressor


class LinearRegressor(Regressor):
    """A linear regression of scikit-learn on standardised features, kept as plain numbers."""

    seeded: ClassVar[bool] = False
    linear: LinearFit

    @abstractmethod
    def regression(self) -> Any:
        """Return a new regression of scikit-learn."""

    def fit(
        self, features: NDArray[np.float64], values: NDArray[np.float64], free: NDArray[np.bool_] | None = None
    ) -> None:
        """Fit; `free` says which features are not penalised."""
        self.linear = LinearFit.of(self.regression(), features, values, free)

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
        """Take over coefficients that `state` gave."""
        self.linear = LinearFit.from_state(state)

    @property
    def parameters(self) -> int | None:
        """Coefficients that are not zero, and the intercept."""
        return self.linear.parameters
