"""Computing everything that a spec asks for: its labels, and what says how noisy they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from matbench_defects.dataset.plan import Plan
from matbench_defects.execution.executor import Executor
from matbench_defects.labels.job import Job
from matbench_defects.labels.known import KnownLabels, known_labels
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import LabelStore


def labels_there(planned: Plan, stores: Sequence[LabelStore]) -> KnownLabels:
    """Return what some store has of all that a spec asks for; the first store counts."""
    jobs = planned.jobs.followed_by(planned.further_jobs())
    found = known_labels(jobs, stores)
    later = later_jobs(planned, found)
    return known_labels(jobs.followed_by(later), stores) if later else found


def later_jobs(planned: Plan, found: KnownLabels) -> list[Job]:
    """Return what goes on where labels ended that are found: tighter relaxations, and labels on their structures."""
    return [*planned.tightened_jobs(found), *planned.following_jobs(found)]


def compute_labels(
    planned: Plan,
    stores: Sequence[LabelStore],
    *,
    into: LabelStore | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    retry_failed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> KnownLabels:
    """Compute what no store has of all that a spec asks for, the labels first; parameters as for `run_jobs`.

    What goes on where labels ended comes last, for it needs the labels.

    Raises
    ------
    InputError
        As `run_jobs`.
    """

    def run(jobs: Iterable[Job]) -> KnownLabels:
        return run_jobs(
            jobs,
            stores,
            into=into,
            workers=workers,
            executor=executor,
            retry_failed=retry_failed,
            progress=progress,
        )

    jobs = planned.jobs.followed_by(planned.further_jobs())
    found = run(jobs)
    if not (later := later_jobs(planned, found)):
        return found
    run(later)
    return found.of(jobs.followed_by(later))
