"""Pathways: hops of a mobile ion along edges between neighbouring sites, one end filled and the other vacant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from matbench_defects.columns import Quantity
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.edges import edge_types, edges_within
from matbench_defects.crystal.hop import Hop, hop_of
from matbench_defects.crystal.kinds.kind import Kind, Points, kinds
from matbench_defects.crystal.space import Space
from matbench_defects.errors import InputError, nearest
from matbench_defects.spec.fields import VACANCY, StrictModel
from matbench_defects.spec.spaces import PathwaySpec

if TYPE_CHECKING:
    import pyarrow as pa


@kinds.register("pathways")
class Pathways(Kind):
    """Both ends of an edge are blocked by one ion and one vacancy, and a configuration means both ways round."""

    Settings: ClassVar[type[StrictModel]] = PathwaySpec
    field: ClassVar[str] = "pathway"
    stands_for: ClassVar[str] = "pathways"
    end_points: ClassVar[tuple[str, ...]] = ("its first end point", "its second end point")
    grouping: ClassVar[str] = "pathway"

    @classmethod
    def build(cls, space: Space, settings: PathwaySpec) -> Pathways:
        """Return the pathways of a space along all edges up to a cutoff.

        Raises
        ------
        InputError
            If no sublattice holds the ion and a vacancy, or the edges do not suit the supercell.
        """
        wanted = settings.sublattice or settings.species
        known = [s.name for s in space.sublattices]
        if wanted not in known:
            raise InputError(f"no sublattice is called '{wanted}'; {nearest(wanted, known)}", field="sublattice")
        sublattice = known.index(wanted)
        species = space.sublattices[sublattice].species
        for needed in (settings.species, VACANCY):
            if needed not in species:
                raise InputError(f"the sublattice '{wanted}' holds no {needed}; {nearest(needed, species)}")
        try:
            edges = edges_within(space, sublattice, settings.cutoff)
        except InputError as error:
            raise InputError(error.message, field="cutoff") from None
        ion, vacancy = species.index(settings.species), species.index(VACANCY)
        return cls(Points(sublattice, len(species), edges, ((ion, vacancy), (vacancy, ion))))

    def identity(self) -> dict[str, Any]:
        """Return the edges."""
        return {"edges": self.points.sites.tolist()}

    def subject(self, configuration: Configuration) -> Hop:
        """Return the hop of one pathway."""
        return hop_of(configuration)

    @classmethod
    def columns(cls) -> list[pa.Field]:
        """Return the columns that say which atom of the first end point hops, and where to."""
        import pyarrow as pa

        return [
            Quantity("1", description="which atom hops, counted from 0").field("hop_atom", pa.int32()),
            Quantity("Å", description="from its ideal position to that in the second end point").field(
                "hop_cartesian_vector", pa.list_(pa.float64())
            ),
        ]

    def column_values(self, configuration: Configuration) -> dict[str, Any]:
        """Return atom and vector of the hop."""
        hop = hop_of(configuration)
        return {"hop_atom": hop.atom, "hop_cartesian_vector": hop.vector}

    def point_types(self, space: Space) -> list[str]:
        """Return the type of each edge, a letter for each orbit under the host's group, by increasing length."""
        return edge_types(space, self.points)
