"""Defects by what is known of their elements: serves dopants and hosts that no training row had."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.models.descriptors.defect import add_to_bins
from matbench_defects.models.descriptors.descriptor import Descriptor, descriptors
from matbench_defects.models.element_properties import OF_ONE, OF_PAIRS, learnable, of_defects
from matbench_defects.models.model import ModelSettings, State
from matbench_defects.models.per import divisors
from matbench_defects.models.rows import Rows


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
    or beyond them. A property that is the same for all defects of the training rows is left out: nothing can be learnt
    of it. The sums over pairs are radial distribution functions weighted by properties of the atoms.
    """

    Settings: ClassVar[type[ModelSettings]] = DefectPropertySettings
    title: ClassVar[str] = "Defect properties and distances"
    description: ClassVar[str] = "changes of element properties at the defects, and their products by distance"
    references: ClassVar[tuple[str, ...]] = ("10.1021/jp404287t", "10.1039/b801115j")
    new_elements: ClassVar[bool] = True

    def __init__(self, settings: Any, device: str = "cpu") -> None:
        super().__init__(settings, device)
        self.of_one: list[int] = []
        self.of_pairs: list[int] = []

    def learn(self, rows: Rows) -> None:
        """Take the properties that tell the defects of the training rows apart."""
        names = ("defect_host_species", "defect_species")
        every = zip(*(itertools.chain.from_iterable(rows.column(name)) for name in names), strict=True)
        kinds = sorted(set(every))
        single, weights = of_defects([gone for gone, _ in kinds], [there for _, there in kinds])
        self.of_one = np.flatnonzero(learnable(single)).tolist()
        self.of_pairs = np.flatnonzero(learnable(weights)).tolist()

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return sums over defects and over pairs of them by distance, per what the target is per."""
        from vesin import NeighborList

        self.check_serves(rows)
        finder = NeighborList(cutoff=self.settings.cutoff, full_list=True)
        names = ("defect_host_species", "defect_species", "defect_cartesian_positions", "lattice_vectors")
        result = np.zeros((len(rows), len(self.names())))
        for row, (gone, there, positions, lattice) in enumerate(zip(*map(rows.column, names), strict=True)):
            if not there:
                continue
            single, weights = of_defects(gone, there)
            result[row, : len(self.of_one)] = single[:, self.of_one].sum(axis=0)
            first, second, distance = finder.compute(
                points=np.array(positions, dtype=float).reshape(-1, 3),
                box=np.array(lattice, dtype=float),
                periodic=True,
                quantities="ijd",
            )
            weights = weights[:, self.of_pairs]
            products = weights[np.asarray(first, dtype=np.int64)] * weights[np.asarray(second, dtype=np.int64)]
            bins = len(self._distances())
            for i in range(len(self.of_pairs)):
                place = np.full(len(distance), len(self.of_one) + i * bins)
                # Bins stand at one width, two widths and so on; each pair is found twice.
                add_to_bins(result[row], place, distance / self.settings.width - 1, products[:, i] / 2, bins)
        return np.asarray(result / divisors(rows)[:, None])

    def names(self) -> list[str]:
        """Return the sums over defects, then those over pairs by distance."""
        pairs = [f"{OF_PAIRS[i]}, pairs at {d:.1f} Å" for i in self.of_pairs for d in self._distances()]
        return [*(OF_ONE[i] for i in self.of_one), *pairs]

    def state(self) -> State:
        """Return which properties count."""
        return {"of_one": self.of_one, "of_pairs": self.of_pairs}

    def restore(self, state: State) -> None:
        """Take them."""
        self.of_one, self.of_pairs = list(state["of_one"]), list(state["of_pairs"])

    def _distances(self) -> NDArray[np.float64]:
        width: float = self.settings.width
        return np.asarray(np.arange(1, int(self.settings.cutoff / width + 1e-9)) * width, dtype=np.float64)
