"""Which labels a worker takes together: as many as take a few seconds, by what labels have taken so far."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from matbench_defects.labels.asking import Jobs
from matbench_defects.labels.engine import taken_at_once
from matbench_defects.labels.job import Job
from matbench_defects.labels.label import Label
from matbench_defects.labels.store import Timing

BATCH_SECONDS = 2.0
"""What a batch should take: long beside handing it out, short beside what anyone minds computing again."""
LARGEST_BATCH = 256
"""Most labels in a batch."""
TIMES_AT_ONCE = 4
"""An engine that takes several structures at once gets so many times as many: what has ended then makes room for the
next, and only the last few run with fewer. A batch may take longer than `BATCH_SECONDS` for that."""
REMEMBERED = 20.0
"""Labels of earlier runs, perhaps on another machine, count as so many at most."""


class Costs:
    """What a label will take, estimated from the number of its atoms and from labels of the same method.

    Time goes with the number of atoms for potentials of finite range; for other engines the estimate is coarse, which
    only makes batches longer or shorter.

    Parameters
    ----------
    known : iterable of Label
        Labels of earlier runs.
    """

    def __init__(self, known: Iterable[Label] = ()) -> None:
        self._labels: defaultdict[str, float] = defaultdict(float)
        self._atoms: defaultdict[str, float] = defaultdict(float)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        for label in known:
            if label.outcome is not None:
                self._add(label.key.method, len(label.outcome.crystal), label.seconds)
        for method, labels in self._labels.items():
            share = min(1.0, REMEMBERED / labels)
            self._atoms[method] *= share
            self._seconds[method] *= share

    def remember(self, timings: Mapping[str, Timing]) -> None:
        """Take labels of earlier runs into account, by the digest of their method."""
        for method, (labels, atoms, seconds) in timings.items():
            share = min(1.0, REMEMBERED / labels)
            self._labels[method] += labels
            self._atoms[method] += atoms * share
            self._seconds[method] += seconds * share

    def _add(self, method: str, atoms: int, seconds: float) -> None:
        self._labels[method] += 1
        self._atoms[method] += atoms
        self._seconds[method] += seconds

    def learn(self, job: Job, label: Label) -> None:
        """Take the time of a label into account that was just computed."""
        self._add(label.key.method, len(job.crystal), label.seconds)

    def of(self, method: str, atoms: int) -> float | None:
        """Return what labels take, seconds; None while no label of the method is known.

        Parameters
        ----------
        method : str
            Digest of the method.
        atoms : int
            Number of atoms.
        """
        known = self._atoms.get(method)
        return atoms * self._seconds[method] / known if known else None


def fewest_together(job: Job, left: int, workers: int) -> int:
    """Return how many jobs like one a batch should have at least, whatever they take.

    Parameters
    ----------
    job : Job
        The first of the batch.
    left : int
        Atoms of all jobs by its method that are left, its own included.
    workers : int
        How many share them.
    """
    at_once = taken_at_once(job.method.engine, len(job.crystal))
    if at_once == 1:
        return 1
    return min(TIMES_AT_ONCE * at_once, math.ceil(left / len(job.crystal) / (2 * workers)))


def batches(
    jobs: Iterable[Job], costs: Costs, workers: Callable[[], int], atoms: Mapping[str, int] | None = None
) -> Iterator[list[Job]]:
    """Yield jobs in batches of about equal cost, the largest structures first.

    Towards the end batches become smaller, so that no worker computes for long while others have nothing left. A
    batch has jobs of one method; it has a single one while nothing is known of their cost, unless their engine takes
    several at once.

    Parameters
    ----------
    jobs : iterable of Job
        What is to be computed.
    costs : Costs
        What it takes; may learn while batches are drawn.
    workers : callable
        Returns how many workers there are.
    atoms : mapping of str to int, optional
        By the digest of a method, how many atoms all its structures have. Where it is given, jobs come with the largest
        first, and are made as they are drawn.
    """
    if atoms is None:
        listed = Jobs.of_all(jobs)
        jobs = (ask.make() for _, ask in listed.largest_first())
        atoms = defaultdict(int)
        for number, ask in listed.largest_first():
            atoms[ask.key.method] += number
    left = dict(atoms)
    coming = iter(jobs)
    following = next(coming, None)
    while following is not None:
        remaining = sum(costs.of(method, number) or 0.0 for method, number in left.items())
        limit = min(BATCH_SECONDS, remaining / (2 * workers()))
        method, batch, cost = following.key.method, list[Job](), 0.0
        fewest = fewest_together(following, left[method], workers())
        while following is not None and len(batch) < LARGEST_BATCH and following.key.method == method:
            one = costs.of(method, len(following.crystal))
            if len(batch) >= fewest and (one is None or cost + one > limit):
                break
            cost += one or 0.0
            left[method] -= len(following.crystal)
            batch.append(following)
            following = next(coming, None)
        yield batch
