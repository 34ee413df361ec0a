"""Computing everything that a spec asks for: its labels, and what says how noisy they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from matbench_defects.dataset.plan import Plan
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import Executor
from matbench_defects.labels.asking import Jobs, some_at_a_time
from matbench_defects.labels.guards import kind_of_problem
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


def check_labels_fit(planned: Plan, store: LabelStore) -> None:
    """Refuse labels of which none is one that the spec asks for: another spec's, or of other ids.

    Raises
    ------
    InputError
        With an id and method of either side.
    """
    if not len(store):
        return
    for some in some_at_a_time(planned.jobs.keys()):
        if store.has([key.digest() for key in some]).any():
            return
    first, wanted = next(iter(store)), next(planned.jobs.keys(), None)
    engines = ", ".join(dict.fromkeys(method.engine for method in planned.methods))
    asked = "" if wanted is None else f", such as {wanted.id} by {engines}"
    raise InputError(
        f"holds {len(store)} labels, such as {first.key.id} by {first.description.get('engine')}, but none that "
        f"{planned.spec.name} asks for{asked}; id, ideal crystal and settings of the engine must be the same",
        file=str(store.path),
    )


def check_labels_usable(planned: Plan, found: KnownLabels, *, partial: bool) -> None:
    """Refuse to build where no label of a method can be used: its columns would be empty.

    Parameters
    ----------
    planned : Plan
        The spec.
    found : KnownLabels
        Its labels.
    partial : bool
        Whether some are still missing, so that it is enough if any method has one that can be used.

    Raises
    ------
    InputError
        At the label's place in the spec, with the problem that most of them have.
    """
    refused = [_unusable(found, planned.jobs.of(method.name)) for method in planned.methods]
    if partial and not all(refused):
        return
    for number, (method, reason) in enumerate(zip(planned.methods, refused, strict=True)):
        if reason:
            raise planned.spec.error(("labels", number), f"none of the labels by {method.name} can be used: {reason}")


def _unusable(found: KnownLabels, jobs: Jobs) -> str:
    """Return the problem that most labels have; nothing where one can be used, or there is none."""
    problems: Counter[str] = Counter()
    first: dict[str, str] = {}
    for some in some_at_a_time(jobs.keys()):
        labels = [label for label in found.get_many(some) if label is not None]
        if any(label.usable for label in labels):
            return ""
        for label in labels:
            kind = kind_of_problem(label.problem)
            problems[kind] += 1
            first.setdefault(kind, f"{label.key.id}: {label.problem}")
    if not problems:
        return ""
    kind, times = problems.most_common(1)[0]
    return f"{first[kind]} ({times} of {problems.total()} alike)"
