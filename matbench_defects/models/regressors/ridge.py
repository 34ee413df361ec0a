"""Ridge regression."""

from __future__ import annotations

from typing import Any, ClassVar

from matbench_defects.models.linear_fit import PENALTIES
from matbench_defects.models.regressors.linear import LinearRegressor
from matbench_defects.models.regressors.regressor import regressors


@regressors.register("ridge")
class Ridge(LinearRegressor):
    """Ridge regression on standardised features; leave-one-out error on the training part chooses the penalty."""

    title: ClassVar[str] = "ridge"
    description: ClassVar[str] = "Ridge regression"

    def regression(self) -> Any:
        """Return the regression."""
        from sklearn.linear_model import RidgeCV

        return RidgeCV(alphas=PENALTIES)
