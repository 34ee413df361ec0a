"""Structures: configurations that are nothing but species on sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from matbench_defects.crystal.kinds.kind import BLOCKS_NOTHING, Kind, kinds
from matbench_defects.spec.fields import StrictModel

if TYPE_CHECKING:
    from matbench_defects.crystal.space import Space


@kinds.register("structures")
class Structures(Kind):
    """The kind of an ordinary space: its one point blocks nothing, and a configuration means one structure."""

    Settings: ClassVar[type[StrictModel]] = StrictModel

    def __init__(self) -> None:
        super().__init__(BLOCKS_NOTHING)

    @classmethod
    def build(cls, space: Space, settings: Any) -> Structures:
        """Return the kind; every space can be of it."""
        return STRUCTURES

    def identity(self) -> dict[str, Any]:
        """Return nothing: the sites and what they may hold say all."""
        return {}


STRUCTURES = Structures()
"""The kind of every space of which nothing else is said."""
