"""How a function becomes a metric, a mean over rows, or a family of metrics with a number in their name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.evaluation.metrics.metric import Direction, Metric, Scored
from matbench_defects.registry import Registry

Compute = Callable[[Scored], float]
ByRow = Callable[[Scored], NDArray[np.float64]]
OfNumber = Callable[[Scored, int], float]


@dataclass(frozen=True)
class Family:
    """Metrics that differ by a whole number in their name, such as ``regret_5``.

    Parameters
    ----------
    pattern : re.Pattern
        Matches their names; its only group is the number.
    smallest : int
        The smallest number that makes sense.
    member : callable
        Takes the number, returns the metric.
    """

    pattern: re.Pattern[str]
    smallest: int
    member: Callable[[int], Metric]


class MetricRegistry(Registry[Metric]):
    """Metrics by name. Of a family, the usual members are listed and every other is found too."""

    def __init__(self, kind: str, package: str) -> None:
        super().__init__(kind, package)
        self.families: list[Family] = []

    def _member(self, name: str) -> Metric | None:
        for family in self.families:
            found = family.pattern.fullmatch(name)
            if found and int(found[1]) >= family.smallest:
                return family.member(int(found[1]))
        return None

    def __contains__(self, name: str) -> bool:
        return super().__contains__(name) or self._member(name) is not None

    def get(self, name: str) -> Metric:
        """Return what is registered as `name`, or the member of a family that is called so.

        Raises
        ------
        InputError
            If there is none; the message names the nearest known name.
        """
        if not super().__contains__(name):
            member = self._member(name)
            if member is not None:
                return member
        return super().get(name)


metrics = MetricRegistry("metric", "matbench_defects.evaluation.metrics")
"""Every registered metric, by name."""


def metric(name: str, *, title: str, direction: Direction, unit: str | None = None) -> Callable[[Compute], Compute]:
    """Return a decorator that registers a function as a metric; its docstring is the description."""

    def decorate(compute: Compute) -> Compute:
        metrics.register(name)(Metric(name, title, unit, direction, _description(compute), compute))
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
    """
    before, number, after = re.fullmatch(r"(.*)\{(\w+)\}(.*)", name).groups()  # type: ignore[union-attr]
    pattern = re.compile(re.escape(before) + "(0|[1-9][0-9]{0,6})" + re.escape(after))

    def decorate(compute: OfNumber) -> OfNumber:
        def member(value: int) -> Metric:
            words = {number: value}
            return Metric(
                name.format(**words),
                title.format(**words),
                unit,
                direction,
                _description(compute).format(**words),
                lambda scored: compute(scored, value),
            )

        metrics.families.append(Family(pattern, smallest, member))
        for value in usual:
            metrics.register(name.format(**{number: value}))(member(value))
        return compute

    return decorate


def _description(function: Callable[..., object]) -> str:
    return " ".join((function.__doc__ or "").split())
