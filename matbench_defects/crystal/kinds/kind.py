"""What a kind of space is: what one of its configurations means, and which points its first placement chooses from.

A configuration of an ordinary space is a structure: species are placed on sites, and an atom blocks its own site alone.
Other kinds place one *point* before any atom. A point blocks sites, such as the two ends of an edge; the group of the
space acts on points as it does on sites. Counting, generation, ids and sampling see a kind through its `Points` alone.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.registry import Registry
from matbench_defects.spec.fields import StrictModel

if TYPE_CHECKING:
    import pyarrow as pa

    from matbench_defects.crystal.configuration import Configuration
    from matbench_defects.crystal.space import Space


@dataclass(frozen=True)
class Points:
    """The points that the first placement of a configuration chooses from, and what each of them blocks.

    In an occupation the blocked sites hold a mark instead of a species, the same on all of them. So what sits there may
    differ from site to site only where a configuration means every such arrangement, as a hop means both of its ends.

    Parameters
    ----------
    sublattice : int
        Index of the sublattice whose sites are blocked.
    mark : int
        What blocked sites hold in an occupation: one number more than the sublattice has species.
    sites : ndarray of int, shape (p, b)
        Variable sites that each point blocks, increasing; points in lexicographic order. The group carries every point
        into one of them.
    arrangements : tuple of tuple of int, length b each
        The species on the blocked sites, in the order of the sites, in each structure that a configuration means. All
        of them hold the same species.
    """

    sublattice: int
    mark: int
    sites: NDArray[np.int64]
    arrangements: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.sites)

    @property
    def blocks(self) -> int:
        """How many sites a point blocks."""
        return int(self.sites.shape[1])

    def numbers(self, sites: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the point that blocks given sites; meaningless where there is none.

        Parameters
        ----------
        sites : ndarray of int, shape (..., b)
            Variable sites, increasing.
        """
        return point_numbers(self.sites, sites)

    def action(self, group: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return where each operation sends each point, shape (order, p); the argument has shape (order, n)."""
        return point_action(group, self.sites)


def point_numbers(points: NDArray[np.int64], sites: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which of the points, shape (p, b), blocks given sites, shape (..., b)."""
    base = int(points.max(initial=0)) + 1
    places = np.array([base**k for k in reversed(range(points.shape[1]))], dtype=np.int64)
    found: NDArray[np.int64] = np.searchsorted(points @ places, sites @ places)
    return found


def point_action(group: NDArray[np.int32], points: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each operation sends each point.

    Parameters
    ----------
    group : ndarray of int, shape (order, n)
        Permutations of the variable sites, one a row.
    points : ndarray of int, shape (p, b)
        As `Points.sites`.

    Returns
    -------
    ndarray of int, shape (order, p)
    """
    return point_numbers(points, np.sort(group[:, points].astype(np.int64), axis=2))


BLOCKS_NOTHING = Points(0, -1, np.zeros((1, 0), dtype=np.int64), ((),))
"""The points of an ordinary space: one that blocks nothing, so that counts and draws need no case of their own."""


class Kind(abc.ABC):
    """A kind of space. A subclass is a file of its own, registers itself, and nothing else has to know of it.

    Parameters
    ----------
    points : Points
        What the first placement of a configuration chooses from.
    """

    Settings: ClassVar[type[StrictModel]]
    """What a spec says of it."""
    field: ClassVar[str] = "kind"
    """The field of a spec that makes a space one of this kind, for messages."""
    stands_for: ClassVar[str] = "structures"
    """What engines label, targets value and models describe of it: ``structures``, where a configuration means one
    crystal, or ``pathways``."""
    end_points: ClassVar[tuple[str, ...]] = ("it",)
    """What messages call each structure that a configuration means; as many as there are arrangements."""
    grouping: ClassVar[str] = ""
    """The group of rows that the types of points make for splits; empty where they make none."""

    def __init__(self, points: Points) -> None:
        self.points = points

    @classmethod
    @abc.abstractmethod
    def build(cls, space: Space, settings: Any) -> Kind:
        """Return the kind of a space.

        Parameters
        ----------
        space : Space
            The same space, of structures.
        settings : StrictModel
            What the spec says, of the class's own `Settings`.

        Raises
        ------
        InputError
            If the space cannot be of the kind; its `field`, if any, is the setting that is at fault.
        """

    @property
    def name(self) -> str:
        """What it is registered as."""
        return kinds.name_of(type(self)) or type(self).__name__

    def identity(self) -> dict[str, Any]:
        """Return what tells it from other kinds on the same sites, as JSON can hold it; digests of spaces hold it."""
        return {self.name: [self.points.sites.tolist(), self.points.arrangements]}

    def subject(self, configuration: Configuration) -> Any:
        """Return what engines are given of one configuration; None for the crystal that it means."""
        return None

    @classmethod
    def columns(cls) -> list[pa.Field]:
        """Return the columns that datasets have of it besides those of every structure; none by default."""
        return []

    def column_values(self, configuration: Configuration) -> dict[str, Any]:
        """Return the values of `columns` for one configuration; lengths are rounded by whoever writes them."""
        return {}

    def point_types(self, space: Space) -> list[str]:
        """Return the type of each point, equal for those that symmetry carries into each other, length p."""
        raise NotImplementedError


kinds: Registry[type[Kind]] = Registry("kind of space", "matbench_defects.crystal.kinds")
"""Every registered kind of space, by the name of what its configurations are."""
