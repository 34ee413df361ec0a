"""The geometry of parity plots: predicted against true, on the same axes for every entry of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.leaderboard.formatting import tick_labels, ticks
from matbench_defects.leaderboard.scoring import Entry

LEFT, RIGHT, TOP, BOTTOM = 52.0, 308.0, 10.0, 266.0
"""The plotting square inside a picture of 320 by 306."""
MOST_POINTS = 600
"""Beyond this many test rows an even selection of them is drawn."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in the picture and its text."""

    place: float
    label: str


@dataclass(frozen=True)
class Point:
    """One test row: where it is drawn, how long its error bar is, what its tooltip says.

    Parameters
    ----------
    x, y : float
        Place in the picture.
    bar : tuple of two floats, or None
        Upper and lower end of the error bar, the standard deviation over the seeds, cut at the frame.
    outside : bool
        Whether the prediction lies beyond the axis; the point then stands at its end.
    title : str
        Id, label and prediction.
    """

    x: float
    y: float
    bar: tuple[float, float] | None
    outside: bool
    title: str


@dataclass(frozen=True)
class ParityPlot:
    """One plot, ready to be drawn.

    Parameters
    ----------
    across, up : list of Tick
        The marks of both axes.
    points : list of Point
        The test rows.
    outside : int
        How many predictions lie beyond the axes.
    shown, rows : int
        How many test rows are drawn, and how many there are.
    """

    across: list[Tick]
    up: list[Tick]
    points: list[Point]
    outside: int
    shown: int
    rows: int


def parity_plots(entries: Sequence[Entry], ids: list[str], truth: NDArray[np.float64], unit: str) -> list[ParityPlot]:
    """Return the parity plot of each entry of one task.

    Parameters
    ----------
    entries : sequence of Entry
        The entries.
    ids : list of str
        The test ids, sorted.
    truth : ndarray of float, shape (n,)
        Their labels.
    unit : str
        The labels' unit, for tooltips.
    """
    predictions = [_by_seed(entry, len(ids)) for entry in entries]
    low, high = _bounds(truth, predictions)
    # Rounding the scale instead of each place keeps the diagonal exact.
    scale = (RIGHT - LEFT) / (high - low)
    marks = ticks(low, high)
    labels = tick_labels(marks)
    across = [Tick(_round(LEFT + (m - low) * scale), text) for m, text in zip(marks, labels, strict=True)]
    up = [Tick(_round(BOTTOM - (m - low) * scale), text) for m, text in zip(marks, labels, strict=True)]
    chosen = _chosen(truth)
    plots = []
    for values in predictions:
        mean, deviation = values.mean(axis=0), values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(ids))
        points = []
        for i in chosen:
            outside = not low <= mean[i] <= high
            title = f"{ids[i]}\ntrue {truth[i]:.4g}, predicted {mean[i]:.4g} {unit}"
            if deviation[i] > 1e-9 * (high - low):
                title += f"\nstandard deviation over seeds {deviation[i]:.2g}"
            points.append(
                Point(
                    x=_round(LEFT + (truth[i] - low) * scale),
                    y=_round(BOTTOM - (min(max(mean[i], low), high) - low) * scale),
                    bar=None if outside else _bar(BOTTOM - (mean[i] - low) * scale, deviation[i] * scale),
                    outside=bool(outside),
                    title=title,
                )
            )
        beyond = int(((mean < low) | (mean > high)).sum())
        plots.append(ParityPlot(across, up, points, beyond, len(chosen), len(ids)))
    return plots


def _by_seed(entry: Entry, n: int) -> NDArray[np.float64]:
    values: NDArray[np.float64] = entry.checked.predictions["prediction"].to_numpy().reshape(-1, n)
    return values


def _bounds(truth: NDArray[np.float64], predictions: list[NDArray[np.float64]]) -> tuple[float, float]:
    # One wild entry must not squeeze the others into a corner: the axis ends a quarter of the labels' range beyond.
    low, high = float(truth.min()), float(truth.max())
    reach = (high - low) or max(1.0, abs(high))
    means = [values.mean(axis=0) for values in predictions]
    low_wanted = min([low, *(float(m.min()) for m in means)])
    high_wanted = max([high, *(float(m.max()) for m in means)])
    low, high = max(low_wanted, low - 0.25 * reach), min(high_wanted, high + 0.25 * reach)
    return low - 0.06 * reach, high + 0.06 * reach


def _chosen(truth: NDArray[np.float64]) -> list[int]:
    if len(truth) <= MOST_POINTS:
        return list(range(len(truth)))
    order = np.argsort(truth, kind="stable")
    return sorted(int(i) for i in order[np.linspace(0, len(truth) - 1, MOST_POINTS).round().astype(int)])


def _bar(middle: float, half: float) -> tuple[float, float] | None:
    if half < 0.5:
        return None
    return _round(max(middle - half, TOP)), _round(min(middle + half, BOTTOM))


def _round(value: float) -> float:
    return round(float(value), 1)
