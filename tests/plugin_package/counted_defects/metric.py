"""A metric of the worst prediction."""

from __future__ import annotations

import numpy as np

from matbench_defects.evaluation.metrics.registering import metric


@metric("largest_error", title="Largest error", direction="lower")
def largest_error(scored):
    """Largest absolute error of a prediction."""
    return float(np.abs(scored.prediction - scored.truth).max())
