"""Which differences between models are more than the luck of the test rows: a paired bootstrap."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.metrics import Metric, metrics
from matbench_defects.evaluation.scoring import ScoredPart, scored_parts
from matbench_defects.evaluation.task import Task

LEVEL = 0.95
"""Share of the resampled differences that an interval holds."""
_CHUNK = 10_000_000
"""Counts held at once."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """The metric of one result less that of another.

    Parameters
    ----------
    first, second : str
        The two results.
    value : float
        The difference on the test rows as they are.
    low, high : float
        Interval that holds 95 % of the differences on resampled rows; not-a-number where the metric is not defined.
    """

    first: str
    second: str
    value: float
    low: float
    high: float

    @property
    def names(self) -> tuple[str, str]:
        """The two results."""
        return self.first, self.second

    @property
    def tie(self) -> bool:
        """Whether the interval includes zero."""
        return bool(self.low <= 0 <= self.high)


@dataclass(frozen=True)
class ModelComparison:
    """Results on one task beside each other.

    Parameters
    ----------
    metric : Metric
        The task's first metric.
    values : dict of str to float
        Its value for each result, mean over the seeds; the best first, those without a value last.
    differences : list of Difference
        Of every pair, in the order of `values`.
    rows : int
        Number of test configurations.
    resamples, seed : int
        How often they were drawn, and the seed of the draws.
    """

    metric: Metric
    values: dict[str, float]
    differences: list[Difference]
    rows: int
    resamples: int
    seed: int
    level: float = LEVEL
    """Share of the resampled differences that an interval holds."""


def compare(
    task: Task,
    dataset: Dataset,
    predictions: Mapping[str, pa.Table],
    *,
    resamples: int = 5000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ModelComparison:
    """Compare results in the task's first metric by a paired bootstrap over the test configurations.

    As many configurations as there are, are drawn with replacement again and again; the same ones for every result,
    seed and fold. The metric is computed on them and averaged over seeds (and folds, where these are scored alone).
    Where 95 % of the differences of two results include zero, the two are tied. What this leaves out: another choice of
    training rows, and that many pairs are looked at.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    predictions : mapping of str to pyarrow.Table
        The predictions of each result, by what it is called.
    resamples : int
        How often configurations are drawn.
    seed : int
        Seed of the draws.
    progress : callable, optional
        Called with how many draws are done and how many there are.

    Raises
    ------
    InputError
        If there are fewer than two results, or predictions are not those of the task.
    """
    if len(predictions) < 2:
        raise InputError("one result is nothing to compare; give two at least, or the folder of a task with several")
    metric = metrics.get(task.metrics[0])
    parts = {}
    for name, table in predictions.items():
        try:
            parts[name] = scored_parts(task, dataset, table)
        except InputError as error:
            raise InputError(f"{name}: {error.message}") from None
    ids = sorted({id_ for part in next(iter(parts.values())) for id_ in part.ids})
    place = {id_: i for i, id_ in enumerate(ids)}
    where = {name: [np.array([place[id_] for id_ in part.ids]) for part in of] for name, of in parts.items()}
    found: dict[str, list[Floats]] = {name: [] for name in parts}
    generator = np.random.default_rng(seed)
    step, done = max(1, _CHUNK // len(ids)), 0
    while done < resamples:
        if progress:
            progress(done, resamples)
        counts = _draw(generator, min(step, resamples - done), len(ids))
        for name, of in parts.items():
            found[name].append(_resampled(metric, of, where[name], counts))
        done += len(counts)
    if progress:
        progress(resamples, resamples)
    drawn = {name: np.concatenate(values) for name, values in found.items()}
    means = {name: float(np.mean([metric(part.scored) for part in of])) for name, of in parts.items()}
    order = sorted(means, key=lambda name: (metric.sort_key(means[name]), name))
    differences = [_difference(a, b, means, drawn) for a, b in itertools.combinations(order, 2)]
    return ModelComparison(metric, {name: means[name] for name in order}, differences, len(ids), resamples, seed)


def _draw(generator: np.random.Generator, resamples: int, n: int) -> NDArray[np.int64]:
    """Return how often each of n configurations is drawn in each resample, shape (resamples, n)."""
    drawn = generator.integers(n, size=(resamples, n)) + n * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n)


def _resampled(
    metric: Metric, parts: Sequence[ScoredPart], where: Sequence[NDArray[np.int64]], counts: NDArray[np.int64]
) -> Floats:
    """Return the mean over the parts of the metric on each resample, shape (resamples,)."""
    total = np.zeros(len(counts))
    for part, places in zip(parts, where, strict=True):
        here = counts[:, places]
        if metric.by_row is not None:
            with np.errstate(invalid="ignore"):  # a fold of which no row was drawn
                total += metric.finish(here @ metric.by_row(part.scored) / here.sum(axis=1))
        else:
            every = np.arange(len(places))
            total += [metric(part.scored.take(np.repeat(every, one))) if one.any() else np.nan for one in here]
    return total / len(parts)


def _difference(first: str, second: str, means: Mapping[str, float], drawn: Mapping[str, Floats]) -> Difference:
    resampled = drawn[first] - drawn[second]
    resampled = resampled[np.isfinite(resampled)]
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(resampled) else (np.nan, np.nan)
    return Difference(first, second, means[first] - means[second], float(low), float(high))
