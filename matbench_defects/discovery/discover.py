"""Simulated searches for the lowest configuration, several policies and seeds; the result is written to a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from matbench_defects.csv_text import csv_text
from matbench_defects.dataset.reading import Dataset
from matbench_defects.discovery.finished_searches import FinishedSearches
from matbench_defects.discovery.policies import policies
from matbench_defects.discovery.search import Hidden, Trace, check_policies, hide, search
from matbench_defects.discovery.search_figure import draw_regret
from matbench_defects.errors import InputError
from matbench_defects.files import check_replaceable, digest, write_json, write_text
from matbench_defects.models.model import models
from matbench_defects.plotting import html_table

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Given a title, a context manager that gives a function of done and total."""


@dataclass(frozen=True)
class SearchOptions:
    """How searches for the lowest configuration are run.

    Parameters
    ----------
    models : sequence of str
        The models; none where the policies need none.
    policies : sequence of str
        The policies; all that the models serve where empty.
    seeds : sequence of int
        One search each.
    start, batch, budget : int
        Labels at random first, between two fits, and at most.
    space, content : str, optional
        What is searched, see `discovery.search.hide`.
    device : str
        ``cpu`` or ``cuda``.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.SearchOptions(policies=["random"], budget=20).seeds
    (0, 1, 2, 3, 4)
    """

    models: Sequence[str] = ()
    policies: Sequence[str] = ()
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    start: int = 5
    batch: int = 5
    budget: int = 200
    space: str | None = None
    content: str | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("models", "policies"):
            if isinstance(getattr(self, name), str):
                raise InputError(f"`{name}` is a list of names, not '{getattr(self, name)}'")
        for name, least in (("start", 1), ("batch", 1), ("budget", 1)):
            if getattr(self, name) < least:
                raise InputError(f"`{name}` is {getattr(self, name)}, but must be at least {least}")
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"`seeds` are {list(self.seeds)}, but must be one or more different numbers from 0")

    def numbers(self) -> dict[str, Any]:
        """Return what every search depends on besides policy, model, seed and what is searched."""
        return {name: getattr(self, name) for name in ("start", "batch", "budget", "device")}


@dataclass(frozen=True)
class PolicySummary:
    """What the searches of one policy took.

    Parameters
    ----------
    title : str
        The policy, with its model.
    searches, found : int
        How many searches there were, and how many found the lowest configuration.
    median : float
        Median number of labels, a search that found nothing counted as infinite.
    fewest, most : int or None
        Of the searches that found it; `most` only where all did.
    regret : float
        Mean over the searches of the lowest label minus the lowest of all, at the end.
    """

    title: str
    searches: int
    found: int
    median: float
    fewest: int | None
    most: int | None
    regret: float


@dataclass(frozen=True)
class Discovery:
    """Searches of one pool of configurations.

    Parameters
    ----------
    dataset, target, searched : str
        The dataset with its version; what was to be lowest; the space, and the content if only one was searched.
    hidden : Hidden
        What was searched, with its labels.
    traces : dict of str to list of Trace
        The searches of each policy, one a seed.
    folder : path
        Holds ``discovery.json``, ``discovery.csv`` and ``regret.png``.
    """

    dataset: str
    target: str
    searched: str
    hidden: Hidden
    traces: dict[str, list[Trace]]
    folder: Path

    @property
    def picture(self) -> Path:
        """Regret against the number of labels."""
        return self.folder / "regret.png"

    def summaries(self) -> list[PolicySummary]:
        """Return what each policy took, the one that needs the fewest labels first."""
        found = [_summary(title, traces) for title, traces in self.traces.items()]
        return sorted(found, key=lambda one: one.median)

    def __repr__(self) -> str:
        lines = [f"{one.title}: {one.median:g} labels" for one in self.summaries()]
        return f"<Discovery of the lowest {self.target} of {len(self.hidden.ids)}: {'; '.join(lines)}>"

    def _repr_html_(self) -> str:
        rows = [(x.title, f"{x.found} of {x.searches}", f"{x.median:g}", f"{x.regret:.3g}") for x in self.summaries()]
        return html_table(("policy", "found", "median labels", "regret at the end"), rows, self.searched)


def discover(
    dataset: Dataset, target: str, options: SearchOptions, out: Path, progress: Progress | None = None
) -> Discovery:
    """Search for the lowest configuration under several policies, and write how many labels that takes.

    If killed, run it again: only searches that were not finished are run.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    target : str
        What is to be lowest.
    options : SearchOptions
        Models, policies, seeds and numbers of labels.
    out : path
        A folder for ``discovery.json``, ``discovery.csv`` and ``regret.png``.
    progress : callable, optional
        Given the title of a search, a context manager that gives a function of labels done and at most.

    Raises
    ------
    InputError
        If something is not known, or a model does not serve a policy.
    """
    for name in options.models:
        models.get(name)
    for name in options.policies:
        policies.get(name)
    check_replaceable(out, "discovery.json", "a comparison of searches", "another --out")
    hidden = hide(dataset, target, options.space, options.content)
    identity = {
        "dataset": digest(dataset.manifest["files"]),
        "target": target,
        "space": options.space,
        "content": options.content,
        **options.numbers(),
    }
    finished = FinishedSearches(out, identity)
    traces = _searches(hidden, options, finished, progress or (lambda title: nullcontext(_say_nothing)))
    space = options.space or hidden.pool.rows.column("space")[0]
    searched = ", ".join(filter(None, [space, options.content]))
    found = Discovery(f"{dataset.name} {dataset.version}", target, searched, hidden, traces, out)
    _write(found, f"{dataset.name}@{dataset.version}", space, options)
    finished.clear()
    return found


def _say_nothing(done: int, total: int) -> None:
    """Stand for a progress that nobody asked for."""


def _searches(
    hidden: Hidden, options: SearchOptions, finished: FinishedSearches, progress: Progress
) -> dict[str, list[Trace]]:
    """Run every search that is not finished."""
    runs: dict[tuple[str, str | None], None] = {}
    chosen: list[str | None] = [*options.models] or [None]
    for model in chosen:
        served = check_policies(list(options.policies), model, hidden, start=options.start, device=options.device)
        for policy in served:
            runs[policy.name, None if policy.needs == "nothing" else model] = None
    traces: dict[str, list[Trace]] = {}
    for name, served_by in runs:
        policy = policies.get(name)
        title = policy.title if served_by is None else f"{policy.title}, {served_by}"
        for seed in options.seeds:
            trace = finished.get(name, served_by, seed)
            if trace is None:
                with progress(f"{title}, seed {seed}") as show:
                    trace = search(hidden, policy, served_by, seed, **options.numbers(), progress=show)
                finished.put(trace)
            traces.setdefault(title, []).append(trace)
    return traces


def _write(found: Discovery, dataset: str, space: str, options: SearchOptions) -> None:
    hidden, unit = found.hidden, found.hidden.quantity.shown_unit
    about = {
        "dataset": dataset,
        "target": found.target,
        "unit": unit,
        "space": space,
        "content": options.content,
        "configurations": len(hidden.ids),
        "lowest": {"id": hidden.ids[int(hidden.values.argmin())], "value": float(hidden.values.min())},
        **options.numbers(),
    }
    every = [trace for of in found.traces.values() for trace in of]
    write_json(found.folder / "discovery.json", {**about, "searches": [_plain(trace) for trace in every]})
    write_text(found.folder / "discovery.csv", _table(every, hidden))
    title = f"Search for the lowest of {len(hidden.ids)}: {found.searched}"
    draw_regret(found.picture, title, unit, found.traces)


def _plain(trace: Trace) -> dict[str, Any]:
    return {
        "policy": trace.policy,
        "model": trace.model,
        "seed": trace.seed,
        "labels_needed": trace.labels_needed,
        "ids": trace.ids,
        "regret": [round(float(value), 9) for value in trace.regret],
    }


def _table(traces: Sequence[Trace], hidden: Hidden) -> str:
    lines: list[list[Any]] = [["policy", "model", "seed", "labels", "id", f"regret ({hidden.quantity.shown_unit})"]]
    for trace in traces:
        for i, (id_, regret) in enumerate(zip(trace.ids, trace.regret.tolist(), strict=True), start=1):
            lines.append([trace.policy, trace.model or "", trace.seed, i, id_, round(regret, 9)])
    return csv_text(lines)


def _summary(title: str, traces: Sequence[Trace]) -> PolicySummary:
    needed = [trace.labels_needed for trace in traces if trace.labels_needed is not None]
    every = sorted(np.inf if trace.labels_needed is None else trace.labels_needed for trace in traces)
    middle = len(every) // 2
    return PolicySummary(
        title,
        len(traces),
        len(needed),
        float(every[middle] if len(every) % 2 else (every[middle - 1] + every[middle]) / 2),
        min(needed, default=None),
        max(needed) if len(needed) == len(traces) else None,
        float(np.mean([trace.regret[-1] for trace in traces])),
    )
