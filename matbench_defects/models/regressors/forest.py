"""Random forest."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.explanation import Explanation
from matbench_defects.models.model import ModelSettings, State
from matbench_defects.models.regressors.regressor import Regressor, TreeSettings, chosen_parameters, regressors
from matbench_defects.models.saving import estimator_bytes, estimator_of

GRID: dict[str, list[Any]] = {"max_features": [1 / 3, 1.0], "min_samples_leaf": [1, 3]}
"""What is chosen from."""
_TRIED = 100
"""Trees of a forest that is only tried."""


@regressors.register("forest")
class Forest(Regressor):
    """A random forest; its deviation is the spread of its trees."""

    Settings: ClassVar[type[ModelSettings]] = TreeSettings
    title: ClassVar[str] = "random forest"
    description: ClassVar[str] = "Random forest"
    references: ClassVar[tuple[str, ...]] = ("10.1023/A:1010933404324",)
    seeded: ClassVar[bool] = True
    _forest: Any = None

    def fit(self, features: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Choose how many features a split sees and how small a leaf may be, then fit on everything."""
        from sklearn.ensemble import RandomForestRegressor

        tried = RandomForestRegressor(min(_TRIED, self.settings.trees), random_state=self.seed)
        chosen = chosen_parameters(tried, GRID, features, values, self.settings.folds)
        self._forest = RandomForestRegressor(self.settings.trees, random_state=self.seed, **chosen)
        self._forest.fit(features, values)

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return the mean over the trees and their standard deviation."""
        small = np.asarray(features, dtype=np.float32)  # as the forest itself hands them on
        every = np.array([tree.predict(small) for tree in self._forest.estimators_])
        return every.mean(axis=0), every.std(axis=0)

    def explain(self, names: list[str]) -> Explanation:
        """Return the share of each feature in what the splits gained."""
        return Explanation(names, np.asarray(self._forest.feature_importances_), signed=False)

    def state(self) -> State:
        """Return the trees."""
        return {"regression": estimator_bytes(self._forest)}

    def restore(self, state: State) -> None:
        """Take the trees."""
        self._forest = estimator_of(state["regression"])
