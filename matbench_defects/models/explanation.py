"""What a fitted model says about its features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Explanation:
    """How much each feature counts.

    Parameters
    ----------
    names : list of str
        The features.
    weights : ndarray of float, shape (f,)
        Where `signed`, the change of the prediction, in the target's unit, with one standard deviation of the feature
        over the training rows; otherwise the feature's share of what the trees gained by splits, which sum to one.
    signed : bool
        Whether a weight has a direction.
    """

    names: list[str]
    weights: NDArray[np.float64]
    signed: bool

    def largest(self, number: int) -> list[tuple[str, float]]:
        """Return the features that count most, the first of all first."""
        order = np.argsort(-np.abs(self.weights), kind="stable")[:number]
        return [(self.names[i], float(self.weights[i])) for i in order if self.weights[i] != 0]
