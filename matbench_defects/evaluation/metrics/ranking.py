"""Whether a model orders rows rightly, and finds the right arrangement among those of the same content."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.evaluation.metrics.metric import Basis, Scored
from matbench_defects.evaluation.metrics.registering import metric, metric_family

Floats = NDArray[np.float64]


def of_contents(smallest: int) -> Basis:
    """Return the basis of an average over contents of at least so many rows."""
    return Basis("contents", lambda scored: sum(1 for _ in scored.by_content(smallest)))


def rank_correlation(truth: Floats, prediction: Floats) -> float:
    """Return Spearman's rank correlation; 0 where every prediction is the same."""
    from scipy.stats import spearmanr

    if np.ptp(prediction) <= _tolerance(prediction):
        return 0.0
    return float(spearmanr(truth, prediction).statistic)


def _tolerance(prediction: Floats) -> float:
    """Return how far apart predictions are that count as equal."""
    return 1e-9 * max(1.0, float(np.abs(prediction).max()))


@metric("spearman", title="Spearman", direction="higher", unit="1")
def spearman(scored: Scored) -> float:
    """Rank correlation (Spearman) over all rows, of whatever content; at least three."""
    if len(scored) < 3 or np.ptp(scored.truth) == 0:
        return float("nan")
    return rank_correlation(scored.truth, scored.prediction)


@metric("spearman_within_content", title="Spearman within content", direction="higher", unit="1", basis=of_contents(3))
def spearman_within_content(scored: Scored) -> float:
    """Rank correlation (Spearman) inside each content of at least three rows, averaged over contents.

    A model that only knows the composition gives every row of a content the same value and scores 0.
    """
    values = [rank_correlation(scored.truth[rows], scored.prediction[rows]) for rows in scored.by_content(smallest=3)]
    return float(np.mean(values)) if values else float("nan")


@metric("ground_state_hit", title="Ground state hit", direction="higher", unit="1", basis=of_contents(2))
def ground_state_hit(scored: Scored) -> float:
    """Share of contents (of at least two rows) whose lowest row is the one predicted lowest.

    Rows predicted equal to 1e-9 share the hit, so a model that cannot tell n arrangements apart scores 1/n.
    """
    values = []
    for rows in scored.by_content(smallest=2):
        truth, prediction = scored.truth[rows], scored.prediction[rows]
        chosen = prediction <= prediction.min() + _tolerance(prediction)
        values.append(float((truth[chosen] == truth.min()).mean()))
    return float(np.mean(values)) if values else float("nan")


@metric_family(
    "regret_{k}",
    usual=(1, 5),
    title="Regret, best of {k}",
    direction="lower",
    basis=lambda k: of_contents(k + 1),
)
def regret(scored: Scored, k: int) -> float:
    """Lowest truth among the {k} rows predicted lowest, less the lowest truth of all, averaged over contents.

    Counts contents of more rows than {k}. Of rows predicted equal to 1e-9, each is as likely to be among the {k}, and
    the expected value counts: a model that cannot tell arrangements apart has the regret of a random choice.
    """
    values = []
    for rows in scored.by_content(smallest=k + 1):
        truth = scored.truth[rows]
        values.append(expected_lowest(truth, scored.prediction[rows], k) - truth.min())
    return float(np.mean(values)) if values else float("nan")


def expected_lowest(truth: Floats, prediction: Floats, k: int) -> float:
    """Return the lowest truth to expect among the `k` rows predicted lowest, equal ones drawn at random.

    Parameters
    ----------
    truth, prediction : ndarray of float, shape (n,)
        What is and what is predicted; n is at least `k`.
    k : int
        How many rows are looked at.
    """
    last = np.partition(prediction, k - 1)[k - 1]
    tolerance = _tolerance(prediction)
    certain = truth[prediction < last - tolerance]
    tied = np.sort(truth[np.abs(prediction - last) <= tolerance])
    n, drawn = len(tied), k - len(certain)
    # The chance that tied row j, counted from the lowest, is the lowest drawn: C(n-1-j, drawn-1) / C(n, drawn).
    j = np.arange(n)
    chance = drawn / n * np.cumprod(np.concatenate([[1.0], np.maximum(n - drawn - j[:-1], 0) / (n - 1 - j[:-1])]))
    lowest = tied if not len(certain) else np.minimum(tied, certain.min())
    # The difference to the lowest keeps what is exact exact: all chances together are 1 but for rounding.
    return float(lowest[0] + chance @ (lowest - lowest[0]))
