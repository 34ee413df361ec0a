"""Which labels a spec asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.charge_blind import blind_of, computed_for
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.contents import defect_count
from matbench_defects.crystal.phases import REFERENCE, reference_parents
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import crystal_of_species
from matbench_defects.crystal.vacuum import vacuum_across
from matbench_defects.enumeration.selection import Selected
from matbench_defects.labels.asking import Jobs, Listed, OfContent, Source
from matbench_defects.labels.attempts import attempts_of
from matbench_defects.labels.engine import Method, engines, labelled_by, methods_of, reference_method
from matbench_defects.labels.job import Job
from matbench_defects.labels.states_seen import check_states_seen
from matbench_defects.spec.models import Spec


def jobs_of(spec: Spec, selected: dict[str, Selected], references: Collection[str] = ()) -> Jobs:
    """Return every label that a spec asks for: of each chosen configuration and of each reference phase.

    Those on the structures of another label are not among them, for they need that first: `following.following_jobs`.

    Parameters
    ----------
    spec : Spec
        The spec.
    selected : dict of str to Selected
        What is labelled.
    references : collection of str
        Ids of configurations that others refer to, besides ideal hosts: these have more attempts.

    Raises
    ------
    InputError
        Naming file and line, if an engine is not known, labels structures where there are pathways or the other way
        round, or a reference phase cannot be built.
    """
    methods = methods_of(spec)
    held = {species for parent in reference_parents(spec).values() for species in parent.species}
    for part in selected.values():
        for position, method in enumerate(methods):
            _check_suits(spec, position, method, part.space)
            with spec.at(("labels", position)):
                method.settings.check_space(part.space, held)
            check_states_seen(spec, position, method, part.space)
            _check_charge(spec, position, method, part.space)
    methods = [method for method in methods if not method.structures]
    phases = reference_jobs(spec, [method for method in methods if not method.of_pathways])
    sources: list[Source] = [Listed(phases)] if phases else []
    for part in selected.values():
        sources += _jobs_in(part, methods, references)
    return Jobs(sources)


def _check_suits(spec: Spec, position: int, method: Method, space: Space) -> None:
    holds, made_for = space.kind.stands_for, labelled_by(engines.get(method.engine))
    if holds != made_for:
        others = [name for name, engine in engines.items() if labelled_by(engine) == holds]
        raise spec.error(
            ("labels", position, "engine"),
            f"{method.engine} labels {made_for}, but {space.name} holds {holds}; use one of {', '.join(others)}",
        )


def _check_charge(spec: Spec, position: int, method: Method, space: Space) -> None:
    """Refuse charged layers and slabs: their energy depends on the vacuum, and no correction for bulk mends it."""
    found = vacuum_across(space.parent) if method.charge else {}
    for axis, height in found.items():
        raise spec.error(
            ("labels", position, "charge_states"),
            f"{space.name} has {height:.1f} Å of vacuum along {'abc'[axis]}: energies of charged layers and slabs "
            "depend on it without limit, so only bulk cells may be charged",
        )


def _jobs_in(part: Selected, methods: list[Method], references: Collection[str]) -> list[Source]:
    if not methods:
        return []
    merged = [method for method in methods if method.merged]
    methods = [method for method in methods if not method.merged]
    jobs = _merged_jobs(part, merged, references) if merged else []
    host = part.space.digest()
    return [Listed(jobs)] * bool(jobs) + [
        OfContent(batches, host, methods, _Attempts(defect_count(part.space, content) == 0, references), job_of)
        for content, batches in part.by_content()
        if methods
    ]


def _merged_jobs(part: Selected, methods: list[Method], references: Collection[str]) -> list[Job]:
    """Return the labels of configurations that are merged where they differ in oxidation states alone, each once."""
    firsts: dict[str, Configuration] = {}
    referred: set[str] = set()
    for _, batches in part.by_content():
        for _, rows in batches():
            for row in rows:
                id_ = blind_of(row).id
                firsts.setdefault(id_, row)
                if is_reference(row, references):
                    referred.add(id_)
    return [
        job_of(row, method, attempt)
        for id_, row in firsts.items()
        for method in methods
        for attempt in attempts_of(method, refers=id_ in referred)
    ]


@dataclass(frozen=True)
class _Attempts:
    """Gives the attempts at the configurations of one content."""

    host: bool
    references: Collection[str]

    def __call__(self, id_: str, method: Method) -> range:
        return attempts_of(method, refers=self.host or id_ in self.references)


def is_reference(row: Configuration, references: Collection[str]) -> bool:
    """Return whether a configuration is labelled with the attempts of a reference: end members and ideal hosts are."""
    return row.id in references or defect_count(row.space, row.content) == 0


def attempts_at(row: Configuration, method: Method, references: Collection[str]) -> range:
    """Return the numbers of the attempts at the label of a configuration.

    Parameters
    ----------
    row : Configuration
        The configuration.
    method : Method
        How it is labelled.
    references : collection of str
        Ids of configurations that others refer to.
    """
    return attempts_of(method, refers=is_reference(row, references))


def job_of(row: Configuration, method: Method, attempt: int) -> Job:
    """Return one attempt at the label of a configuration.

    Parameters
    ----------
    row : Configuration
        The configuration.
    method : Method
        How it is labelled.
    attempt : int
        Number of the attempt; 0 for a method without random starts.
    """
    if method.merged:
        row = computed_for(row)
    crystal = dataclasses.replace(row.crystal, fixed=_fixed(row, method))
    return Job(row.id, row.space.digest(), crystal, method, row.space.kind.subject(row), row, attempt=attempt)


def _fixed(row: Configuration, method: Method) -> NDArray[np.bool_] | None:
    """Return which atoms of a structure stay where they are, by the parent's site that they sit on."""
    if method.relax is None or not method.relax.fixed:
        return None
    parent, atoms = row.space.parent, row.atoms().sites // len(row.space.cells.offsets)
    fixed, species, elements = set(method.relax.fixed), parent.species, parent.elements
    return np.array([bool({parent.labels[i], species[i], elements[i]} & fixed) for i in atoms])


def reference_jobs(spec: Spec, methods: list[Method]) -> list[Job]:
    """Return the labels of the reference phases, relaxed with the cell or without as the spec says."""
    result = []
    for name, parent in reference_parents(spec).items():
        crystal = crystal_of_species(parent.lattice, parent.species, parent.positions @ parent.lattice, spec.moments)
        for method in methods:
            if method.charge:
                continue  # the label of the neutral cell has the phases
            own = reference_method(spec, name, method)
            result += [
                Job(REFERENCE + name, parent.digest(), crystal, own, attempt=attempt)
                for attempt in attempts_of(own, refers=True)
            ]
    return result
