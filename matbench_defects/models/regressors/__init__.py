"""Regressions on descriptors, one file a kind; every descriptor with every regression is a model."""

from matbench_defects.models.regressors.descriptor_model import DescriptorModel
from matbench_defects.models.regressors.regressor import Regressor, regressors

__all__ = ["DescriptorModel", "Regressor", "regressors"]
