"""What every metric must do."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from matbench_defects.evaluation.metrics import Metric, Scored, metrics

ROWS = 40


def sample(error: float, seed: int = 0) -> Scored:
    """Return made-up predictions beside the truth, of four contents.

    Parameters
    ----------
    error : float
        Standard deviation of what is wrong, in that of the truth.
    seed : int
        Seed of both.
    """
    random = np.random.default_rng(seed)
    truth = random.normal(size=ROWS)
    cell = np.full(ROWS, 4.0)
    return Scored(
        truth,
        truth + error * random.normal(size=ROWS),
        np.full(ROWS, max(error, 1e-3)),
        np.repeat(["a", "b", "c", "d"], ROWS // 4),
        random.integers(1, 9, size=ROWS),
        cell,
        np.full(ROWS, 8, dtype=np.int64),
        np.maximum(truth - truth.min(), 0) * cell / 8,
    )


def says_what_it_is(metric: Metric) -> None:
    """Check that it has a name, a title, a direction and a description."""
    assert metric.name and metric.title and metric.description, "name, title and description are needed"
    assert metric.direction in ("lower", "higher"), f"no direction: {metric.direction}"


def order_of_rows_does_not_matter(metric: Metric) -> None:
    """Check that the rows may stand in any order."""
    scored = sample(0.5)
    shuffled = scored.take(np.random.default_rng(1).permutation(len(scored)))
    np.testing.assert_allclose(metric(shuffled), metric(scored), rtol=1e-9, atol=1e-12)


def the_truth_is_no_worse_than_an_error(metric: Metric) -> None:
    """Check that right predictions are at least as good as wrong ones, where the metric is defined."""
    # Without deviations: a deviation of nothing is no good one.
    right, wrong = (metric(dataclasses.replace(sample(error), deviation=None)) for error in (0.0, 3.0))
    assert not (math.isinf(right) or math.isinf(wrong)), "it is not finite"
    if not (math.isnan(right) or math.isnan(wrong)):
        better = right <= wrong if metric.direction == "lower" else right >= wrong
        assert better, f"{metric.direction} is better, but the truth gets {right} and what is far off {wrong}"


def its_mean_over_rows_is_itself(metric: Metric) -> None:
    """Check that what each row adds gives the metric, where it says so."""
    if metric.by_row is not None:
        scored = sample(0.5)
        found = metric.finish(np.array([metric.by_row(scored).mean()]))
        np.testing.assert_allclose(found, metric(scored), rtol=1e-9)


METRIC_CHECKS = (
    says_what_it_is,
    order_of_rows_does_not_matter,
    the_truth_is_no_worse_than_an_error,
    its_mean_over_rows_is_itself,
)


def check_metric(metric: Metric | str) -> None:
    """Check that a metric keeps the contract of metrics.

    Parameters
    ----------
    metric : Metric or str
        The metric, or its registered name.

    Raises
    ------
    AssertionError
        Naming the check that failed.

    Examples
    --------
    >>> from matbench_defects.testing import check_metric
    >>> check_metric("mae")
    """
    found = metrics.get(metric) if isinstance(metric, str) else metric
    for check in METRIC_CHECKS:
        try:
            check(found)
        except AssertionError as error:
            raise AssertionError(f"{found.name}, {check.__name__.replace('_', ' ')}: {error}") from error
