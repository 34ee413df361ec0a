"""Predictions that are nearer to the labels than a model can be: copies with noise, an offset or fewer digits.

The labels of the test rows are public, so nobody can tell a copy from a prediction; but an error below the noise of the
labels says nothing of a model, and is called what it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNMEASURED = 1e-3
"""Where the noise of the labels was not measured, this share of their spread stands for it: the best of our own models
come to twice as much, on the easiest of the tasks."""
ROUNDED = 0.9
"""The share of predictions that are the labels with fewer digits, from which on they are called that."""
CUT: dict[str, Callable[[Floats], Floats]] = {"rounded": np.round, "cut off": np.trunc}
"""How labels lose what stands behind the point."""
COPIED = 0.01
"""Half of the predictions nearer to the labels than this share of their noise are no predictions."""
FEWEST_RANKED = 50
"""So many rows, at least, are in the order of the labels only if their order was taken from these."""
FEWEST_STEPS = 10
"""The spread of the labels holds at least so many steps of the last digit; coarser ones hit by chance."""
PUBLIC = (
    "The labels of the test rows are public: an error speaks for a model only where others can fit it again and find "
    "the same."
)
"""What has to be said of every table."""


def noise_note(predictions: pa.Table, truth: Floats, noise: float | None) -> str:
    """Return what is to be said of predictions that are nearer to the labels than these are to themselves.

    Nothing where they are not; else a sentence such as ``its error is below the noise of the labels``.

    Parameters
    ----------
    predictions : pyarrow.Table
        As `check_predictions` returns them: for each seed every row, in the order of `truth`.
    truth : ndarray of float, shape (n,)
        The labels.
    noise : float or None
        Their noise in the same unit; None where it was not measured.
    """
    every = predictions["prediction"].to_numpy().reshape(-1, len(truth))
    spread = float(truth.std())
    if not spread:
        return ""
    floor, below = UNMEASURED * spread, "below a thousandth of the spread of the labels, whose noise was not measured"
    if noise is not None:
        floor, below = noise, "below the noise of the labels"
    if np.mean([np.abs(one - truth).mean() for one in every]) <= floor:
        return f"its error is {below}"
    if any(np.abs(straightened(one, truth) - truth).mean() <= floor for one in every):
        return f"its error would be {below} but for a shift and a scale"
    if any(np.median(np.abs(one - truth)) <= COPIED * floor for one in every):
        return f"half of its errors are below a hundredth of {below.removeprefix('below ')}"
    for how in CUT:
        digits = [_digits(one, truth, how) for one in every]
        if (fewest := min((d for d in digits if d is not None), default=None)) is not None:
            return f"its predictions are the labels, {how} to {fewest} decimals"
    if len(np.unique(truth)) == len(truth) >= FEWEST_RANKED:
        orders = np.argsort(every, axis=1, kind="stable")
        if (orders == np.argsort(truth)).all(axis=1).any():
            return f"it puts all {len(truth)} rows in the order of the labels"
    return ""


def straightened(prediction: Floats, truth: Floats) -> Floats:
    """Return predictions shifted and scaled so that they are nearest to the labels; constant ones as they are."""
    centred = prediction - prediction.mean()
    size = float(centred @ centred)
    if size <= 1e-18 * len(centred) * max(1.0, float(np.abs(prediction).max())) ** 2:
        return prediction
    return np.asarray(truth.mean() + centred * float(centred @ truth) / size)


def _digits(prediction: Floats, truth: Floats, how: str) -> int | None:
    """Return to how many decimals predictions are the labels with fewer digits; None where they are not."""
    for digits in range(12):
        step = 10.0**-digits
        if FEWEST_STEPS * step > truth.std():
            continue
        if np.allclose(prediction, np.round(prediction, digits), rtol=0, atol=1e-6 * step):
            same = np.abs(prediction - CUT[how](truth / step) * step) < 1e-3 * step
            return digits if same.mean() >= ROUNDED else None
    return None
