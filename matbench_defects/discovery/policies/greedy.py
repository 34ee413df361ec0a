"""Labels for what looks lowest."""

from __future__ import annotations

from matbench_defects.discovery.policies.policy import Positions, Search, policy


@policy("greedy", title="Greedy", needs="values")
def greedy(search: Search, count: int) -> Positions:
    """Choose the rows predicted lowest."""
    return search.lowest(search.predicted, count)
