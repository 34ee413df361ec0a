"""Regressions on descriptors, one file a kind."""

from matbench_defects.models.regressors.regressor import Regressor, regressors

__all__ = ["Regressor", "regressors"]
