"""The audit of a split: what is on which side, and how alike the sides are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.reading import PARTS
from matbench_defects.enumeration.canonical import canonical

LARGEST_COMPARISON = 500
"""Test rows compared with the training part; evenly spaced ones where there are more."""


def audit_split(rows: list[dict[str, Any]], parts: list[str | None], spaces: dict[str, Space]) -> dict[str, Any]:
    """Return what a reader must know of a split.

    Parameters
    ----------
    rows : list of dict
        The rows, with ``id``, ``space``, ``content`` and ``occupation``.
    parts : list of str or None
        The part of each row.
    spaces : dict of str to Space
        The spaces by name.

    Returns
    -------
    dict
        Rows and contents per part, the number of orbits found in two parts (recomputed from the occupations, not from
        the ids), and how alike test and training rows are.
    """
    members: dict[str, list[int]] = {p: [i for i, q in enumerate(parts) if q == p] for p in PARTS}
    canonical_of = [
        (row["space"], canonical(spaces[row["space"]], np.frombuffer(row["occupation"], dtype=np.uint8))[0].tobytes())
        for row in rows
    ]
    sides: dict[tuple[str, bytes], set[str]] = {}
    for key, part in zip(canonical_of, parts, strict=True):
        if part is not None:
            sides.setdefault(key, set()).add(part)
    return {
        "rows": {p: len(m) for p, m in members.items()} | {"left out": sum(p is None for p in parts)},
        "contents": {
            p: dict(sorted(Counter(f"{rows[i]['space']}:{rows[i]['content']}" for i in m).items()))
            for p, m in members.items()
        },
        "orbits in two parts": sum(len(s) > 1 for s in sides.values()),
        "test against train": _similarity(rows, members["train"], members["test"], spaces),
    }


def _similarity(
    rows: list[dict[str, Any]], train: list[int], test: list[int], spaces: dict[str, Space]
) -> dict[str, Any]:
    """Count, for each test row, the sites that differ from the most similar training row under any operation."""
    fewest: list[int] = []
    for name, space in spaces.items():
        known = [i for i in train if rows[i]["space"] == name]
        asked = [i for i in test if rows[i]["space"] == name]
        if not known or not asked:
            continue
        step = -(-len(asked) // LARGEST_COMPARISON)
        occupations = np.stack([np.frombuffer(rows[i]["occupation"], dtype=np.uint8) for i in known])
        fewest.extend(
            _fewest_differences(np.frombuffer(rows[i]["occupation"], dtype=np.uint8), occupations, space)
            for i in asked[::step]
        )
    if not fewest:
        return {}
    return {
        "rows compared": len(fewest),
        "sites that differ from the nearest training row": {str(k): v for k, v in sorted(Counter(fewest).items())},
    }


def _fewest_differences(occupation: NDArray[np.uint8], others: NDArray[np.uint8], space: Space) -> int:
    images = np.unique(occupation[space.group], axis=0)
    return int(min((image != others).sum(axis=1).min() for image in images))
