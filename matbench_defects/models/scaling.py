"""Features brought to one scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONSTANT = 1e-6
"""What varies by less than this part of its largest value is rounding of positions and counts as constant."""


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each feature over the training rows.

    Parameters
    ----------
    mean : ndarray of float, shape (f,)
        Means.
    deviation : ndarray of float, shape (f,)
        Standard deviations; infinite for a feature that is constant, so that it stays at zero whatever comes later.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.float64]) -> Scaling:
        """Return the scaling of features of shape (n, f)."""
        deviation = features.std(axis=0)
        varies = deviation > CONSTANT * np.abs(features).max(axis=0)
        return cls(features.mean(axis=0), np.where(varies, deviation, np.inf))

    def apply(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return features with mean zero and deviation one on the training rows, zero where they were constant."""
        return np.asarray((features - self.mean) / self.deviation)
