"""What is computed besides the labels to say how noisy they are: further attempts, and tighter relaxations of some."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.files import digest
from matbench_defects.labels.attempts import attempts_of, lowest_attempt
from matbench_defects.labels.engine import Method
from matbench_defects.labels.following import on_structure_of
from matbench_defects.labels.job import Job
from matbench_defects.labels.jobs import is_reference, job_of
from matbench_defects.labels.label import Key, Label
from matbench_defects.spec.models import LabelNoise


def noise_rows(rows: Iterable[Configuration], noise: LabelNoise, references: Collection[str]) -> list[Configuration]:
    """Return the rows that the noise is measured on, at random but the same each time.

    Parameters
    ----------
    rows : iterable of Configuration
        The labelled configurations.
    noise : LabelNoise
        How many, and the seed.
    references : collection of str
        Ids of those that others refer to. Like ideal hosts they have more attempts than others, and are left out.
    """
    return heapq.nsmallest(
        max(noise.rows, noise.tightened),
        (row for row in rows if not is_reference(row, references)),
        key=lambda row: digest(["noise", noise.seed, row.id]),
    )


def further_attempts(rows: Sequence[Configuration], method: Method, noise: LabelNoise) -> list[Job]:
    """Return as many attempts again at the labels of the rows that the noise is measured on.

    Parameters
    ----------
    rows : sequence of Configuration
        As `noise_rows` returns them.
    method : Method
        How they are labelled.
    noise : LabelNoise
        How many of them.
    """
    made = attempts_of(method)
    again = range(made.stop, made.stop + len(made))
    return [job_of(row, method, attempt) for row in rows[: noise.rows] for attempt in again]


def tightened(
    rows: Sequence[Configuration], method: Method, noise: LabelNoise, found: Mapping[Key, Label]
) -> list[Job]:
    """Return relaxations that go on where labels ended, with a smaller threshold.

    Parameters
    ----------
    rows : sequence of Configuration
        As `noise_rows` returns them.
    method : Method
        How they are labelled.
    noise : LabelNoise
        How many of them, and the threshold.
    found : mapping of Key to Label
        The labels; of a row without a usable one nothing is asked.
    """
    assert method.relax is not None
    relax = method.relax.model_copy(update={"fmax": noise.fmax, "rattle": 0.0, "attempts": 1})
    tighter = dataclasses.replace(method, relax=relax, continues=method.digest())
    jobs = []
    for row in rows[: noise.tightened]:
        made = [found[key] for attempt in attempts_of(method) if (key := job_of(row, method, attempt).key) in found]
        label = lowest_attempt(made, keeps_left=method.keeps_left).label if made else None
        if label is not None and label.usable:
            jobs.append(on_structure_of(job_of(row, tighter, label.key.attempt), label))
    return jobs
