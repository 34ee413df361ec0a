"""Cluster expansions: symmetry-averaged correlations of the occupation, without building a structure."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.models.descriptors.clusters import PairCorrelations, TripletCorrelations
from matbench_defects.models.descriptors.descriptor import Descriptor
from matbench_defects.models.model import models
from matbench_defects.models.regressors.descriptor_model import DescriptorModel
from matbench_defects.models.regressors.lasso import Lasso
from matbench_defects.models.regressors.linear import LinearRegressor
from matbench_defects.models.regressors.regressor import Regressor
from matbench_defects.models.regressors.ridge import Ridge
from matbench_defects.models.rows import Rows, with_validation


@models.register("cluster-expansion")
class ClusterExpansion(DescriptorModel):
    """Ridge regression on how many pairs of each kind a configuration has, per what the target is per."""

    Descriptor: ClassVar[type[Descriptor]] = PairCorrelations
    Regressor: ClassVar[type[Regressor]] = Ridge
    title: ClassVar[str] = "Pair cluster expansion"
    description: ClassVar[str] = (
        "Ridge regression on symmetry-averaged point and pair correlations of the occupation, orbit by orbit; points "
        "are not penalised."
    )
    descriptor: PairCorrelations
    regressor: LinearRegressor

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit on the training and validation parts together; points are not penalised.

        Values that refer to other elements or end members differ by a function that is linear in composition. With a
        penalty on the points the pairs would depend on that choice.
        """
        rows, values = with_validation(rows, values, validation)
        self.descriptor.learn(rows)
        self.regressor.fit(self.descriptor.features(rows), values, self.descriptor.points())

    def occupation_values(self, space: Space, occupations: NDArray[np.uint8], per: str) -> NDArray[np.float64]:
        """Return predictions straight from occupations, without a table of features: millions in seconds."""
        linear = self.regressor.linear
        return self.descriptor.weighted(space, occupations, per, linear.coefficients) + linear.intercept


@models.register("cluster-expansion-triplets")
class TripletClusterExpansion(ClusterExpansion):
    """Sparse regression (lasso) on points, pairs and triplets, its penalty from cross-validation.

    With few rows and many orbits most triplets should stay out of the sum, which ridge regression cannot do.
    """

    Descriptor: ClassVar[type[Descriptor]] = TripletCorrelations
    Regressor: ClassVar[type[Regressor]] = Lasso
    title: ClassVar[str] = "Pair and triplet cluster expansion"
    description: ClassVar[str] = (
        "Lasso on symmetry-averaged point, pair and triplet correlations of the occupation, orbit by orbit; five-fold "
        "cross-validation on the training part chooses the penalty, which points do not bear."
    )
