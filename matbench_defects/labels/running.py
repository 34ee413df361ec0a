"""Running many labels: one single-threaded process a core, resumable, what is finished is kept."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from matbench_defects.crystal.hop import Hop
from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.engine import Engine, Method, Outcome, Row
from matbench_defects.labels.guards import Origin, checked, doubtful, too_near
from matbench_defects.labels.store import Key, Label, LabelStore

KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**33), "MALLOC_TOP_PAD_": str(2**28)}
"""Settings of glibc's allocator for processes that compute labels: memory that was freed is kept for the next step."""
SAVE_EVERY = 20.0
"""Finished labels are written at least this often, seconds."""


@dataclass(frozen=True)
class Job:
    """One label to compute.

    Parameters
    ----------
    id : str
        The configuration, or ``reference:<name>``.
    host : str
        Digest of the ideal host.
    crystal : Crystal
        The ideal structure.
    method : Method
        Engine, settings and relaxation.
    hop : Hop, optional
        The hop, of a pathway; its first end point is the crystal.
    origin : Origin, optional
        The configuration, of which a relaxed label is checked to have stayed what it was.
    """

    id: str
    host: str
    crystal: Crystal
    method: Method
    hop: Hop | None = None
    origin: Origin | None = None

    @property
    def key(self) -> Key:
        """What the label is looked up by."""
        return Key(self.id, self.method.digest(), self.host)

    def subject(self, of: str) -> Crystal | Hop | Row:
        """Return what an engine is given that labels structures, pathways or rows."""
        if of == "rows":
            return Row(self.id, self.crystal)
        return self.crystal if self.hop is None else self.hop


def run_jobs(
    jobs: list[Job],
    stores: list[LabelStore],
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Key, Label]:
    """Return the label of each job, computing those that no store has.

    Parameters
    ----------
    jobs : list of Job
        What is wanted.
    stores : list of LabelStore
        Where labels are looked for, in this order; what is computed is added to the last.
    workers : int, optional
        Processes; as many as there are cores where left out.
    progress : callable, optional
        Called with the number of computed labels and of those to compute, at the start and after each.

    Returns
    -------
    dict of Key to Label
        Failed calculations are labels with a `problem`; they never stop the run. Relaxed labels that were not
        compared with their configuration are, now.
    """
    found = known_labels(jobs, stores)
    missing = {job.key: job for job in jobs if job.key not in found}
    late = [
        label
        for key, label in found.items()
        if label is not stores[-1].get(key) and all(store.get(key) is None for store in stores[:-1])
    ]
    if late:
        stores[-1].add(late)
    if not missing:
        return found
    computed: list[Label] = []
    written, saved = 0, time.monotonic()
    try:
        if progress:
            progress(0, len(missing))
        for label in _compute_all(list(missing.values()), workers or available_cores()):
            computed.append(_guarded(label, missing[label.key]))
            if progress:
                progress(len(computed), len(missing))
            if time.monotonic() - saved > SAVE_EVERY:
                stores[-1].add(computed[written:])
                written, saved = len(computed), time.monotonic()
    finally:
        if written < len(computed):
            stores[-1].add(computed[written:])
    return found | {label.key: label for label in computed}


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


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compute_all(jobs: list[Job], workers: int) -> Iterator[Label]:
    context = multiprocessing.get_context("spawn")  # a forked torch can hang
    # The largest first, so that no core waits long for the last one.
    jobs = sorted(jobs, key=lambda job: (-len(job.crystal), job.id, job.method.name))
    jobs = [dataclasses.replace(job, origin=None) for job in jobs]  # what this process checks need not travel
    with _single_threaded_children():
        pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_start)
    with pool:
        try:
            with _single_threaded_children():
                futures: list[Future[Label]] = [pool.submit(compute_label, job) for job in jobs]
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise


@contextlib.contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Set what processes started inside read before they load a numerical library."""
    wanted = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # glibc gives large blocks back to the system and gets them again, page by page, at each step of a relaxation;
    # with these settings SevenNet needed 10 to 20 % less processor time on NCA. What the user has set stays.
    wanted |= {name: value for name, value in KEEP_MEMORY.items() if name not in os.environ}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    warnings.simplefilter("ignore")


_loaded: dict[str, Engine] = {}


def compute_label(job: Job) -> Label:
    """Compute one label in this process. A failure becomes the label's `problem`.

    Parameters
    ----------
    job : Job
        What to compute.
    """
    start = time.monotonic()
    outcome: Outcome | None = None
    name = repr(job.method.description()["settings"]) + job.method.engine
    engine = _loaded.get(name)
    if engine is None:
        engine = _loaded[name] = job.method.load()
    problem = too_near(job.crystal)
    if not problem:
        start = time.monotonic()
        try:
            outcome = engine.compute(job.subject(engine.labels), job.method.relax)
        except Exception as error:  # whatever a calculator raises is a fact about this structure
            problem = f"failed: {type(error).__name__}: {error}"[:500]
        else:
            problem = doubtful(outcome, job.method)
    if outcome is not None and not math.isfinite(outcome.energy):
        outcome = None
    return Label(
        key=job.key,
        engine_version=engine.version,
        level_of_theory=engine.level_of_theory,
        description=job.method.description(),
        outcome=outcome,
        problem=problem,
        seconds=time.monotonic() - start,
    )
