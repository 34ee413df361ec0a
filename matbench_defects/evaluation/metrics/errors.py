"""Errors of single predictions."""

from __future__ import annotations

import numpy as np

from matbench_defects.evaluation.metrics.metric import Scored, metric


@metric("mae", title="MAE", direction="lower")
def mean_absolute_error(scored: Scored) -> float:
    """Mean absolute error."""
    return float(np.abs(scored.prediction - scored.truth).mean())


@metric("rmse", title="RMSE", direction="lower")
def root_mean_squared_error(scored: Scored) -> float:
    """Root mean squared error; large errors weigh more than in the MAE."""
    return float(np.sqrt(((scored.prediction - scored.truth) ** 2).mean()))


@metric("r2", title="R²", direction="higher", unit="1")
def coefficient_of_determination(scored: Scored) -> float:
    """Coefficient of determination: 1 is perfect, 0 as good as the mean of the test rows, below 0 worse than it."""
    spread = ((scored.truth - scored.truth.mean()) ** 2).sum()
    if not spread:
        return float("nan")
    return float(1 - ((scored.prediction - scored.truth) ** 2).sum() / spread)
