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
    _pipeline: Any = None

    def fit(self, features: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Fit."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if len(values) > self.settings.most_rows:
            drawn = np.random.default_rng(0).choice(len(values), self.settings.most_rows, replace=False)
            features, values = features[drawn], values[drawn]
        typical = float(np.sqrt(features.shape[1]))  # how far apart standardised features are
        kernel = ConstantKernel(1.0, (1e-2, 1e4)) * RBF(typical, (typical * 0.05, typical * 100)) + WhiteKernel(
            1e-2, (1e-8, 1.0)
        )
        process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
        self._pipeline = make_pipeline(StandardScaler(), process)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length or noise at its bound is an answer too
            self._pipeline.fit(features, values)

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return the mean and the standard deviation of the process, noise included."""
        mean, deviation = self._pipeline.predict(features, return_std=True)
        return np.asarray(mean, dtype=np.float64), np.asarray(deviation, dtype=np.float64)

    def state(self) -> State:
        """Return the process with the training features."""
        return {"regression": estimator_bytes(self._pipeline)}

    def restore(self, state: State) -> None:
        """Take both."""
        self._pipeline = estimator_of(state["regression"])
