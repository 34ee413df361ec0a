"""Quantities that a target can be: each registers itself with its settings, unit and reference state."""

from matbench_defects.dataset.targets.target import (
    Domain,
    Labelled,
    LabelledConfiguration,
    ResolvedTarget,
    TargetQuantity,
    TargetSettings,
    Values,
    each,
    quantities,
    targets_of,
)

__all__ = [
    "Domain",
    "Labelled",
    "LabelledConfiguration",
    "ResolvedTarget",
    "TargetQuantity",
    "TargetSettings",
    "Values",
    "each",
    "quantities",
    "targets_of",
]
