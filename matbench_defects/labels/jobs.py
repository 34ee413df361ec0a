"""Which labels a spec asks for."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.hop import hop_of
from matbench_defects.crystal.phases import reference_parents
from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.configurations import Configurations
from matbench_defects.enumeration.counting import LARGEST_INDEX, check_enumerable, count_space
from matbench_defects.enumeration.derivative import derivative_structures, draw_from_shapes
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample, sample_each_content
from matbench_defects.enumeration.strata import listed, sample_strata, union
from matbench_defects.labels.engine import Method, engines, methods_of, reference_method
from matbench_defects.labels.guards import Origin
from matbench_defects.labels.job import Job
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import Selection

REFERENCE = "reference:"
"""What the id of a reference phase begins with."""


@dataclass(frozen=True)
class Selected:
    """A space with its configurations and those that are labelled.

    Parameters
    ----------
    space : Space
        The space.
    configurations : Configurations
        Every inequivalent configuration that fulfils the spec's conditions, or only the labelled ones of a space too
        large to be enumerated.
    chosen : ndarray of int
        Positions of the labelled ones, increasing.
    whole : bool
        Whether `configurations` are all there are.
    """

    space: Space
    configurations: Configurations
    chosen: np.ndarray
    whole: bool = True

    def count(self) -> tuple[int, int]:
        """Return how many configurations there are, equivalent ones counted each, and how many differ.

        Exact however large the space; where it is not enumerated, conditions of the selection are not regarded.
        """
        if self.whole:
            return int(self.configurations.multiplicities.sum()), len(self.configurations)
        return count_space(self.space)

    @functools.cached_property
    def labelled(self) -> Configurations:
        """The labelled configurations."""
        return self.configurations.take(self.chosen)


def select(spec: Spec) -> dict[str, Selected]:
    """Choose what is labelled in each space of a spec, and enumerate the space where it is not too large.

    Raises
    ------
    InputError
        Naming file and line, if more configurations are asked for than differ.
    """
    result = {}
    spaces = build_spaces(spec)
    check_enumerable(spec, spaces)
    for name, space in spaces.items():
        part, route = spec.all_spaces()[space.family or name]
        chosen = part.configurations
        field = "count" if chosen.count else "strata" if chosen.strata else "also" if chosen.also else "where"
        with spec.at((*route, "configurations", field), keep_file=True):
            result[name] = _select(space, chosen)
    for family, (part, route) in spec.all_spaces().items():
        shapes = {name: found.configurations for name, found in result.items() if found.space.family == family}
        if shapes:
            with spec.at((*route, "configurations", "count")):
                chosen_in = draw_from_shapes(shapes, part.configurations)
            result |= {name: dataclasses.replace(result[name], chosen=here) for name, here in chosen_in.items()}
    return result


def _select(space: Space, selection: Selection) -> Selected:
    if space.family:
        every = derivative_structures(space, where=selection.where)
        return Selected(space, every, np.arange(len(every)))
    if selection.select == "all":
        every = enumerate_configurations(space, where=selection.where)
        return Selected(space, every, np.arange(len(every)))
    if selection.strata is not None:
        labelled = sample_strata(space, selection.strata, selection.seed, selection.select, where=selection.where)
    elif selection.per_content is not None:
        labelled = sample_each_content(
            space, selection.per_content, selection.seed, selection.select, where=selection.where
        )
    else:
        assert selection.count is not None
        labelled = sample(space, selection.count, selection.seed, selection.select, where=selection.where)
    if selection.also:
        labelled = union(space, [labelled, listed(space, selection.also)])
    if count_space(space)[1] > LARGEST_INDEX:
        return Selected(space, labelled, np.arange(len(labelled)), whole=False)
    every = enumerate_configurations(space, where=selection.where)
    return Selected(space, every, every.positions(labelled))


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
    holds = "structures" if space.pathway is None else "pathways"
    made_for = "pathways" if method.of_pathways else "structures"
    if holds != made_for:
        others = [name for name, kind in engines.items() if (kind.labels == "pathways") == (holds == "pathways")]
        raise spec.error(
            ("labels", position, "engine"),
            f"{method.engine} labels {made_for}, but {space.name} holds {holds}; use one of {', '.join(others)}",
        )


def _jobs_in(part: Selected, methods: list[Method]) -> list[Job]:
    space, host = part.space, part.space.digest()
    labelled = part.labelled
    jobs = []
    for name, occupation in zip(labelled.ids(), labelled.occupations, strict=True):
        crystal = space.crystal(occupation)
        hop = None if space.pathway is None else hop_of(space, occupation)
        jobs += [Job(name, host, crystal, method, hop, Origin(space, occupation)) for method in methods]
    return jobs


def reference_jobs(spec: Spec, methods: list[Method]) -> list[Job]:
    """Return the labels of the reference phases, relaxed with the cell or without as the spec says."""
    result = []
    for name, parent in reference_parents(spec).items():
        for method in methods:
            result.append(Job(REFERENCE + name, parent.digest(), parent.crystal, reference_method(spec, name, method)))
    return result
