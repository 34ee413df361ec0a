"""Labels on the relaxed structures of another label, such as single points by DFT on those of a potential."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from matbench_defects.crystal.charge_blind import blind_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.contents import matches
from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.errors import InputError
from matbench_defects.files import digest
from matbench_defects.labels.attempts import attempts_of, lowest_attempt
from matbench_defects.labels.engine import Method, reference_method
from matbench_defects.labels.job import Job
from matbench_defects.labels.jobs import attempts_at, job_of, reference_jobs
from matbench_defects.labels.label import Key, Label
from matbench_defects.labels.states_seen import laid_back
from matbench_defects.spec.models import LabelledPart, Spec

if TYPE_CHECKING:
    from matbench_defects.labels.known import KnownLabels


def chosen_rows(
    rows: Iterable[Configuration], part: LabelledPart | None, references: Collection[str]
) -> list[Configuration]:
    """Return the configurations that have a label, in the order of the rows.

    Parameters
    ----------
    rows : iterable of Configuration
        Every row; gone through twice.
    part : LabelledPart or None
        Which of them; None for all.
    references : collection of str
        Ids of configurations that others refer to, which always have it.

    Raises
    ------
    InputError
        If an id is of no row, or fewer rows can be drawn than are asked for.
    """
    if part is None:
        return list(rows)
    wanted = set(part.also) | set(references)
    drawn: set[str] = set()
    if part.count is not None:
        among = (row for row in rows if matches(row.space, row.content, part.content))
        first = heapq.nsmallest(part.count, among, key=lambda row: digest(["labelled", part.seed, row.id]))
        if len(first) < part.count:
            raise InputError(f"{part.count} were asked for, but only {len(first)} selected configurations are such")
        drawn = {row.id for row in first}
    chosen = [row for row in rows if row.id in wanted or row.id in drawn]
    if missing := sorted(set(part.also) - {row.id for row in chosen}):
        raise InputError(f"'{missing[0]}' is not among the selected configurations")
    return chosen


def following_jobs(
    spec: Spec,
    rows: Sequence[Configuration],
    method: Method,
    source: Method,
    found: KnownLabels,
    references: Collection[str],
) -> list[Job]:
    """Return the labels on the structures of another label, of rows and reference phases that have a usable one.

    Parameters
    ----------
    spec : Spec
        The spec.
    rows : sequence of Configuration
        As `chosen_rows` returns them.
    method : Method
        How they are labelled.
    source : Method
        Whose structures these are.
    found : KnownLabels
        The labels by that method.
    references : collection of str
        Ids of configurations that others refer to.
    """
    digest_ = source.digest()
    keys = [_keys(row, source, digest_, references) for row in rows]
    jobs = [
        on_structure_of(job_of(row, method, label.key.attempt), _on_its_sites(label, row, source))
        for row, label in zip(rows, _lowest(found, keys, source), strict=True)
        if label is not None
    ]
    phases: dict[str, list[Job]] = {}
    for job in reference_jobs(spec, [source]):
        phases.setdefault(job.id, []).append(job)
    lowest = _lowest(found, [[job.key for job in each] for each in phases.values()], source)
    for (id_, each), label in zip(phases.items(), lowest, strict=True):
        if label is not None:
            own = reference_method(spec, id_.removeprefix(REFERENCE), method)
            jobs.append(on_structure_of(Job(id_, each[0].host, each[0].crystal, own, attempt=label.key.attempt), label))
    return jobs


def _keys(row: Configuration, source: Method, digest_: str, references: Collection[str]) -> list[Key]:
    """Return the keys of the attempts at a row by the method whose structures are taken, whose digest is given."""
    of = blind_of(row) if source.merged else row
    attempts = attempts_of(source, refers=True) if source.merged else attempts_at(row, source, references)
    return [Key(of.id, digest_, of.space.digest(), attempt) for attempt in attempts]


def _on_its_sites(label: Label, row: Configuration, source: Method) -> Label:
    """Return a label on the sites of a row, where rows that differ in oxidation states alone share it."""
    if not source.merged or label.outcome is None:
        return label
    return dataclasses.replace(label, outcome=laid_back(label.outcome, row))


def _lowest(found: KnownLabels, keys: Sequence[Sequence[Key]], source: Method) -> Iterator[Label | None]:
    """Yield the usable label of each thing that attempts have some keys of, None where there is none."""
    every = iter(found.get_many([key for each in keys for key in each]))
    for each in keys:
        there = [label for label in itertools.islice(every, len(each)) if label is not None]
        label = lowest_attempt(there, keeps_left=source.keeps_left).label if there else None
        yield label if label is not None and label.usable else None


def on_structure_of(job: Job, label: Label) -> Job:
    """Return a job on the structure of a label. Its attempt is that label's: a lower one has another structure."""
    assert label.outcome is not None
    found = label.outcome.crystal
    return dataclasses.replace(
        job, crystal=dataclasses.replace(job.crystal, lattice=found.lattice, positions=found.positions)
    )
