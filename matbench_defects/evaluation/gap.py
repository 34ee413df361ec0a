"""How much worse a model does outside what it was fitted on than within it."""

from __future__ import annotations

import math

from matbench_defects.evaluation.metrics import Metric
from matbench_defects.evaluation.scoring import Score


def is_ratio(metric: Metric) -> bool:
    """Return whether the gap of a metric is a ratio: of errors in the target's unit, where 0 is perfect."""
    return metric.direction == "lower" and metric.unit is None


def gap(metric: Metric, extrapolation: Score, interpolation: Score) -> float:
    """Return the gap between a model's scores on an extrapolation and on its interpolation counterpart.

    Parameters
    ----------
    metric : Metric
        The first metric of both tasks.
    extrapolation, interpolation : Score
        What the model scores.

    Returns
    -------
    float
        The ratio of the two where the metric is an error in the target's unit, else the first less the second;
        not-a-number where one is not defined, or a ratio to zero.
    """
    outside, inside = extrapolation.mean, interpolation.mean
    if is_ratio(metric):
        return outside / inside if inside > 0 else math.nan
    return outside - inside
