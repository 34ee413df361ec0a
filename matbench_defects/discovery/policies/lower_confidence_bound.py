"""Labels for what may be lowest."""

from __future__ import annotations

from matbench_defects.discovery.policies.policy import Positions, Search, policy

DEVIATIONS = 2.0
"""How many standard deviations the bound lies below the prediction."""


@policy("lower-confidence-bound", title="Lower confidence bound", needs="deviations")
def lower_confidence_bound(search: Search, count: int) -> Positions:
    """Choose the rows of the lowest prediction less two standard deviations.

    As Srinivas et al., ICML 2010 (arXiv:0912.3995), with a fixed factor.
    """
    return search.lowest(search.predicted - DEVIATIONS * search.deviations, count)
