"""In which order choices that exclude each other are decided, so that little has to be remembered between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STARTS = 4
"""From how many choices walks start, besides the ends of the sweeps."""


def deciding_order(touching: NDArray[np.bool_], near: NDArray[np.float64]) -> tuple[list[int], float]:
    """Return an order of choices in which few of those that are open touch what is decided.

    Choices that are connected stand together, so no two connected sets are open at once.

    Parameters
    ----------
    touching : ndarray of bool, shape (n, n)
        Which choices exclude something of each other.
    near : ndarray of float, shape (n, 3)
        Where they are; sweeps along the axes are tried, and walks that always take the choice that touches least more.

    Returns
    -------
    order : list of int
        The choices.
    states : float
        About how many states there are at most: on each cut, the sets of its smaller side.
    """
    from scipy.sparse.csgraph import connected_components

    touching = touching & ~np.eye(len(touching), dtype=bool)
    number, labels = connected_components(touching, directed=False)
    order: list[int] = []
    states = 0.0
    for k in range(number):
        members = np.flatnonzero(labels == k)
        inside = touching[np.ix_(members, members)]
        here = _connected_order(inside, near[members])
        order += members[here].tolist()
        states += _cost(inside, here)
    return order, states


def _connected_order(touching: NDArray[np.bool_], near: NDArray[np.float64]) -> list[int]:
    if len(touching) < 3:
        return list(range(len(touching)))
    orders = [
        np.lexsort((near[:, (axis + 2) % 3], near[:, (axis + 1) % 3], near[:, axis])).tolist() for axis in range(3)
    ]
    starts = dict.fromkeys([order[0] for order in orders] + np.argsort(touching.sum(axis=1))[:STARTS].tolist())
    orders += [_walk(touching, start) for start in starts]
    return min(orders, key=lambda order: _cost(touching, order))


def _walk(touching: NDArray[np.bool_], start: int) -> list[int]:
    order = [start]
    decided = np.zeros(len(touching), dtype=bool)
    decided[start] = True
    boundary = touching[start].copy()
    while len(order) < len(touching):
        # How many choices each one would newly put on the boundary, less itself where it is there already.
        more = (touching & ~(boundary | decided)).sum(axis=1) - boundary
        more[decided] = len(touching) + 1
        following = int(more.argmin())
        order.append(following)
        decided[following] = True
        boundary = (boundary | touching[following]) & ~decided
    return order


def _cost(touching: NDArray[np.bool_], order: list[int]) -> float:
    """Return about how many states there are: on each cut, the sets of its smaller side."""
    if len(touching) < 2:
        return 1.0
    turn = touching[np.ix_(order, order)]  # every choice touches another, for they are connected
    first, last = turn.argmax(axis=1), len(turn) - 1 - turn[:, ::-1].argmax(axis=1)
    cut = np.arange(len(turn) - 1)[:, None]
    here = np.arange(len(turn))
    decided = ((here <= cut) & (last > cut)).sum(axis=1)
    left = ((here > cut) & (first <= cut)).sum(axis=1)
    return float((2.0 ** np.minimum(decided, left)).sum())
