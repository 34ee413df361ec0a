"""Pathways by where the dopants are: pathway-dopant distances (PDD) and angles (PDA), counted in bins."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import nearest_images
from matbench_defects.errors import InputError
from matbench_defects.models.model import (
    INVARIANCES,
    SUPERCELL,
    ModelSettings,
    Prediction,
    Rows,
    State,
    models,
    with_validation,
)
from matbench_defects.models.saving import estimator_bytes, estimator_of
from matbench_defects.spec.fields import VACANCY

PENALTIES = tuple(10.0**k for k in range(-4, 5))
"""Ridge penalties to choose from, on standardised counts."""


class PathwayDopantSettings(ModelSettings):
    """Settings of the descriptors. The 20 categories are those of the KFeO2 work; its bin edges are not known."""

    distances: Annotated[int, Field(ge=1)] = 10
    """How many bins of distance."""
    width: Annotated[float, Field(gt=0)] = 1.2
    """Width of a bin of distance, Å; the last one takes everything farther away too."""
    angles: Annotated[int, Field(ge=1)] = 10
    """How many equal bins of angle from 0 to a right angle."""


class TreeSettings(PathwayDopantSettings):
    """Settings of the descriptors and of an ensemble of trees."""

    trees: Annotated[int, Field(ge=1)] = 300
    """How many trees."""


def pathway_dopants(space: Space, occupations: NDArray[np.uint8], settings: PathwayDopantSettings) -> NDArray[np.int64]:
    """Return how many dopants lie at which distance from each pathway and in which direction.

    Distances run from the middle of the edge to the nearest image of the dopant, angles between the edge and that
    line. A barrier has no forward and no backward here, so angles are folded to at most a right angle.

    Parameters
    ----------
    space : Space
        A space of pathways.
    occupations : ndarray of uint8, shape (m, n)
        Its pathways.
    settings : PathwayDopantSettings
        The bins.

    Returns
    -------
    ndarray of int, shape (m, distances + angles)

    Raises
    ------
    InputError
        If the space does not hold pathways.
    """
    if space.pathway is None:
        raise InputError(f"{space.name} holds structures; these descriptors are of pathways")
    positions = space.positions[space.variable_sites]
    mark = len(space.sublattices[space.pathway.sublattice].species)
    where = space.ranges[space.pathway.sublattice]
    ends = np.nonzero(occupations[:, where] == mark)[1].reshape(-1, 2) + where.start
    edge = nearest_images(space.lattice, positions[ends[:, 1]] - positions[ends[:, 0]])
    middle = positions[ends[:, 0]] + edge / 2
    result = np.zeros((len(occupations), settings.distances + settings.angles), dtype=np.int64)
    row, site = np.nonzero(_dopants(space, occupations))
    away = nearest_images(space.lattice, positions[site] - middle[row])
    distance = np.linalg.norm(away, axis=1)
    cosine = np.abs(np.einsum("ij,ij->i", away, edge[row])) / (distance * np.linalg.norm(edge[row], axis=1))
    angle = np.arccos(np.clip(cosine, 0, 1))
    at = np.minimum((distance / settings.width).astype(np.int64), settings.distances - 1)
    towards = np.minimum((angle / (np.pi / 2) * settings.angles).astype(np.int64), settings.angles - 1)
    np.add.at(result, (row, at), 1)
    np.add.at(result, (row, settings.distances + towards), 1)
    return result


def _dopants(space: Space, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which variable sites hold a species that the host does not have there, vacancies left out."""
    result = np.zeros(occupations.shape, dtype=bool)
    for sublattice, where in zip(space.sublattices, space.ranges, strict=True):
        host = np.array([space.host_species[i] for i in sublattice.sites])
        for number, species in enumerate(sublattice.species):
            if species != VACANCY:
                result[:, where] |= (occupations[:, where] == number) & (host != species)
    return result


class PathwayDopantModel:
    """A regression of scikit-learn on pathway-dopant distances and angles."""

    Settings: ClassVar[type[ModelSettings]] = PathwayDopantSettings
    references: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False
    invariances: ClassVar[frozenset[str]] = INVARIANCES - {SUPERCELL}
    """A repeated cell would hold two hops."""

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        self.settings = settings
        self.seed = seed
        self._regression: Any = None

    @abstractmethod
    def regression(self) -> Any:
        """Return a new regression."""

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return the counts of each row, shape (n, f)."""
        result = np.zeros((len(rows), self.settings.distances + self.settings.angles))
        for name in sorted(set(rows.column("space"))):
            where, occupations = rows.occupations(name)
            result[where] = pathway_dopants(rows.background.spaces[name], occupations, self.settings)
        return result

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit on the training and validation parts together."""
        rows, values = with_validation(rows, values, validation)
        self._regression = self.regression().fit(self.features(rows), values)

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row."""
        return Prediction(np.asarray(self._regression.predict(self.features(rows)), dtype=np.float64))

    def state(self) -> State:
        """Return the regression."""
        return {"regression": estimator_bytes(self._regression)}

    def restore(self, state: State) -> None:
        """Take the regression."""
        self._regression = estimator_of(state["regression"])

    @property
    def parameters(self) -> int | None:
        """None: trees have no number of parameters that would compare."""
        return None


@models.register("pathway-ridge")
class PathwayRidge(PathwayDopantModel):
    """Ridge regression on pathway-dopant distances and angles."""

    title: ClassVar[str] = "PDD/PDA, ridge"
    description: ClassVar[str] = "Ridge regression on pathway-dopant distances and angles, counted in bins."

    def regression(self) -> Any:
        """Return ridge regression whose penalty leave-one-out error chooses."""
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), RidgeCV(alphas=PENALTIES))


@models.register("pathway-forest")
class PathwayForest(PathwayDopantModel):
    """Random forest on pathway-dopant distances and angles."""

    Settings: ClassVar[type[ModelSettings]] = TreeSettings
    title: ClassVar[str] = "PDD/PDA, random forest"
    description: ClassVar[str] = "Random forest on pathway-dopant distances and angles, counted in bins."
    seeded: ClassVar[bool] = True

    def regression(self) -> Any:
        """Return a random forest."""
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(n_estimators=self.settings.trees, random_state=self.seed, min_samples_leaf=2)


@models.register("pathway-boosting")
class PathwayBoosting(PathwayDopantModel):
    """Gradient boosting on pathway-dopant distances and angles."""

    Settings: ClassVar[type[ModelSettings]] = TreeSettings
    title: ClassVar[str] = "PDD/PDA, gradient boosting"
    description: ClassVar[str] = "Gradient boosting on pathway-dopant distances and angles, counted in bins."
    seeded: ClassVar[bool] = True

    def regression(self) -> Any:
        """Return gradient-boosted trees of three levels, a part of the rows each."""
        from sklearn.ensemble import GradientBoostingRegressor

        return GradientBoostingRegressor(
            n_estimators=self.settings.trees, learning_rate=0.05, subsample=0.8, random_state=self.seed
        )
