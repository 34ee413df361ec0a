"""Labels by chance."""

from __future__ import annotations

import numpy as np

from matbench_defects.discovery.policies.policy import Positions, Search, policy


@policy("random", title="Random", needs="nothing")
def random(search: Search, count: int) -> Positions:
    """Choose by chance: what every other policy has to beat."""
    return search.lowest(np.zeros(len(search.open)), count)
