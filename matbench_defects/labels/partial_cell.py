"""Relaxing a cell along some of its vectors, such as in the plane of a layer and not across its vacuum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.filters import FrechetCellFilter


class PartialCellFilter(FrechetCellFilter):  # type: ignore[misc]
    """Positions and those strains of a cell that act within the span of some of its vectors.

    Of the forces on the logarithm of the deformation only the part in that span is kept. So the deformation leaves
    every direction perpendicular to it as it is: a layer keeps its height of vacuum and is not sheared across it.

    Parameters
    ----------
    atoms : ase.Atoms
        The atoms, relaxed in place.
    vectors : sequence of int
        One or two of the cell's vectors, which may point anywhere.
    """

    def __init__(self, atoms: Any, vectors: Sequence[int]) -> None:
        super().__init__(atoms)
        basis, _ = np.linalg.qr(np.array(atoms.cell)[list(vectors)].T)
        self._projector = basis @ basis.T

    def get_forces(self, **kwargs: Any) -> Any:
        """Return the forces on the atoms, and below them those on the cell."""
        forces = super().get_forces(**kwargs)
        forces[-3:] = self._projector @ forces[-3:] @ self._projector
        return forces
