"""Running many labels: on this machine or on a cluster, resumable, what is finished is kept."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import Executor, WorkerDied, takes_batches
from matbench_defects.execution.local import LocalPool
from matbench_defects.labels.asking import Jobs, some_at_a_time
from matbench_defects.labels.batches import Costs, batches
from matbench_defects.labels.engine import ComputesTogether, Engine, GetsReady, KeepsFiles, Method, Outcome, engines
from matbench_defects.labels.guards import checked, doubtful, too_near
from matbench_defects.labels.job import Job
from matbench_defects.labels.kept_files import folder_of
from matbench_defects.labels.known import KnownLabels, compared
from matbench_defects.labels.known import known_labels as known_labels
from matbench_defects.labels.label import Key, Label
from matbench_defects.labels.store import LabelStore


def run_jobs(
    jobs: Iterable[Job],
    stores: Sequence[LabelStore],
    *,
    into: LabelStore | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    retry_failed: bool = False,
    wait: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> KnownLabels:
    """Return the label of each job, computing those that no store has.

    What is finished is on disk at once, in the journal of the store that is added to. So a run that is killed loses
    what its workers had at that moment, and nothing else. Neither jobs nor labels are held in memory, however many
    there are.

    Parameters
    ----------
    jobs : iterable of Job
        What is wanted; `Jobs` where there are too many for a list.
    stores : sequence of LabelStore
        Where labels are looked for, in this order.
    into : LabelStore, optional
        Which of them is added to; the last where left out.
    workers : int, optional
        Processes of this machine; as many as there are cores where left out.
    executor : Executor, optional
        Where labels are computed, instead of in processes of this machine.
    retry_failed : bool
        Whether labels are computed again whose calculation failed or did not converge.
    wait : bool
        Whether to wait for another process that adds labels to the same store, instead of refusing.
    progress : callable, optional
        Called with the number of computed labels and of those to compute, at the start and after each.

    Returns
    -------
    KnownLabels
        A mapping of keys to labels. Failed calculations are labels with a `problem`; they never stop the run. Relaxed
        labels that were not compared with their configuration are, now.

    Raises
    ------
    InputError
        If an engine cannot be loaded, another process adds labels to the same store, or a cluster is lost.
    """
    every = Jobs.of_all(jobs)
    into = stores[-1] if into is None else into  # an empty store is false
    others = [store for store in stores if store is not into]
    if not _changed(every, into, others) and not retry_failed:
        missing = _missing(every, into, others)
        # Where others have all that is wanted, it is no matter that somebody adds to this store just now.
        if not missing.jobs and (missing.elsewhere or not into.unmerged):
            return known_labels(every, stores)
    with into.adding(wait=wait):
        for some in some_at_a_time(_changed(every, into, others)):
            into.append(some)
        again = set[bytes]().union(*(store.failed() for store in stores)) if retry_failed else set[bytes]()
        missing = _missing(every, into, others, again)  # another process may have added some meanwhile
        if missing.jobs:
            _compute(every, into, others, again, missing, executor or LocalPool(workers), progress)
    return KnownLabels(every, stores, compared(every, stores), again, into)


def _changed(jobs: Jobs, into: LabelStore, others: Sequence[LabelStore]) -> list[Label]:
    """Return labels of one store alone that were not compared with their configuration, and are now."""
    return [label for key, label in compared(jobs, [into]).items() if not _has(others, [key.digest()])[0]]


@dataclasses.dataclass
class _Missing:
    """How many labels no store has, the atoms of their structures by method, and whether others have all there are."""

    jobs: int
    atoms: dict[str, int]
    elsewhere: bool


def _missing(jobs: Jobs, into: LabelStore, others: Sequence[LabelStore], again: Collection[bytes] = ()) -> _Missing:
    found = _Missing(0, {}, elsewhere=True)
    for some in some_at_a_time(jobs.largest_first()):
        digests = [ask.key.digest() for _, ask in some]
        elsewhere = _has(others, digests)
        found.elsewhere = found.elsewhere and bool(elsewhere.all())
        known = elsewhere | into.has(digests)
        for (atoms, ask), digest, there in zip(some, digests, known.tolist(), strict=True):
            if not there or digest in again:
                found.jobs += 1
                found.atoms[ask.key.method] = found.atoms.get(ask.key.method, 0) + atoms
    return found


def _has(stores: Sequence[LabelStore], digests: list[bytes]) -> NDArray[np.bool_]:
    found = np.zeros(len(digests), dtype=bool)
    for store in stores:
        found |= store.has(digests)
    return found


def _still_missing(jobs: Jobs, stores: Sequence[LabelStore], again: Collection[bytes]) -> Iterator[Job]:
    for some in some_at_a_time(jobs.largest_first()):
        digests = [ask.key.digest() for _, ask in some]
        for (_, ask), digest, there in zip(some, digests, _has(stores, digests).tolist(), strict=True):
            if not there or digest in again:
                yield ask.make()


def _compute(
    jobs: Jobs,
    into: LabelStore,
    others: Sequence[LabelStore],
    again: Collection[bytes],
    missing: _Missing,
    executor: Executor,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Compute what is missing. What is held are the jobs that workers have at the moment, and their configurations."""
    done = 0
    if progress:
        progress(0, missing.jobs)
    costs = Costs()
    for store in [into, *others]:
        costs.remember(store.timings())
    origins: dict[Key, Configuration | None] = {}

    def light() -> Iterator[Job]:
        for job in _still_missing(jobs, [into, *others], again):
            origins[job.key] = job.origin  # what this process checks stays here
            yield dataclasses.replace(job, origin=None, files=folder_of(job.key, into.path))

    drawn = batches(light(), costs, lambda: executor.workers, missing.atoms)
    with executor.run(compute_labels, drawn) as results:
        for pairs in results:
            labels = []
            for job, result in pairs:
                label = _given_up(job, result) if isinstance(result, WorkerDied) else result
                if not isinstance(result, WorkerDied):
                    costs.learn(job, label)
                origin = origins.pop(job.key, None)
                labels.append(label if origin is None else checked(label, origin))
            for _ in into.append(labels):
                done += 1
                if progress:
                    progress(done, missing.jobs)


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


_loaded: dict[str, Engine] = {}


def _engine(method: Method) -> Engine:
    """Return this process's engine of a method, made once.

    Raises
    ------
    InputError
        If it cannot be made: that is no fault of any structure.
    """
    name = repr([method.description()["settings"], method.moments, method.charge]) + method.engine
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
