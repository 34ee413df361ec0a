"""Parts by how many sites differ from the host."""

from __future__ import annotations

from collections.abc import Iterable

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.contents import defect_count
from matbench_defects.dataset.splits.split import operators
from matbench_defects.dataset.splits.thresholds import ThresholdSplit


@operators.register("defects")
class DefectsSplit(ThresholdSplit):
    """Rows are parted by the number of sites that differ from the host."""

    def number(self, row: Configuration) -> float:
        """Return how many sites differ."""
        return defect_count(row.space, row.content)

    def possible(self) -> Iterable[float]:
        """Return every number that a content has."""
        return sorted({defect_count(s, content) for s in self.spaces.values() for content in s.contents()})

    def what(self) -> str:
        """Return what is counted."""
        return "sites that differ from the host"
