"""Metrics: each registers itself with its unit, direction and source. They need numpy and scipy alone."""

from matbench_defects.evaluation.metrics.metric import Metric, Scored
from matbench_defects.evaluation.metrics.registering import metrics

__all__ = ["Metric", "Scored", "metrics"]
