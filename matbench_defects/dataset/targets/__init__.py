"""Quantities that a target can be: each registers itself with its settings, unit and reference state."""

from matbench_defects.dataset.targets.target import LabelledRow, ResolvedTarget, TargetQuantity, quantities, targets_of

__all__ = ["LabelledRow", "ResolvedTarget", "TargetQuantity", "quantities", "targets_of"]
