"""What `discover` does and shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from matbench_defects.cli.progress import Progress
from matbench_defects.dataset.reading import Dataset, open_dataset
from matbench_defects.discovery.finished_searches import FinishedSearches
from matbench_defects.discovery.policies import policies
from matbench_defects.discovery.search import Hidden, Trace, check_policies, hide, search
from matbench_defects.discovery.search_figure import draw_regret
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import load_task
from matbench_defects.files import digest, write_json, write_text
from matbench_defects.hub.find import find_dataset
from matbench_defects.models.model import models
from matbench_defects.terminal import show_table


@dataclass(frozen=True)
class Plan:
    """How searches are run.

    Parameters
    ----------
    models : list of str
        The models; none where the policies need none.
    policies : list of str
        The policies; all that a model serves where empty.
    seeds : list of int
        One search each.
    start, batch, budget : int
        Labels at random first, between two fits, and at most.
    device : str
        ``cpu`` or ``cuda``.
    """

    models: list[str]
    policies: list[str]
    seeds: list[int]
    start: int
    batch: int
    budget: int
    device: str


def discover(
    where: str,
    console: Console,
    progress: Progress,
    plan: Plan,
    *,
    target: str | None,
    space: str | None,
    content: str | None,
    dataset: Path | None,
    out: Path,
) -> None:
    """Search for the lowest configuration under several policies; show and write how many labels that takes.

    What a killed run had finished is taken over, search by search.

    Parameters
    ----------
    where : str
        A task, whose dataset and target are taken, or a built dataset's folder.
    console : rich.console.Console
        Where the table is shown.
    progress : callable
        Given a title, a context manager that gives a function of done and total.
    plan : Plan
        Models, policies, seeds and numbers of labels.
    target : str or None
        What is to be lowest; the task's where left out.
    space, content : str or None
        What is searched, see `evaluation.searching.hide`.
    dataset : path or None
        The task's dataset, where the shipped one is not meant.
    out : path
        A folder for ``discovery.json``, ``discovery.csv`` and ``regret.png``.

    Raises
    ------
    InputError
        If something is not known, or a model does not serve a policy.
    """
    for name in plan.models:
        models.get(name)
    for name in plan.policies:
        policies.get(name)
    data, target = _what(where, target, dataset)
    hidden = hide(data, target, space, content)
    runs: dict[tuple[str, str | None], None] = {}
    chosen: list[str | None] = [*plan.models] or [None]
    for model in chosen:
        for policy in check_policies(plan.policies, model, hidden, start=plan.start, device=plan.device):
            runs[policy.name, None if policy.needs == "nothing" else model] = None
    identity = {
        "dataset": digest(data.manifest["files"]),
        "target": target,
        "space": space,
        "content": content,
        **{name: getattr(plan, name) for name in ("start", "batch", "budget", "device")},
    }
    finished = FinishedSearches(out, identity)
    traces: dict[str, list[Trace]] = {}
    for name, served_by in runs:
        policy = policies.get(name)
        title = policy.title if served_by is None else f"{policy.title}, {served_by}"
        for seed in plan.seeds:
            trace = finished.get(name, served_by, seed)
            if trace is None:
                with progress(f"{title}, seed {seed}") as show:
                    trace = search(
                        hidden,
                        policy,
                        served_by,
                        seed,
                        start=plan.start,
                        batch=plan.batch,
                        budget=plan.budget,
                        device=plan.device,
                        progress=show,
                    )
                finished.put(trace)
            traces.setdefault(title, []).append(trace)
    searched = ", ".join(filter(None, [space or hidden.pool.rows.column("space")[0], content]))
    _show(hidden, f"{data.name} {data.version}, {searched}", target, traces, console)
    about = {
        "dataset": f"{data.name}@{data.version}",
        "target": target,
        "unit": hidden.quantity.shown_unit,
        "space": space or hidden.pool.rows.column("space")[0],
        "content": content,
        "configurations": len(hidden.ids),
        "lowest": {"id": hidden.ids[int(hidden.values.argmin())], "value": float(hidden.values.min())},
        **{name: getattr(plan, name) for name in ("start", "batch", "budget", "device")},
    }
    every = [trace for of in traces.values() for trace in of]
    write_json(out / "discovery.json", {**about, "searches": [_plain(trace) for trace in every]})
    write_text(out / "discovery.csv", _table(every, hidden))
    draw_regret(out / "regret.png", f"Search for the lowest of {len(hidden.ids)}: {searched}", about["unit"], traces)
    finished.clear()
    console.print(f"Every search stands in {out}, with a picture: {out / 'regret.png'}", markup=False, soft_wrap=True)


def _what(where: str, target: str | None, dataset: Path | None) -> tuple[Dataset, str]:
    if (Path(where) / "manifest.json").is_file():
        data = open_dataset(where)
        if target is None:
            raise InputError(f"what is to be lowest? give --target: {', '.join(data.targets)}")
        return data, target
    task = load_task(where)
    return find_dataset(task.dataset_name, task.dataset_version, dataset), target or task.target


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
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["policy", "model", "seed", "labels", "id", f"regret ({hidden.quantity.shown_unit})"])
    for trace in traces:
        for i, (id_, regret) in enumerate(zip(trace.ids, trace.regret.tolist(), strict=True), start=1):
            writer.writerow([trace.policy, trace.model or "", trace.seed, i, id_, round(regret, 9)])
    return stream.getvalue()


def _show(hidden: Hidden, searched: str, target: str, traces: dict[str, list[Trace]], console: Console) -> None:
    console.print(
        f"{searched}: labels until the lowest {target} of {len(hidden.ids)} is found", markup=False, style="bold"
    )
    rows = []
    for title, of in sorted(traces.items(), key=lambda item: _median(item[1])):
        needed = [trace.labels_needed for trace in of if trace.labels_needed is not None]
        rows.append(
            [
                title,
                f"{len(needed)} of {len(of)}",
                "-" if np.isinf(_median(of)) else f"{_median(of):g}",
                str(min(needed, default="-")),
                str(max(needed)) if len(needed) == len(of) else "-",
                f"{np.mean([trace.regret[-1] for trace in of]):.3g}",
            ]
        )
    show_table(console, ["policy", "found", "median labels", "fewest", "most", "regret at the end"], rows)


def _median(traces: Sequence[Trace]) -> float:
    """Return the median number of labels, a search that found nothing counted as infinite."""
    needed = sorted(np.inf if trace.labels_needed is None else trace.labels_needed for trace in traces)
    middle = len(needed) // 2
    return needed[middle] if len(needed) % 2 else (needed[middle - 1] + needed[middle]) / 2
