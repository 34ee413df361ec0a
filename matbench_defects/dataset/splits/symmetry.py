"""Parts by symmetry: train where few operations keep the configuration, test where many do, or the other way round."""

from __future__ import annotations

from collections.abc import Iterable

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.splits.split import operators
from matbench_defects.dataset.splits.thresholds import ThresholdSplit


@operators.register("symmetry")
class SymmetrySplit(ThresholdSplit):
    """Rows are parted by how many operations of the supercell, translations among them, keep them as they are."""

    def number(self, row: Configuration) -> float:
        """Return how many operations keep the row."""
        return row.symmetry_order

    def possible(self) -> Iterable[float]:
        """Return every number that is possible: the divisors of the number of operations."""
        orders = {space.operations for space in self.spaces.values()}
        return sorted({n for order in orders for n in range(1, order + 1) if order % n == 0})

    def what(self) -> str:
        """Return what is counted."""
        return "operations that keep the configuration"
