"""What a regression on descriptors is, and how its hyper-parameters are chosen on the training part alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.errors import InputError
from matbench_defects.models.explanation import Explanation
from matbench_defects.models.model import ModelSettings, State
from matbench_defects.registry import Registry


class Regressor(ABC):
    """A regression.

    Parameters
    ----------
    settings : ModelSettings
        With the fields of the class's type `Settings`.
    seed : int
        Seed of everything random in it.
    """

    Settings: ClassVar[type[ModelSettings]] = ModelSettings
    title: ClassVar[str]
    """What it is called in a model's title."""
    description: ClassVar[str]
    """The beginning of a model's description, such as ``Ridge regression``."""
    references: ClassVar[tuple[str, ...]] = ()
    """DOIs."""
    seeded: ClassVar[bool]
    """Whether the seed changes the predictions."""

    def __init__(self, settings: Any, seed: int) -> None:
        self.settings = settings
        self.seed = seed

    @abstractmethod
    def fit(self, features: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Fit on features of shape (n, f) and values of shape (n,)."""

    @abstractmethod
    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return values and, where the regression gives them, their standard deviations."""

    def explain(self, names: list[str]) -> Explanation:
        """Return how much each feature counts.

        Raises
        ------
        InputError
            If the regression cannot say.
        """
        raise InputError(f"{self.title} has no weight for each feature")

    @abstractmethod
    def state(self) -> State:
        """Return what was learnt."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Take what was learnt."""

    @property
    def parameters(self) -> int | None:
        """How many numbers were fitted; None where that is not a sensible question."""
        return None


regressors: Registry[type[Regressor]] = Registry("regression", "matbench_defects.models.regressors")
"""Every registered regression, by name."""


class TreeSettings(ModelSettings):
    """Settings of an ensemble of trees."""

    trees: Annotated[int, Field(ge=1, le=10000)] = 300
    """How many trees."""
    folds: Annotated[int, Field(ge=0, le=20)] = 5
    """Folds of the training part on which hyper-parameters are chosen; 0 keeps scikit-learn's."""


def chosen_parameters(
    estimator: Any,
    grid: dict[str, list[Any]],
    features: NDArray[np.float64],
    values: NDArray[np.float64],
    folds: int,
) -> dict[str, Any]:
    """Return the parameters of a grid with the least absolute error in cross-validation.

    Parameters
    ----------
    estimator : estimator
        A regression of scikit-learn.
    grid : dict
        Values to choose from, by parameter.
    features, values : ndarray
        The training part; it is parted into folds at random, always in the same way.
    folds : int
        How many folds; none, or fewer rows than two a fold, and nothing is chosen.
    """
    from sklearn.model_selection import GridSearchCV, KFold

    if folds < 2 or len(values) < 2 * folds:
        return {}
    inner = KFold(folds, shuffle=True, random_state=0)
    search = GridSearchCV(estimator, grid, cv=inner, scoring="neg_mean_absolute_error", refit=False)
    return dict(search.fit(features, values).best_params_)
