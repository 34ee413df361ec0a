"""Applying a fitted model to every configuration of a spec's spaces, in bounded memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.structures import structure_rows, structure_schema
from matbench_defects.discovery.histogram import RunningHistogram
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.configurations import Configurations, Part, decode, part_ids
from matbench_defects.enumeration.members import count_members
from matbench_defects.enumeration.orderly import generate
from matbench_defects.enumeration.sampling import sample
from matbench_defects.enumeration.stabilisers import Stabilisers
from matbench_defects.errors import InputError, nearest
from matbench_defects.execution.executor import Executor, ThisProcess, WorkerDied
from matbench_defects.models.model import Model, Prediction
from matbench_defects.models.portable import Portable
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.spaces import Conditions

ROWS = 32_768
"""Configurations that are held at a time by a model that needs no structures."""
STRUCTURES = 256
"""Structures that are built at a time for a model that needs them."""


@dataclass(frozen=True)
class Scope:
    """What of a spec's spaces is screened.

    Parameters
    ----------
    spaces : tuple of str
        Names of spaces; all where empty.
    contents : tuple of str
        Names of contents, such as ``Li6Va6``; all where empty.
    sample : int or None
        How many configurations are drawn uniformly at random; None for every one.
    seed : int
        Seed of the draw.
    """

    spaces: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    sample: int | None = None
    seed: int = 0


@dataclass
class Screened:
    """What a screening found.

    Parameters
    ----------
    best : list of dict
        The best configurations, best first: space, id, content, multiplicity, prediction and deviation.
    histograms : dict of str to RunningHistogram
        Predictions in each space.
    configurations : int
        How many were predicted.
    seconds : float
        What that took: enumeration, prediction and choice together.
    needs_structures : bool
        Whether structures had to be built.
    memory : int
        Most memory that this process has held so far, bytes; what fitting took is part of it.
    """

    best: list[dict[str, Any]] = field(default_factory=list)
    histograms: dict[str, RunningHistogram] = field(default_factory=dict)
    configurations: int = 0
    seconds: float = 0.0
    needs_structures: bool = False
    memory: int = 0

    @property
    def rate(self) -> float:
        """Configurations a second."""
        return self.configurations / self.seconds if self.seconds else 0.0


def screen(
    model: Model,
    background: Background,
    scope: Scope | None = None,
    *,
    top: int = 100,
    highest: bool = False,
    each_content: bool = False,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Screened:
    """Predict every configuration in scope and keep the best.

    Configurations come straight from the enumeration, a chunk at a time. A model that predicts from occupations is
    handed these; any other is handed rows with the ideal structures.

    Parameters
    ----------
    model : Model
        A fitted model.
    background : Background
        That of the rows which it was fitted on.
    scope : Scope, optional
        What is screened; everything where left out.
    top : int
        How many of the best are kept.
    highest : bool
        Whether high predictions are the best; else low ones.
    each_content : bool
        Whether the best of each content are kept, instead of the best of all.
    executor : Executor, optional
        Where predictions are computed; in this process where left out. Configurations are enumerated here and handed
        out in compact form, and what is found does not depend on the workers.
    progress : callable, optional
        Called with the number of finished configurations and of all (of a large space without its conditions).

    Raises
    ------
    InputError
        If there is no such space or content, a prediction is not a finite number, or workers die of it.
    """
    scope = scope or Scope()
    chosen = _chosen(background, scope)
    total = sum(_members(background, space, contents) for space, contents in chosen)
    total = total if scope.sample is None else min(total, scope.sample)
    found = Screened(needs_structures=not model.offers("occupation_values"))
    best = _Best(top, highest, each_content)
    start = time.perf_counter()
    pieces = (
        [(space.name, piece)]
        for space, part in _parts(background, chosen, scope)
        for piece in Configurations(space, (part,)).batches(STRUCTURES if found.needs_structures else ROWS)
    )
    shared = Portable(model), background
    with (executor or ThisProcess()).run(_predicted, pieces, shared=shared, ordered=True) as results:
        for (((name, piece), prediction),) in results:
            if isinstance(prediction, WorkerDied):
                raise InputError(f"{prediction.times} workers died while they predicted; out of memory perhaps")
            if not np.isfinite(prediction.values).all():
                raise InputError(f"the model predicted something that is not a finite number in {name}")
            best.add(background.spaces[name], piece, prediction)
            found.histograms.setdefault(name, RunningHistogram()).add(prediction.values, piece.multiplicities)
            found.configurations += len(piece)
            if progress:
                progress(found.configurations, total)
    found.seconds = time.perf_counter() - start
    found.best = best.rows()
    found.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return found


def _chosen(background: Background, scope: Scope) -> list[tuple[Space, list[Content]]]:
    spaces = background.spaces
    for name in scope.spaces:
        if name not in spaces:
            raise InputError(f"no space is called '{name}'; {nearest(name, spaces)}")
    result = []
    known: set[str] = set()
    for name, space in spaces.items():
        if not scope.spaces or name in scope.spaces:
            named = {space.content_name(content): content for content in space.contents()}
            known |= set(named)
            result.append((space, [c for n, c in named.items() if not scope.contents or n in scope.contents]))
    for name in scope.contents:
        if name not in known:
            raise InputError(f"no content is called '{name}'; {nearest(name, known)}")
    return [(space, contents) for space, contents in result if contents]


def _parts(
    background: Background, chosen: list[tuple[Space, list[Content]]], scope: Scope
) -> Iterator[tuple[Space, Part]]:
    """Yield every configuration, or a random sample of them, in pieces of one content."""
    if scope.sample is not None:
        counts = [_members(background, space, contents) for space, contents in chosen]
        drawn = _apportioned(counts, scope.sample, scope.seed)
        for (space, contents), number in zip(chosen, drawn, strict=True):
            where = _conditions(background, space)
            if number:
                taken = sample(space, number, scope.seed, contents=contents, where=where)
                yield from ((space, part) for part in taken.parts)
        return
    for space, contents in chosen:
        where = _conditions(background, space)
        met = Stabilisers(space, Checks.of(space, where))
        for content in contents:
            yield from ((space, part) for part in generate(space, content, where, ROWS, met))


def _conditions(background: Background, space: Space) -> Conditions | None:
    return background.spec.all_spaces()[space.family or space.name][0].configurations.where


def _members(background: Background, space: Space, contents: list[Content]) -> int:
    """Return how many configurations there are to screen; more than there are where conditions cannot be counted."""
    return count_members(space, _conditions(background, space), contents).inequivalent


def _apportioned(counts: list[int], number: int, seed: int) -> list[int]:
    """Draw how many of a uniform sample fall into each of several spaces."""
    total = sum(counts)
    if number >= total:
        return counts
    if total < 10**9:  # what numpy draws exactly
        return [int(n) for n in np.random.default_rng(seed).multivariate_hypergeometric(counts, number)]
    shares = np.array([count / total for count in counts])
    return [int(n) for n in np.random.default_rng(seed).multinomial(number, shares / shares.sum())]


def _predicted(item: tuple[str, Part], shared: tuple[Portable, Background]) -> Prediction:
    (name, part), (portable, background) = item, shared
    return _predict(portable.model, background, background.spaces[name], part)


def _predict(model: Model, background: Background, space: Space, part: Part) -> Prediction:
    if model.offers("occupation_values"):
        occupations = decode(space, part.content, part.placed)
        return Prediction(model.occupation_values(space, occupations, background.quantity.per))
    rows = structure_rows(Configurations(space, (part,)), background.spaces)
    schema = structure_schema(background.spaces)
    return model.predict(Rows.of(pa.Table.from_pylist(rows, schema), background))


class _Best:
    """The best configurations so far; of equal ones those that were enumerated first."""

    def __init__(self, top: int, highest: bool, each_content: bool) -> None:
        self.top = top
        self.sign = -1.0 if highest else 1.0
        self.each_content = each_content
        self._kept: dict[tuple[str, Content] | None, tuple[NDArray[np.float64], list[dict[str, Any]]]] = {}

    def add(self, space: Space, part: Part, prediction: Prediction) -> None:
        """Take what is better than the worst that is kept."""
        group = (space.name, part.content) if self.each_content else None
        order, rows = self._kept.get(group, (np.zeros(0), []))
        values = self.sign * prediction.values
        better = np.arange(len(values)) if len(rows) < self.top else np.flatnonzero(values < order[-1])
        better = better[np.argsort(values[better], kind="stable")[: self.top]]
        if not len(better):
            return
        ids = part_ids(space, Part(part.content, part.placed[:, better], part.multiplicities[better]))
        name = space.content_name(part.content)
        rows = rows + [
            {
                "space": space.name,
                "id": id_,
                "content": name,
                "multiplicity": int(part.multiplicities[i]),
                "prediction": float(prediction.values[i]),
                "deviation": None if prediction.deviation is None else float(prediction.deviation[i]),
            }
            for id_, i in zip(ids, better.tolist(), strict=True)
        ]
        order = np.concatenate([order, values[better]])
        kept = np.argsort(order, kind="stable")[: self.top]
        self._kept[group] = (order[kept], [rows[i] for i in kept.tolist()])

    def rows(self) -> list[dict[str, Any]]:
        """Return what is kept, groups one after another, best first in each."""
        return [row for _, rows in self._kept.values() for row in rows]
