"""Parts by which share of the sites differs from the host, for hosts whose cells differ in size."""

from __future__ import annotations

from collections.abc import Iterable

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.contents import defect_count
from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.splits.split import operators
from matbench_defects.dataset.splits.thresholds import ThresholdSplit


@operators.register("concentration")
class ConcentrationSplit(ThresholdSplit):
    """Rows are parted by the share of variable sites that differ from the host, a number from 0 to 1."""

    def number(self, row: Configuration) -> float:
        """Return the share."""
        return _share(row.space, row.content)

    def possible(self) -> Iterable[float]:
        """Return every share that a content has."""
        return sorted({_share(s, content) for s in self.spaces.values() for content in s.contents()})

    def what(self) -> str:
        """Return what is compared."""
        return "defects per variable site"

    def describe(self) -> str:
        """Return one sentence for the card."""
        return super().describe().replace("the number of ", "", 1)


def _share(space: Space, content: Content) -> float:
    return defect_count(space, content) / space.size
