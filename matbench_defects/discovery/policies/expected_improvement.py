"""Labels where most is to be gained on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.discovery.policies.policy import Positions, Search, policy


def improvement(best: float, predicted: NDArray[np.float64], deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much normal variables are expected to fall below the best value, shape (n,)."""
    from scipy.special import ndtr

    gain = best - predicted
    scale = np.where(deviations > 0, deviations, 1.0)
    z = gain / scale
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return np.where(deviations > 0, gain * ndtr(z) + scale * density, np.maximum(gain, 0.0))


@policy("expected-improvement", title="Expected improvement", needs="deviations")
def expected_improvement(search: Search, count: int) -> Positions:
    """Choose the rows expected to fall furthest below the lowest label so far; predictions are normal distributions.

    Jones, Schonlau and Welch, J. Glob. Optim. 13, 455 (1998), doi:10.1023/A:1008306431147; the rows of one batch are
    chosen without regard to each other.
    """
    return search.lowest(-improvement(float(search.values.min()), search.predicted, search.deviations), count)
