"""How much of each species took the host's places. The model `composition` is ridge regression on it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.models.descriptors.descriptor import Descriptor
from matbench_defects.models.model import State
from matbench_defects.models.rows import Rows


class Contents(Descriptor):
    """Contents per formula unit, their squares and products.

    What is left of the host on a sublattice follows from what has gone or come, and is not counted: so a dopant of one
    host is not taken for that in another which is made of it.
    """

    title: ClassVar[str] = "Contents"
    description: ClassVar[str] = "contents per formula unit, their squares and products"

    def __init__(self, settings: Any, device: str = "cpu") -> None:
        super().__init__(settings, device)
        self._columns: list[str] = []

    def learn(self, rows: Rows) -> None:
        """Take the columns that count species."""
        self._columns = [n for n in rows.table.schema.names if n.startswith("content_")]

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return contents per formula unit with their squares and products."""
        spaces, which = np.unique(rows.column("space"), return_inverse=True)
        counted = np.array([[n not in of_host(rows.background.spaces[s]) for n in self._columns] for s in spaces])
        counts = np.stack([rows.table[n].to_numpy() for n in self._columns], axis=1) * counted[which]
        amounts = counts / rows.table["formula_units"].to_numpy()[:, None]
        first, second = np.triu_indices(amounts.shape[1])
        return np.concatenate([amounts, amounts[:, first] * amounts[:, second]], axis=1)

    def names(self) -> list[str]:
        """Return the contents, then their products."""
        names = [n.removeprefix("content_").replace("_", ".", 1) for n in self._columns]
        first, second = np.triu_indices(len(names))
        return names + [f"{names[i]} * {names[j]}" for i, j in zip(first, second, strict=True)]

    def state(self) -> State:
        """Return the columns that are read."""
        return {"contents": self._columns}

    def restore(self, state: State) -> None:
        """Read these columns."""
        self._columns = list(state["contents"])


def of_host(space: Space) -> set[str]:
    """Return the columns that count what the host has on a sublattice."""
    found = set()
    for sublattice in space.sublattices:
        species = {space.host_species[site] for site in sublattice.sites}
        if len(species) == 1:
            found.add(f"content_{sublattice.name}_{species.pop()}")
    return found
