"""Operators that part a dataset: each registers itself with its settings."""

from matbench_defects.dataset.splits.from_spec import splits_of
from matbench_defects.dataset.splits.split import SplitOperator, SplitSettings, hashed, operators

__all__ = ["SplitOperator", "SplitSettings", "hashed", "operators", "splits_of"]
