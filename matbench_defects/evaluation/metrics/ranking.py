"""Whether a model finds the right arrangement among those of the same content."""

from __future__ import annotations

import numpy as np

from matbench_defects.evaluation.metrics.metric import Scored, metric


@metric("spearman_within_content", title="Spearman within content", direction="higher", unit="1")
def spearman_within_content(scored: Scored) -> float:
    """Rank correlation (Spearman) inside each content of at least three rows, averaged over contents.

    A model that only knows the composition gives every row of a content the same value and scores 0.
    """
    from scipy.stats import spearmanr

    values = []
    for rows in scored.by_content(smallest=3):
        constant = np.ptp(scored.prediction[rows]) <= 1e-9 * max(1.0, np.abs(scored.prediction[rows]).max())
        values.append(0.0 if constant else float(spearmanr(scored.truth[rows], scored.prediction[rows]).statistic))
    return float(np.mean(values)) if values else float("nan")


@metric("ground_state_hit", title="Ground state hit", direction="higher", unit="1")
def ground_state_hit(scored: Scored) -> float:
    """Share of contents (of at least two rows) whose lowest row is the one predicted lowest.

    Rows predicted equal to 1e-9 share the hit, so a model that cannot tell n arrangements apart scores 1/n.
    """
    values = []
    for rows in scored.by_content(smallest=2):
        prediction = scored.prediction[rows]
        tolerance = 1e-9 * max(1.0, np.abs(prediction).max())
        chosen = prediction <= prediction.min() + tolerance
        values.append(float(chosen[scored.truth[rows].argmin()]) / chosen.sum())
    return float(np.mean(values)) if values else float("nan")
