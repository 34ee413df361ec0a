"""What a metric is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from matbench_defects.registry import Registry


@dataclass(frozen=True)
class Scored:
    """Predictions beside the truth, for the rows of one test part.

    Parameters
    ----------
    truth : ndarray of float, shape (n,)
        The labels, in the target's unit.
    prediction : ndarray of float, shape (n,)
        The predictions, in the same unit and row order.
    deviation : ndarray of float, shape (n,), or None
        Predicted standard deviations, where the model gives them.
    content : ndarray of str, shape (n,)
        Space and content of each row; rows of one content are competing arrangements of the same atoms.
    multiplicity : ndarray of int, shape (n,)
        Number of equivalent configurations.
    """

    truth: NDArray[np.float64]
    prediction: NDArray[np.float64]
    deviation: NDArray[np.float64] | None
    content: NDArray[np.str_]
    multiplicity: NDArray[np.int64]

    def by_content(self, smallest: int) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of each content that has at least `smallest` rows of different truth."""
        for name in np.unique(self.content):
            rows = np.flatnonzero(self.content == name)
            if len(rows) >= smallest and np.ptp(self.truth[rows]) > 0:
                yield rows


@dataclass(frozen=True)
class Metric:
    """One number that says how good predictions are.

    Parameters
    ----------
    name : str
        Its name in tasks.
    title : str
        Its name for people.
    unit : str or None
        Its unit; None where it is the target's.
    direction : {"lower", "higher"}
        Which way is better.
    description : str
        What it is, and where it comes from.
    compute : callable
        Takes `Scored`, returns a float; not-a-number where it is not defined for these rows.
    """

    name: str
    title: str
    unit: str | None
    direction: Literal["lower", "higher"]
    description: str
    compute: Callable[[Scored], float]

    def __call__(self, scored: Scored) -> float:
        """Return the metric's value."""
        return float(self.compute(scored))


metrics: Registry[Metric] = Registry("metric", "matbench_defects.evaluation.metrics")
"""Every registered metric, by name."""


def metric(
    name: str, *, title: str, direction: Literal["lower", "higher"], unit: str | None = None
) -> Callable[[Callable[[Scored], float]], Callable[[Scored], float]]:
    """Return a decorator that registers a function as a metric; its docstring is the description."""

    def decorate(compute: Callable[[Scored], float]) -> Callable[[Scored], float]:
        description = " ".join((compute.__doc__ or "").split())
        metrics.register(name)(Metric(name, title, unit, direction, description, compute))
        return compute

    return decorate
