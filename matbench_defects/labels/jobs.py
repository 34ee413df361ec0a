"""Which labels a spec asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matbench_defects.crystal.parent import build_parent
from matbench_defects.crystal.space import Space, build_spaces
from matbench_defects.crystal.structure import Crystal
from matbench_defects.enumeration.orderly import Configurations, enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Method, methods_of
from matbench_defects.labels.running import Job
from matbench_defects.spec.models import Selection, Spec

REFERENCE = "reference:"
"""What the id of a reference phase begins with."""


@dataclass(frozen=True)
class Selected:
    """A space with all its configurations and those that are labelled.

    Parameters
    ----------
    space : Space
        The space.
    configurations : Configurations
        Every inequivalent configuration.
    chosen : ndarray of int
        Positions of the labelled ones, increasing.
    """

    space: Space
    configurations: Configurations
    chosen: np.ndarray


def select(spec: Spec) -> dict[str, Selected]:
    """Enumerate each space of a spec and choose what is labelled."""
    result = {}
    for name, space in build_spaces(spec).items():
        configurations = enumerate_configurations(space)
        part, route = spec.all_spaces()[name]
        chosen = _choose(part.configurations, len(configurations))
        if len(chosen) < (part.configurations.count or 0):
            raise spec.error(
                (*route, "configurations", "count"),
                f"{part.configurations.count} were asked for, but only {len(configurations)} configurations differ",
            )
        result[name] = Selected(space, configurations, chosen)
    return result


def _choose(selection: Selection, available: int) -> np.ndarray:
    if selection.select == "all":
        return np.arange(available)
    assert selection.count is not None
    generator = np.random.default_rng(selection.seed)
    return np.sort(generator.permutation(available)[: selection.count])


def jobs_of(spec: Spec, selected: dict[str, Selected]) -> list[Job]:
    """Return every label that a spec asks for: of each chosen configuration and of each reference phase.

    Raises
    ------
    InputError
        Naming file and line, if an engine is not known or a reference phase cannot be built.
    """
    methods = methods_of(spec)
    jobs = [Job(name, host, crystal, method) for name, host, crystal in _references(spec) for method in methods]
    for part in selected.values():
        jobs.extend(_jobs_in(part, methods))
    return jobs


def _jobs_in(part: Selected, methods: list[Method]) -> list[Job]:
    host = part.space.digest()
    ids = part.configurations.ids()
    return [
        Job(ids[i], host, part.space.crystal(part.configurations.occupations[i]), method)
        for i in part.chosen
        for method in methods
    ]


def _references(spec: Spec) -> list[tuple[str, str, Crystal]]:
    result = []
    for name, phase in spec.reference_phases.items():
        route = ("reference_phases", name)
        try:
            parent = build_parent(phase, spec.document.folder((*route, "cif")))
        except InputError as error:
            raise spec.error(route, error.message) from None
        result.append((REFERENCE + name, parent.digest(), parent.crystal))
    return result
