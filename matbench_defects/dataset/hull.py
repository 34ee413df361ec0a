"""The lower convex hull of points in the plane."""

from __future__ import annotations

from collections.abc import Sequence


def lower_hull(amount: Sequence[float], energy: Sequence[float]) -> list[int]:
    """Return the points on the lower convex hull, from left to right.

    Parameters
    ----------
    amount, energy : sequences of float, length n
        Coordinates of the points.
    """
    order = sorted(range(len(amount)), key=lambda i: (amount[i], energy[i]))
    hull: list[int] = []
    for i in order:
        if hull and amount[hull[-1]] == amount[i]:
            continue

        def turns_up(j: int, k: int, i: int = i) -> bool:
            left = (energy[k] - energy[j]) * (amount[i] - amount[k])
            right = (energy[i] - energy[k]) * (amount[k] - amount[j])
            return left < right

        while len(hull) > 1 and not turns_up(hull[-2], hull[-1]):
            hull.pop()
        hull.append(i)
    return hull
