"""Metrics: each registers itself with its unit, direction and source. Needs numpy and scipy, never torch or pymatgen."""

from matbench_defects.evaluation.metrics.metric import Metric, Scored, metrics

__all__ = ["Metric", "Scored", "metrics"]
