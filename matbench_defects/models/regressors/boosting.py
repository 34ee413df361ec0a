"""Gradient boosting."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.explanation import Explanation
from matbench_defects.models.model import ModelSettings, State
from matbench_defects.models.regressors.regressor import Regressor, TreeSettings, chosen_parameters, regressors
from matbench_defects.models.saving import estimator_bytes, estimator_of

GRID: dict[str, list[Any]] = {"max_depth": [2, 4], "learning_rate": [0.03, 0.1]}
"""What is chosen from."""


@regressors.register("boosting")
class Boosting(Regressor):
    """Gradient-boosted trees, each on a part of the rows and with a third of the features at a split."""

    Settings: ClassVar[type[ModelSettings]] = TreeSettings
    title: ClassVar[str] = "gradient boosting"
    description: ClassVar[str] = "Gradient boosting"
    references: ClassVar[tuple[str, ...]] = ("10.1214/aos/1013203451",)
    seeded: ClassVar[bool] = True
    _trees: Any = None

    def fit(self, features: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Choose depth and learning rate, then fit on everything."""
        from sklearn.base import clone
        from sklearn.ensemble import GradientBoostingRegressor

        trees = GradientBoostingRegressor(
            n_estimators=self.settings.trees, subsample=0.8, max_features=1 / 3, random_state=self.seed
        )
        chosen = chosen_parameters(trees, GRID, features, values, self.settings.folds)
        self._trees = clone(trees).set_params(**chosen).fit(features, values)

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return values."""
        return np.asarray(self._trees.predict(features), dtype=np.float64), None

    def explain(self, names: list[str]) -> Explanation:
        """Return the share of each feature in what the splits gained."""
        return Explanation(names, np.asarray(self._trees.feature_importances_), signed=False)

    def state(self) -> State:
        """Return the trees."""
        return {"regression": estimator_bytes(self._trees)}

    def restore(self, state: State) -> None:
        """Take the trees."""
        self._trees = estimator_of(state["regression"])
