"""Computing everything that a spec asks for: its labels, and what says how noisy they are."""

from __future__ import annotations

from collections.abc import Callable

from matbench_defects.dataset.plan import Plan
from matbench_defects.execution.executor import Executor
from matbench_defects.labels.job import Job
from matbench_defects.labels.running import known_labels, run_jobs
from matbench_defects.labels.store import Key, Label, LabelStore


def labels_there(planned: Plan, stores: list[LabelStore]) -> dict[Key, Label]:
    """Return what some store has of all that a spec asks for; the first store counts."""
    found = known_labels([*planned.jobs, *planned.further_jobs()], stores)
    return found | known_labels(planned.tightened_jobs(found), stores)


def compute_labels(
    planned: Plan,
    stores: list[LabelStore],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    retry_failed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Key, Label]:
    """Compute what no store has of all that a spec asks for, the labels first; parameters as for `run_jobs`.

    Relaxations that go on where labels ended come last, for they need the labels.

    Raises
    ------
    InputError
        As `run_jobs`.
    """

    def run(jobs: list[Job]) -> dict[Key, Label]:
        return run_jobs(jobs, stores, workers=workers, executor=executor, retry_failed=retry_failed, progress=progress)

    found = run([*planned.jobs, *planned.further_jobs()])
    return found | run(planned.tightened_jobs(found))
