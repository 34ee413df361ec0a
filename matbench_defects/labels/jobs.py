"""Which labels a spec asks for."""

from __future__ import annotations

from matbench_defects.crystal.phases import reference_parents
from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.selection import Selected
from matbench_defects.labels.engine import Method, engines, labelled_by, methods_of, reference_method
from matbench_defects.labels.job import Job
from matbench_defects.spec.models import Spec

REFERENCE = "reference:"
"""What the id of a reference phase begins with."""


def jobs_of(spec: Spec, selected: dict[str, Selected]) -> list[Job]:
    """Return every label that a spec asks for: of each chosen configuration and of each reference phase.

    Raises
    ------
    InputError
        Naming file and line, if an engine is not known, labels structures where there are pathways or the other way
        round, or a reference phase cannot be built.
    """
    methods = methods_of(spec)
    for part in selected.values():
        for position, method in enumerate(methods):
            _check_suits(spec, position, method, part.space)
    jobs = reference_jobs(spec, [method for method in methods if not method.of_pathways])
    for part in selected.values():
        jobs.extend(_jobs_in(part, methods))
    return jobs


def _check_suits(spec: Spec, position: int, method: Method, space: Space) -> None:
    holds, made_for = space.kind.stands_for, labelled_by(engines.get(method.engine))
    if holds != made_for:
        others = [name for name, engine in engines.items() if labelled_by(engine) == holds]
        raise spec.error(
            ("labels", position, "engine"),
            f"{method.engine} labels {made_for}, but {space.name} holds {holds}; use one of {', '.join(others)}",
        )


def _jobs_in(part: Selected, methods: list[Method]) -> list[Job]:
    space, host = part.space, part.space.digest()
    jobs = []
    for row in part.rows:
        subject = space.kind.subject(row)
        jobs += [Job(row.id, host, row.crystal, method, subject, row) for method in methods]
    return jobs


def reference_jobs(spec: Spec, methods: list[Method]) -> list[Job]:
    """Return the labels of the reference phases, relaxed with the cell or without as the spec says."""
    result = []
    for name, parent in reference_parents(spec).items():
        for method in methods:
            result.append(Job(REFERENCE + name, parent.digest(), parent.crystal, reference_method(spec, name, method)))
    return result
