"""Which rows a model calls stable: at most so far above the convex hull.

As Matbench Discovery does (Riebesell et al., Nat. Mach. Intell. 7, 836 (2025), doi:10.1038/s42256-025-01055-1): the
hull stays that of the labels, so a row's predicted distance to it is the true one plus the error of its energy per
atom. Not defined where the target is no energy of a configuration, or the dataset has no energy above hull by the same
label.

At 0 meV only rows below the hull are decided upon. Rows that span it are at exactly 0, so whether one is called stable
is the sign of its error and nothing else: where the stable rows are such rows, these metrics are not defined.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.evaluation.metrics.metric import Basis, Scored
from matbench_defects.evaluation.metrics.registering import metric_family

Flags = NDArray[np.bool_]
SPANS = 1e-7
"""A row so near the hull is one of those that span it, eV per atom."""


def _stable(scored: Scored, threshold: int) -> tuple[Flags, Flags] | None:
    """Return which rows are stable and which are predicted to be; None where that is not defined.

    Parameters
    ----------
    scored : Scored
        The rows.
    threshold : int
        Largest energy above hull of a stable row, meV per atom.
    """
    if scored.above_hull is None or scored.cell is None or scored.atoms is None:
        return None
    stable = _labelled_stable(scored.above_hull, threshold)
    if threshold == 0 and stable.any() and (np.abs(scored.above_hull[stable]) <= SPANS).all():
        return None
    error = (scored.prediction - scored.truth) * scored.cell / scored.atoms
    return stable, scored.above_hull + error <= threshold / 1000


def _labelled_stable(above_hull: NDArray[np.float64], threshold: int) -> Flags:
    return np.asarray(above_hull <= threshold / 1000)


def _stable_rows(threshold: int) -> Basis:
    """Return the basis of metrics of decisions: the rows that are stable, of which there are mostly few."""

    def count(scored: Scored) -> int:
        return 0 if scored.above_hull is None else int(_labelled_stable(scored.above_hull, threshold).sum())

    return Basis("stable rows", count)


def _share(of: Flags, among: Flags) -> float:
    return float(of[among].mean()) if among.any() else float("nan")


@metric_family(
    "hull_precision_{threshold}meV",
    usual=(0, 50),
    smallest=0,
    title="Precision, {threshold} meV above hull",
    direction="higher",
    unit="1",
    basis=_stable_rows,
)
def precision(scored: Scored, threshold: int) -> float:
    """Share of rows predicted at most {threshold} meV per atom above the convex hull that are.

    Not defined where no row is predicted so, or the dataset has no energy above hull by the target's label.
    """
    found = _stable(scored, threshold)
    return float("nan") if found is None else _share(found[0], found[1])


@metric_family(
    "hull_recall_{threshold}meV",
    usual=(0, 50),
    smallest=0,
    title="Recall, {threshold} meV above hull",
    direction="higher",
    unit="1",
    basis=_stable_rows,
)
def recall(scored: Scored, threshold: int) -> float:
    """Share of rows at most {threshold} meV per atom above the convex hull that are predicted so.

    Not defined where no row is, or the dataset has no energy above hull by the target's label.
    """
    found = _stable(scored, threshold)
    return float("nan") if found is None else _share(found[1], found[0])


@metric_family(
    "hull_f1_{threshold}meV",
    usual=(0, 50),
    smallest=0,
    title="F1, {threshold} meV above hull",
    direction="higher",
    unit="1",
    basis=_stable_rows,
)
def f1(scored: Scored, threshold: int) -> float:
    """Harmonic mean of precision and recall at {threshold} meV per atom above the convex hull.

    0 where no stable row is predicted so. Not defined where no row is stable, or the dataset has no energy above hull
    by the target's label.
    """
    found = _stable(scored, threshold)
    if found is None or not found[0].any():
        return float("nan")
    stable, predicted = found
    return float(2 * (stable & predicted).sum() / (stable.sum() + predicted.sum()))


@metric_family(
    "hull_daf_{threshold}meV",
    usual=(0, 50),
    smallest=0,
    title="Discovery acceleration, {threshold} meV above hull",
    direction="higher",
    unit="1",
    basis=_stable_rows,
)
def discovery_acceleration_factor(scored: Scored, threshold: int) -> float:
    """Precision at {threshold} meV per atom above the convex hull over the share of stable rows among all.

    How many times more stable rows a choice by the model holds than one at random (Matbench Discovery,
    doi:10.1038/s42256-025-01055-1). Not defined where precision or recall is not.
    """
    found = _stable(scored, threshold)
    if found is None or not found[0].any():
        return float("nan")
    return _share(found[0], found[1]) / float(found[0].mean())
