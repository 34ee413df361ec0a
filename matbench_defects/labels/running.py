"""Running many labels: on this machine or on a cluster, resumable, what is finished is kept."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from matbench_defects.errors import InputError
from matbench_defects.execution.executor import Executor, WorkerDied, takes_batches
from matbench_defects.execution.local import LocalPool
from matbench_defects.labels.batches import Costs, batches
from matbench_defects.labels.engine import ComputesTogether, Engine, GetsReady, KeepsFiles, Method, Outcome, engines
from matbench_defects.labels.guards import checked, doubtful, too_near
from matbench_defects.labels.job import Job
from matbench_defects.labels.kept_files import folder_of
from matbench_defects.labels.store import Key, Label, LabelStore

MERGE_EVERY = 60.0
"""While labels are computed, the table is written at most this often, seconds; the journal beside it is at once."""
MERGE_SHARE = 0.02
"""And it takes at most this share of the time to write it."""


def run_jobs(
    jobs: list[Job],
    stores: list[LabelStore],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    retry_failed: bool = False,
    wait: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Key, Label]:
    """Return the label of each job, computing those that no store has.

    What is finished is on disk at once, beside the last store's table, and in that table at the end or when the next
    run begins. So a run that is killed loses what its workers had at that moment, and nothing else.

    Parameters
    ----------
    jobs : list of Job
        What is wanted.
    stores : list of LabelStore
        Where labels are looked for, in this order; what is computed is added to the last.
    workers : int, optional
        Processes of this machine; as many as there are cores where left out.
    executor : Executor, optional
        Where labels are computed, instead of in processes of this machine.
    retry_failed : bool
        Whether labels are computed again whose calculation failed or did not converge.
    wait : bool
        Whether to wait for another process that adds labels to the last store, instead of refusing.
    progress : callable, optional
        Called with the number of computed labels and of those to compute, at the start and after each.

    Returns
    -------
    dict of Key to Label
        Failed calculations are labels with a `problem`; they never stop the run. Relaxed labels that were not
        compared with their configuration are, now.

    Raises
    ------
    InputError
        If an engine cannot be loaded, another process adds labels to the last store, or a cluster is lost.
    """
    found, late = _found(jobs, stores, retry_failed)
    if not late and all(job.key in found for job in jobs):
        # Where others have all that is wanted, it is no matter that somebody adds to the last store just now.
        elsewhere = all(any(store.get(job.key) is not None for store in stores[:-1]) for job in jobs)
        if elsewhere or not stores[-1].unmerged:
            return found
    with stores[-1].adding(wait=wait):
        found, late = _found(jobs, stores, retry_failed)  # another process may have added some meanwhile
        if late:
            stores[-1].add(late)
        missing = {job.key: job for job in jobs if job.key not in found}
        if missing:
            known = [label for store in stores for label in store]
            found |= _computed(missing, known, stores[-1], executor or LocalPool(workers), progress)
    return found


def _found(jobs: list[Job], stores: list[LabelStore], retry_failed: bool) -> tuple[dict[Key, Label], list[Label]]:
    """Return the known labels, and those of them that no store has as they are now."""
    found = known_labels(jobs, stores)
    late = [
        label
        for key, label in found.items()
        if label is not stores[-1].get(key) and all(store.get(key) is None for store in stores[:-1])
    ]
    if retry_failed:
        found = {key: label for key, label in found.items() if not label.failed}
    return found, late


def _computed(
    missing: dict[Key, Job],
    known: list[Label],
    store: LabelStore,
    executor: Executor,
    progress: Callable[[int, int], None] | None,
) -> dict[Key, Label]:
    computed: dict[Key, Label] = {}
    if progress:
        progress(0, len(missing))
    costs = Costs(known)
    # What this process checks stays here.
    light = [dataclasses.replace(job, origin=None, files=folder_of(key, store.path)) for key, job in missing.items()]
    drawn = batches(light, costs, lambda: executor.workers)
    merged, pause = time.monotonic(), MERGE_EVERY
    with executor.run(compute_labels, drawn) as results:
        for pairs in results:
            labels = []
            for job, result in pairs:
                label = _given_up(job, result) if isinstance(result, WorkerDied) else result
                if not isinstance(result, WorkerDied):
                    costs.learn(job, label)
                labels.append(_guarded(label, missing[job.key]))
            for label in store.append(labels):
                computed[label.key] = label
                if progress:
                    progress(len(computed), len(missing))
            if time.monotonic() - merged > pause:
                start = time.monotonic()
                store.merge()
                merged = time.monotonic()
                pause = max(MERGE_EVERY, (merged - start) / MERGE_SHARE)
    return computed


def _given_up(job: Job, died: WorkerDied) -> Label:
    return Label(
        key=job.key,
        engine_version="unknown",
        level_of_theory=engines.get(job.method.engine).level_of_theory,
        description=job.method.description(),
        outcome=None,
        problem=f"failed: {died.times} workers died while they computed it; out of memory perhaps",
        seconds=0.0,
    )


def _guarded(label: Label, job: Job) -> Label:
    return label if job.origin is None else checked(label, job.origin)


def known_labels(jobs: list[Job], stores: list[LabelStore]) -> dict[Key, Label]:
    """Return the label of each job that some store has, compared with its configuration; the first store counts.

    Parameters
    ----------
    jobs : list of Job
        What is wanted.
    stores : list of LabelStore
        Where labels are looked for, in this order.
    """
    found: dict[Key, Label] = {}
    for job in jobs:
        known = next((label for store in stores if (label := store.get(job.key)) is not None), None)
        if known is not None:
            found[job.key] = _guarded(known, job)
    return found


_loaded: dict[str, Engine] = {}


def _engine(method: Method) -> Engine:
    """Return this process's engine of a method, made once.

    Raises
    ------
    InputError
        If it cannot be made: that is no fault of any structure.
    """
    name = repr(method.description()["settings"]) + method.engine
    if name not in _loaded:
        engine = method.load()
        if isinstance(engine, GetsReady):
            try:
                engine.make_ready()
            except InputError:
                raise
            except Exception as error:  # whatever a calculator raises
                reason = f"{type(error).__name__}: {error}".partition("\n")[0]
                raise InputError(f"the engine {method.engine} cannot be loaded: {reason[:500]}") from error
        _loaded[name] = engine
    return _loaded[name]


def forget_engines() -> None:
    """Let every engine of this process be made anew when it is next asked."""
    _loaded.clear()


def compute_label(job: Job) -> Label:
    """Compute one label in this process, as `compute_labels` does."""
    (label,) = compute_labels([job])
    return label


@takes_batches
def compute_labels(jobs: Sequence[Job], shared: None = None) -> list[Label]:
    """Compute labels in this process, whose engines are kept. A failure becomes a label's `problem`.

    Parameters
    ----------
    jobs : sequence of Job
        What to compute. Those of one method that follow each other are computed together where their engine can.
    shared : None
        Labels share nothing.

    Raises
    ------
    InputError
        If an engine cannot be loaded at all.
    """
    labels: list[Label] = []
    for _, group in groupby(jobs, key=lambda job: job.key.method):
        of_one_method = list(group)
        engine = _engine(of_one_method[0].method)
        together = isinstance(engine, ComputesTogether) and len(of_one_method) > 1
        results = _together(engine, of_one_method) if together else [_alone(engine, job) for job in of_one_method]
        labels += [_label(engine, job, *result) for job, result in zip(of_one_method, results, strict=True)]
    return labels


Found = Outcome | Exception | str
"""What came of a calculation: an outcome, what it raised, or why it was not begun."""


def _alone(engine: Engine, job: Job) -> tuple[Found, float]:
    """Return what one label came to, and its seconds."""
    if near := too_near(job.crystal):
        return near, 0.0
    start = time.monotonic()
    found: Found
    try:
        if isinstance(engine, KeepsFiles):
            engine.begin(job.files)
        found = engine.compute(job.given(engine.labels), job.method.relax)
    except Exception as error:  # whatever a calculator raises is a fact about this structure
        found = error
    return found, time.monotonic() - start


def _together(engine: Any, jobs: list[Job]) -> list[tuple[Found, float]]:
    """Return what each of several labels came to, and its share of the seconds, which goes with atoms times calls."""
    start = time.monotonic()
    found: list[Found] = [too_near(job.crystal) for job in jobs]
    begun = [place for place, near in enumerate(found) if not near]
    try:
        subjects = [jobs[place].given(engine.labels) for place in begun]
        outcomes = engine.compute_together(subjects, jobs[0].method.relax)
    except Exception:  # one after another it shows whose fault that is
        return [_alone(engine, job) for job in jobs]
    for place, outcome in zip(begun, outcomes, strict=True):
        found[place] = outcome
    work = [
        0 if isinstance(each, str) else len(job.crystal) * (each.steps + 1 if isinstance(each, Outcome) else 1)
        for each, job in zip(found, jobs, strict=True)
    ]
    seconds = (time.monotonic() - start) / max(sum(work), 1)
    return [(each, seconds * its_work) for each, its_work in zip(found, work, strict=True)]


def _label(engine: Engine, job: Job, found: Found, seconds: float) -> Label:
    outcome = found if isinstance(found, Outcome) else None
    if isinstance(found, Outcome):
        problem = doubtful(found, job.method)
    elif isinstance(found, Exception):
        problem = f"failed: {type(found).__name__}: {found}"[:500]
    else:
        problem = found
    return Label(
        key=job.key,
        engine_version=engine.version,
        level_of_theory=engine.level_of_theory,
        description=job.method.description(),
        outcome=None if outcome is not None and not math.isfinite(outcome.energy) else outcome,
        problem=problem,
        seconds=seconds,
    )
