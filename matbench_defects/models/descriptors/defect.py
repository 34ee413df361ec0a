"""Defects by where they are to each other: distances and angles between them, counted in bins that fade."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.errors import NotServedError
from matbench_defects.models.descriptors.descriptor import Descriptor, descriptors
from matbench_defects.models.model import ModelSettings, State
from matbench_defects.models.per import divisors
from matbench_defects.models.rows import Rows

ROUNDING = 1e-4
"""A share of a bin below this may be the rounding of a position, and counts as none: what training had by rounding
alone would be scaled up to any size where a row has it for real."""


class DefectSettings(ModelSettings):
    """Settings of the distances and angles between defects."""

    cutoff: Annotated[float, Field(gt=1, le=30)] = 9.0
    """Distances up to this count, Å."""
    width: Annotated[float, Field(gt=0, le=5)] = 0.5
    """From the middle of one bin of distance to the next, Å."""
    angle_cutoff: Annotated[float, Field(gt=1, le=15)] = 6.0
    """Angles whose two sides are up to this long count, Å."""
    angles: Annotated[int, Field(ge=2, le=90)] = 7
    """How many angles from 0 to 180 degrees stand for a bin each."""


@descriptors.register("defect")
class DefectDistances(Descriptor):
    """How many defects of each type there are, at which distances from each other and under which angles.

    What pathway-dopant distances and angles are to a pathway, these are to a structure. The type of a defect is what
    the host has at the site and what is there instead. Each distance or angle is shared by the two nearest bins, so
    that nothing jumps with the last digit of a position, and counts less where it comes near the cutoff.
    """

    Settings: ClassVar[type[ModelSettings]] = DefectSettings
    title: ClassVar[str] = "Defect distances and angles"
    description: ClassVar[str] = "distances and angles between the defects by type, counted in bins"

    def __init__(self, settings: Any, device: str = "cpu") -> None:
        super().__init__(settings, device)
        self.types: list[str] = []
        self._distances = np.arange(1, int(self.settings.cutoff / self.settings.width + 1e-9)) * self.settings.width
        self._angles = np.linspace(0, 180, self.settings.angles)

    def learn(self, rows: Rows) -> None:
        """Take the types of defects of the training rows."""
        self.types = sorted({kind for kinds in _types(rows) for kind in kinds})

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return numbers, distances and angles of the defects, per what the target is per."""
        from vesin import NeighborList

        self.check_serves(rows)
        number = {kind: i for i, kind in enumerate(self.types)}
        finder = NeighborList(cutoff=max(self.settings.cutoff, self.settings.angle_cutoff), full_list=True)
        result = np.zeros((len(rows), len(self.names())))
        cells = zip(rows.column("defect_cartesian_positions"), rows.column("lattice_vectors"), strict=True)
        for row, (kinds, (positions, lattice)) in enumerate(zip(_types(rows), cells, strict=True)):
            unknown = sorted(set(kinds) - set(number))
            if unknown:
                raise NotServedError(f"no training row had {', '.join(unknown)}")
            if not kinds:
                continue
            numbers = np.array([number[kind] for kind in kinds])
            first, second, distance, vector = finder.compute(
                points=np.array(positions, dtype=float).reshape(-1, 3),
                box=np.array(lattice, dtype=float),
                periodic=True,
                quantities="ijdD",
            )
            first, second = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
            self._count(result[row], numbers, first, second, distance)
            near = distance < self.settings.angle_cutoff
            self._count_angles(result[row], numbers, first[near], second[near], distance[near], vector[near])
        return np.asarray(result / divisors(rows)[:, None])

    def names(self) -> list[str]:
        """Return the types, then pairs of types by distance, then triplets by the angle at the one named in between."""
        pairs = [(a, b) for i, a in enumerate(self.types) for b in self.types[i:]]
        lengths = [f"{a} - {b}, {d:.1f} Å" for a, b in pairs for d in self._distances]
        angles = [f"{a} - {at} - {b}, {x:.0f}°" for at in self.types for a, b in pairs for x in self._angles]
        return [*self.types, *lengths, *angles]

    def state(self) -> State:
        """Return the types."""
        return {"types": self.types}

    def restore(self, state: State) -> None:
        """Take the types."""
        self.types = list(state["types"])

    def _count(
        self,
        row: NDArray[np.float64],
        numbers: NDArray[np.int64],
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        distance: NDArray[np.float64],
    ) -> None:
        row[: len(self.types)] = np.bincount(numbers, minlength=len(self.types))
        place = len(self.types) + self._pair(numbers[first], numbers[second]) * len(self._distances)
        # Bins stand at one width, two widths and so on; the last fades out at the cutoff. Each pair is found twice.
        add_to_bins(row, place, distance / self.settings.width - 1, np.full(len(place), 0.5), len(self._distances))

    def _count_angles(
        self,
        row: NDArray[np.float64],
        numbers: NDArray[np.int64],
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        distance: NDArray[np.float64],
        vector: NDArray[np.float64],
    ) -> None:
        pairs = len(self.types) * (len(self.types) + 1) // 2
        start = len(self.types) + pairs * len(self._distances)
        fade = np.minimum(1.0, (self.settings.angle_cutoff - distance) / self.settings.width)
        fade[fade < ROUNDING] = 0
        direction = vector / distance[:, None]
        for vertex in range(len(numbers)):
            at = np.flatnonzero(first == vertex)
            a, b = np.triu_indices(len(at), 1)
            a, b = at[a], at[b]
            cosine = np.clip(np.einsum("ij,ij->i", direction[a], direction[b]), -1, 1)
            angle = np.degrees(np.arccos(cosine)) / 180 * (len(self._angles) - 1)
            ends = self._pair(numbers[second[a]], numbers[second[b]])
            place = start + (numbers[vertex] * pairs + ends) * len(self._angles)
            add_to_bins(row, place, angle, fade[a] * fade[b], len(self._angles))

    def _pair(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of an unordered pair of types."""
        low, high = np.minimum(a, b), np.maximum(a, b)
        number: NDArray[np.int64] = low * len(self.types) - low * (low - 1) // 2 + high - low
        return number


def add_to_bins(
    row: NDArray[np.float64],
    place: NDArray[np.int64],
    position: NDArray[np.float64],
    weight: NDArray[np.float64],
    bins: int,
) -> None:
    """Add weights to the two bins around a position, more to the nearer one.

    Parameters
    ----------
    row : ndarray of float, shape (f,)
        What is added to.
    place : ndarray of int64, shape (k,)
        Where the bins of each weight begin in it.
    position : ndarray of float, shape (k,)
        Where each weight lies, in bins; what lies outside is left out.
    weight : ndarray of float, shape (k,)
        The weights.
    bins : int
        How many bins there are.
    """
    below = np.floor(position).astype(np.int64)
    above = position - below
    for offset, part in ((0, np.where(1 - above < ROUNDING, 0, 1 - above)), (1, np.where(above < ROUNDING, 0, above))):
        at = below + offset
        inside = (at >= 0) & (at < bins)
        np.add.at(row, (place + at)[inside], (weight * part)[inside])


def _types(rows: Rows) -> list[list[str]]:
    """Return the types of each row's defects, such as ``S→vacancy``."""
    here, host = rows.column("defect_species"), rows.column("defect_host_species")
    return [[f"{was}→{now}" for was, now in zip(h, s, strict=True)] for h, s in zip(host, here, strict=True)]
