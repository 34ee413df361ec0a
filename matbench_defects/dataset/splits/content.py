"""Parts by content: train where there is much of a species, test where there is little."""

from __future__ import annotations

from collections.abc import Iterable

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.splits.split import operators
from matbench_defects.dataset.splits.thresholds import ThresholdSplit
from matbench_defects.errors import InputError, nearest


@operators.register("content")
class ContentSplit(ThresholdSplit):
    """Rows are parted by how many sites a species takes, none where a space does not know it."""

    needs = "which species after a dot, such as content.Li"

    def check(self) -> None:
        """Refuse a species that no space has, and conditions that overlap."""
        if self.spaces and not any(self.subject in _species(space) for space in self.spaces.values()):
            known = {name for space in self.spaces.values() for name in _species(space)}
            where = next(iter(self.spaces)) if len(self.spaces) == 1 else "any space"
            raise InputError(f"no content is called '{self.subject}' in {where}; {nearest(self.subject, known)}")
        super().check()

    def number(self, row: Configuration) -> float:
        """Return how many sites the species takes."""
        return self._count(row.space, row.content)

    def possible(self) -> Iterable[float]:
        """Return every number that a content has."""
        return sorted({self._count(s, content) for s in self.spaces.values() for content in s.contents()})

    def what(self) -> str:
        """Return the species."""
        return self.subject

    def _count(self, space: Space, content: Content) -> int:
        return space.count(content, self.subject) if self.subject in _species(space) else 0


def _species(space: Space) -> set[str]:
    """Return the names by which species of a space may be asked for."""
    names = {species for s in space.sublattices for species in s.species}
    return names | {f"{s.name}.{species}" for s in space.sublattices for species in s.species}
