"""Operators that part a dataset: each registers itself with its settings."""

from matbench_defects.dataset.splits.split import SplitOperator, SplitRow, hashed, operators, splits_of

__all__ = ["SplitOperator", "SplitRow", "hashed", "operators", "splits_of"]
