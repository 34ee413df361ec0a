"""Lasso: sparse linear regression. No descriptor is offered with it but the clusters that it was published for."""

from __future__ import annotations

from typing import Any, ClassVar

from matbench_defects.models.regressors.linear import LinearRegressor


class Lasso(LinearRegressor):
    """Lasso on standardised features; five-fold cross-validation on the training part chooses the penalty."""

    title: ClassVar[str] = "lasso"
    description: ClassVar[str] = "Lasso"
    references: ClassVar[tuple[str, ...]] = ("10.1103/PhysRevB.87.035125",)

    def regression(self) -> Any:
        """Return the regression."""
        from sklearn.linear_model import LassoCV
        from sklearn.model_selection import KFold

        folds = KFold(5, shuffle=True, random_state=0)
        # By its own tolerance the last bits decide where a descent stops, and so a per mille of the predictions.
        return LassoCV(cv=folds, eps=1e-4, alphas=60, max_iter=20000, tol=1e-8)
