"""The compiled loop over the clusters of a configuration; importing this file imports numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from matbench_defects.compiling import compiled


def _add(
    occupations: Any,
    nodes: Any,
    point: Any,
    pair_start: Any,
    pair_other: Any,
    pair_orbit: Any,
    group_start: Any,
    group_second: Any,
    triplet_start: Any,
    triplet_third: Any,
    triplet_orbit: Any,
    column: Any,
    weight: Any,
    result: Any,
) -> None:
    """Add to each row of `result`, at its column, the weight of the orbit of every cluster that is present.

    A node is a site with a defect on it. Nodes of a cluster ascend: pairs lie in a list by their first node, triplets
    in groups by their first two.
    """
    present = np.zeros(len(point), dtype=np.bool_)
    held = np.empty(occupations.shape[1], dtype=np.int64)
    for row in range(len(occupations)):
        number = 0
        for site in range(occupations.shape[1]):
            node = nodes[site, occupations[row, site]]
            if node >= 0:
                held[number] = node
                present[node] = True
                number += 1
        for i in range(number):
            a = held[i]
            result[row, column[point[a]]] += weight[point[a]]
            for e in range(pair_start[a], pair_start[a + 1]):
                if present[pair_other[e]]:
                    result[row, column[pair_orbit[e]]] += weight[pair_orbit[e]]
            for g in range(group_start[a], group_start[a + 1]):
                if present[group_second[g]]:
                    for t in range(triplet_start[g], triplet_start[g + 1]):
                        if present[triplet_third[t]]:
                            result[row, column[triplet_orbit[t]]] += weight[triplet_orbit[t]]
        for i in range(number):
            present[held[i]] = False


add = compiled(_add)
