"""Defects by what is known of their elements: serves dopants and hosts that no training row had."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.errors import NotServedError
from matbench_defects.models.descriptors.defect import add_to_bins
from matbench_defects.models.descriptors.descriptor import Descriptor, descriptors
from matbench_defects.models.divisor import divisors
from matbench_defects.models.element_properties import OF_ONE, OF_PAIRS, of_defects
from matbench_defects.models.model import ModelSettings, Rows


class DefectPropertySettings(ModelSettings):
    """Settings of the defects' element properties."""

    cutoff: Annotated[float, Field(gt=1, le=30)] = 9.0
    """Distances up to this count, Å."""
    width: Annotated[float, Field(gt=0, le=5)] = 0.5
    """From the middle of one bin of distance to the next, Å."""


@descriptors.register("defect-properties")
class DefectProperties(Descriptor):
    """How much each defect changes the properties of the elements on its site, and their products by distance.

    As `defect`, but a defect is not one of a list of types: it is described by what is known of the element that is
    gone and of the one that is there, so that an element which no training row had lies between those that were there,
    or beyond them. The sums over pairs are radial distribution functions weighted by properties of the atoms.
    """

    Settings: ClassVar[type[ModelSettings]] = DefectPropertySettings
    title: ClassVar[str] = "Defect properties and distances"
    description: ClassVar[str] = "changes of element properties at the defects, and their products by distance"
    references: ClassVar[tuple[str, ...]] = ("10.1021/jp404287t", "10.1039/b801115j")
    new_elements: ClassVar[bool] = True

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return sums over defects and over pairs of them by distance, per what the target is per."""
        from vesin import NeighborList

        if any(rows.background.spaces[name].pathway is not None for name in set(rows.column("space"))):
            raise NotServedError(f"{self.title} describes structures; pathway-ridge and its like serve pathways")
        finder = NeighborList(cutoff=self.settings.cutoff, full_list=True)
        names = ("defect_host_species", "defect_species", "defect_cartesian_positions", "lattice_vectors")
        result = np.zeros((len(rows), len(self.names())))
        for row, (gone, there, positions, lattice) in enumerate(zip(*map(rows.column, names), strict=True)):
            if not there:
                continue
            single, weights = of_defects(gone, there)
            result[row, : len(OF_ONE)] = single.sum(axis=0)
            first, second, distance = finder.compute(
                points=np.array(positions, dtype=float).reshape(-1, 3),
                box=np.array(lattice, dtype=float),
                periodic=True,
                quantities="ijd",
            )
            products = weights[np.asarray(first, dtype=np.int64)] * weights[np.asarray(second, dtype=np.int64)]
            bins = len(self._distances())
            for i in range(len(OF_PAIRS)):
                place = np.full(len(distance), len(OF_ONE) + i * bins)
                # Bins stand at one width, two widths and so on; each pair is found twice.
                add_to_bins(result[row], place, distance / self.settings.width - 1, products[:, i] / 2, bins)
        return np.asarray(result / divisors(rows)[:, None])

    def names(self) -> list[str]:
        """Return the sums over defects, then those over pairs by distance."""
        return [*OF_ONE, *(f"{name}, pairs at {d:.1f} Å" for name in OF_PAIRS for d in self._distances())]

    def _distances(self) -> NDArray[np.float64]:
        width: float = self.settings.width
        return np.asarray(np.arange(1, int(self.settings.cutoff / width + 1e-9)) * width, dtype=np.float64)
