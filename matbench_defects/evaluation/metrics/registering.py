"""How a function becomes a metric, a mean over rows, or a family of metrics with a number in their name."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from matbench_defects.evaluation.metrics.metric import Basis, Direction, Metric, Scored
from matbench_defects.registry import Registry

Compute = Callable[[Scored], float]
ByRow = Callable[[Scored], NDArray[np.float64]]
OfNumber = Callable[[Scored, int], float]


metrics: Registry[Metric] = Registry("metric", "matbench_defects.evaluation.metrics")
"""Every registered metric, by name. Of a family the usual members are listed and every other is found too."""


def metric(
    name: str, *, title: str, direction: Direction, unit: str | None = None, basis: Basis | None = None
) -> Callable[[Compute], Compute]:
    """Return a decorator that registers a function as a metric; its docstring is the description."""

    def decorate(compute: Compute) -> Compute:
        found = Metric(name, title, unit, direction, _description(compute), compute, basis=basis)
        metrics.register(name)(found)
        return compute

    return decorate


def mean_metric(
    name: str,
    *,
    title: str,
    direction: Direction,
    unit: str | None = None,
    of_mean: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> Callable[[ByRow], ByRow]:
    """Return a decorator that registers a mean over rows, or a function of it, as a metric.

    Parameters
    ----------
    name, title, direction, unit
        As for `Metric`.
    of_mean : callable, optional
        What is taken of the mean, elementwise.
    """

    def decorate(by_row: ByRow) -> ByRow:
        def compute(scored: Scored) -> float:
            mean = by_row(scored).mean()
            return float(mean if of_mean is None else of_mean(mean))

        metrics.register(name)(
            Metric(name, title, unit, direction, _description(by_row), compute, by_row=by_row, of_mean=of_mean)
        )
        return by_row

    return decorate


def metric_family(
    name: str,
    *,
    title: str,
    direction: Direction,
    usual: tuple[int, ...],
    smallest: int = 1,
    unit: str | None = None,
    basis: Callable[[int], Basis] | None = None,
) -> Callable[[OfNumber], OfNumber]:
    """Return a decorator that registers a function of rows and a whole number as a family of metrics.

    Parameters
    ----------
    name, title : str
        With the number's name in braces, ``regret_{k}``; so may the docstring.
    direction, unit
        As for `Metric`.
    usual : tuple of int
        The members that are listed.
    smallest : int
        The smallest number that makes sense.
    basis : callable, optional
        Takes the number, returns what the metric is an average over.
    """
    before, number, after = re.fullmatch(r"(.*)\{(\w+)\}(.*)", name).groups()  # type: ignore[union-attr]

    def decorate(compute: OfNumber) -> OfNumber:
        @metrics.family(before, after, members=lambda: map(str, usual))
        def member(digits: str) -> Metric | None:
            if not re.fullmatch("0|[1-9][0-9]{0,6}", digits) or int(digits) < smallest:
                return None
            value = int(digits)
            words = {number: value}
            return Metric(
                name.format(**words),
                title.format(**words),
                unit,
                direction,
                _description(compute).format(**words),
                lambda scored: compute(scored, value),
                basis=None if basis is None else basis(value),
            )

        return compute

    return decorate


def _description(function: Callable[..., object]) -> str:
    return " ".join((function.__doc__ or "").split())
