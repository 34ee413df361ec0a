"""Errors of single predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.evaluation.metrics.metric import Scored
from matbench_defects.evaluation.metrics.registering import mean_metric, metric


@mean_metric("mae", title="MAE", direction="lower")
def mean_absolute_error(scored: Scored) -> NDArray[np.float64]:
    """Mean absolute error."""
    return np.abs(scored.prediction - scored.truth)


@mean_metric("rmse", title="RMSE", direction="lower", of_mean=np.sqrt)
def root_mean_squared_error(scored: Scored) -> NDArray[np.float64]:
    """Root mean squared error; large errors weigh more than in the MAE."""
    return (scored.prediction - scored.truth) ** 2


@metric("r2", title="R²", direction="higher", unit="1")
def coefficient_of_determination(scored: Scored) -> float:
    """Coefficient of determination: 1 is perfect, 0 as good as the mean of the test rows, below 0 worse than it."""
    spread = ((scored.truth - scored.truth.mean()) ** 2).sum()
    if not spread:
        return float("nan")
    return float(1 - ((scored.prediction - scored.truth) ** 2).sum() / spread)
