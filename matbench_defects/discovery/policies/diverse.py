"""Labels that are as unlike each other as can be."""

from __future__ import annotations

import numpy as np

from matbench_defects.discovery.policies.policy import Positions, Search, policy


@policy("diverse", title="Diverse", needs="nothing")
def diverse(search: Search, count: int) -> Positions:
    """Choose the row that differs in most sites from every labelled one, then the next, equal ones at random.

    Sites are compared under the symmetry operation that makes fewest differ. The greedy choice of centres of Sener and
    Savarese, ICLR 2018 (arXiv:1708.00489).
    """
    nearest = np.min([search.pool.differences(int(i))[search.open] for i in search.labelled], axis=0)
    tiebreak = search.generator.random(len(nearest))
    chosen = []
    for _ in range(count):
        place = int(np.lexsort((tiebreak, -nearest))[0])
        chosen.append(int(search.open[place]))
        nearest = np.minimum(nearest, search.pool.differences(chosen[-1])[search.open])
        nearest[place] = -1  # never twice
    return np.array(chosen, dtype=np.int64)
