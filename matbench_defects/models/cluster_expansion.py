"""Pair cluster expansion: symmetry-averaged pair correlations on the occupation, without building a structure."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.crystal.space import Space
from matbench_defects.models.linear import LinearModel
from matbench_defects.models.model import ModelSettings, Rows, State, models

SAME_SHELL = 3
"""Distances that agree to this many decimals of an ångström belong to one shell."""

Shell = tuple[str, str, float]
"""Two sublattices and the distance between their sites, Å."""


class ClusterExpansionSettings(ModelSettings):
    """Settings of the pair cluster expansion."""

    cutoff: Annotated[float, Field(gt=0, le=30)] = 9.0
    """Pairs up to this distance count, Å."""


def pair_shells(space: Space, cutoff: float) -> dict[Shell, NDArray[np.float64]]:
    """Return how often each pair of variable sites occurs at each distance, periodic images included.

    Parameters
    ----------
    space : Space
        The space.
    cutoff : float
        Largest distance, Å.

    Returns
    -------
    dict of Shell to ndarray, shape (sites of the first sublattice, sites of the second)
        Shells by sublattices and distance, so that supercells of one parent share them.
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres

    points = np.ascontiguousarray(space.positions[space.variable_sites])
    first, second, _, distance = find_points_in_spheres(
        points, points, r=cutoff, pbc=np.ones(3, dtype=np.int64), lattice=np.ascontiguousarray(space.lattice), tol=1e-8
    )
    rounded = np.round(distance, SAME_SHELL)
    owner = np.empty(space.size, dtype=np.int64)
    for i, where in enumerate(space.ranges):
        owner[where] = i
    shells: dict[Shell, NDArray[np.float64]] = {}
    for i, a in enumerate(space.sublattices):
        for j, b in enumerate(space.sublattices[i:], start=i):
            here = (owner[first] == i) & (owner[second] == j) & (rounded > 0)
            for length in np.unique(rounded[here]):
                chosen = here & (rounded == length)
                matrix = np.zeros((len(a.sites), len(b.sites)))
                np.add.at(matrix, (first[chosen] - space.ranges[i].start, second[chosen] - space.ranges[j].start), 1.0)
                shells[a.name, b.name, float(length)] = matrix
    return shells


@models.register("cluster-expansion")
class ClusterExpansion(LinearModel):
    """Ridge regression on how many pairs of each kind a configuration has, per formula unit."""

    Settings: ClassVar[type[ModelSettings]] = ClusterExpansionSettings
    title: ClassVar[str] = "Pair cluster expansion"
    description: ClassVar[str] = (
        "Ridge regression on contents and symmetry-averaged pair correlations of the occupation, shell by shell."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1016/0378-4371(84)90096-7",)

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        super().__init__(settings, seed, device)
        self._names: list[tuple[Any, ...]] = []

    def prepare(self, rows: Rows) -> None:
        """Take the features that occur in the spaces of the training rows."""
        names: dict[tuple[Any, ...], None] = {}
        for space in sorted(set(rows.column("space"))):
            names.update(dict.fromkeys(self._of_space(rows, space)[1]))
        self._names = list(names)

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return points and pairs per formula unit; those that the training part did not have are left out."""
        result = np.zeros((len(rows), len(self._names)))
        column = {name: i for i, name in enumerate(self._names)}
        for space in sorted(set(rows.column("space"))):
            where, values = self._of_space(rows, space)
            for name, value in values.items():
                if name in column:
                    result[where, column[name]] = value
        return result

    def state(self) -> State:
        """Return the regression and which feature each of its coefficients belongs to."""
        return super().state() | {"names": [list(name) for name in self._names]}

    def restore(self, state: State) -> None:
        """Take both."""
        super().restore(state)
        self._names = [tuple(name) for name in state["names"]]

    def _of_space(self, rows: Rows, name: str) -> tuple[NDArray[np.int64], dict[tuple[Any, ...], NDArray[np.float64]]]:
        space = rows.background.spaces[name]
        where, occupations = rows.occupations(name)
        units = space.formula_units
        # The last species of a sublattice is what the others leave, so it adds nothing.
        holds = {
            (s.name, species): (occupations[:, r] == k).astype(float)
            for s, r in zip(space.sublattices, space.ranges, strict=True)
            for k, species in enumerate(s.species[:-1])
        }
        features: dict[tuple[Any, ...], NDArray[np.float64]] = {
            key: held.sum(axis=1) / units for key, held in holds.items()
        }
        for (a, b, distance), matrix in pair_shells(space, self.settings.cutoff).items():
            for (first, x), held in holds.items():
                for (second, y), other in holds.items():
                    if first == a and second == b and (a != b or x <= y):
                        features[a, x, b, y, distance] = np.einsum("mi,ij,mj->m", held, matrix, other) / units
        return where, features
