"""Gaussian process."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.models.model import ModelSettings, State
from matbench_defects.models.regressors.regressor import Regressor, regressors
from matbench_defects.models.saving import estimator_bytes, estimator_of
from matbench_defects.models.scaling import Scaling


class GaussianProcessSettings(ModelSettings):
    """Settings of a Gaussian process."""

    most_rows: Annotated[int, Field(ge=2, le=20000)] = 2000
    """Of more training rows than this, as many are drawn at random: the cost grows with their cube."""


@regressors.register("gaussian-process")
class GaussianProcess(Regressor):
    """A Gaussian process with a squared-exponential kernel and noise, on standardised features; it gives deviations.

    Length, scale and noise are those that make the training values most likely.
    """

    Settings: ClassVar[type[ModelSettings]] = GaussianProcessSettings
    title: ClassVar[str] = "Gaussian process"
    description: ClassVar[str] = "Gaussian process"
    references: ClassVar[tuple[str, ...]] = ("10.7551/mitpress/3206.001.0001",)
    seeded: ClassVar[bool] = False
    _process: Any = None
    _scaling: Scaling

    def fit(self, features: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Fit."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        if len(values) > self.settings.most_rows:
            drawn = np.random.default_rng(0).choice(len(values), self.settings.most_rows, replace=False)
            features, values = features[drawn], values[drawn]
        self._scaling = Scaling.of(features)
        varying = max(int(np.isfinite(self._scaling.deviation).sum()), 1)
        typical = float(np.sqrt(varying))  # how far apart standardised features are
        kernel = ConstantKernel(1.0, (1e-2, 1e4)) * RBF(typical, (typical * 0.05, typical * 100)) + WhiteKernel(
            1e-2, (1e-8, 1.0)
        )
        self._process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length or noise at its bound is an answer too
            self._process.fit(self._scaling.apply(features), values)

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return the mean and the standard deviation of the process, noise included."""
        mean, deviation = self._process.predict(self._scaling.apply(features), return_std=True)
        return np.asarray(mean, dtype=np.float64), np.asarray(deviation, dtype=np.float64)

    def state(self) -> State:
        """Return the process with the training features, and their scaling."""
        scaling = {"mean": self._scaling.mean, "deviation": self._scaling.deviation}
        return {"regression": estimator_bytes(self._process), **scaling}

    def restore(self, state: State) -> None:
        """Take over the fitted process and the scaling of its features."""
        self._process = estimator_of(state["regression"])
        self._scaling = Scaling(state["mean"], state["deviation"])
