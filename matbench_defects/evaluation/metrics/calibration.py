"""Whether predicted standard deviations are those of the errors; each prediction is taken for a normal distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.evaluation.metrics.metric import Scored
from matbench_defects.evaluation.metrics.registering import mean_metric, metric

Floats = NDArray[np.float64]


SMALLEST = 1e-100
"""A smaller standard deviation counts as none: neither its square nor that of an error in its units is a number."""


def _deviation(scored: Scored) -> Floats | None:
    """Return the predicted standard deviations; None where there are none, or one is not positive."""
    given = scored.deviation
    return given if given is not None and bool((np.isfinite(given) & (given >= SMALLEST)).all()) else None


@mean_metric("nll", title="NLL", direction="lower", unit="nat")
def negative_log_likelihood(scored: Scored) -> Floats:
    """Mean negative log-likelihood of the truth under the predicted normal distributions, in nat.

    The density is per unit of the target, so values compare within a task alone. A proper scoring rule (Gneiting and
    Raftery, J. Am. Stat. Assoc. 102, 359 (2007), doi:10.1198/016214506000001437). Not defined for a model that gives no
    positive standard deviations.
    """
    deviation = _deviation(scored)
    if deviation is None:
        return np.full(len(scored), np.nan)
    scaled = (scored.prediction - scored.truth) / deviation
    return np.asarray(0.5 * np.log(2 * np.pi) + np.log(deviation) + 0.5 * scaled**2)


@metric("miscalibration_area", title="Miscalibration area", direction="lower", unit="1")
def miscalibration_area(scored: Scored) -> float:
    """Area between the expected and the observed share of truths inside central intervals; 0 to 0.5.

    An interval that is expected to hold a share p of the truths is the central one of the predicted normal
    distribution. After Kuleshov, Fenner and Ermon, ICML 2018 (arXiv:1807.00263), over intervals as in
    uncertainty_toolbox (arXiv:2109.10254), but integrated exactly instead of in 100 steps. Not defined for a model that
    gives no positive standard deviations.
    """
    from scipy.special import erf

    deviation = _deviation(scored)
    if deviation is None:
        return float("nan")
    # The interval that just reaches a truth is expected to hold a share erf(|z| / sqrt 2).
    reached = np.sort(erf(np.abs(scored.prediction - scored.truth) / deviation / np.sqrt(2)))
    # Between (i - 1)/n and i/n of the observed share the expected one is that of the i-th truth: the area is the sum of
    # the integrals of |expected - observed| over those steps, each a difference of primitives s·|s|/2.
    observed = np.arange(len(reached) + 1) / len(reached)

    def primitive(difference: Floats) -> Floats:
        return difference * np.abs(difference) / 2

    return float((primitive(reached - observed[:-1]) - primitive(reached - observed[1:])).sum())
