"""What a spec asks for as a whole: configurations, labels, targets and splits, checked before anything is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.identity import structure_keys
from matbench_defects.dataset.references import reference_contents, with_references
from matbench_defects.dataset.splits import SplitOperator, splits_of
from matbench_defects.dataset.splits.assign import Parting, part_rows
from matbench_defects.dataset.targets import ResolvedTarget, targets_of
from matbench_defects.enumeration.selection import Selected, select
from matbench_defects.labels.engine import Method, methods_of
from matbench_defects.labels.job import Job
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.noise import further_attempts, noise_rows, tightened
from matbench_defects.labels.store import Key, Label
from matbench_defects.spec.models import LabelNoise, Spec


@dataclass(frozen=True)
class Plan:
    """Everything that a spec asks for, checked, before anything is computed.

    Parameters
    ----------
    spec : Spec
        The spec.
    selected : dict of str to Selected
        Its spaces with their configurations.
    methods : list of Method
        How each label is made.
    targets : dict of str to ResolvedTarget
        Its targets.
    splits : dict of str to SplitOperator
        Its splits.
    jobs : list of Job
        Every label that is needed.
    references : frozenset of str
        Ids of the configurations that values of others refer to.
    copies : list of (Configuration, str)
        Configurations of a space that are the same crystal as a row of an earlier space, with that row's id. They are
        no rows of their own; what refers to them in their space finds that row's label.
    partial : bool
        Whether labels may be missing: what refers to them is then left empty.
    """

    spec: Spec
    selected: dict[str, Selected]
    methods: list[Method]
    targets: dict[str, ResolvedTarget]
    splits: dict[str, SplitOperator]
    jobs: list[Job]
    references: frozenset[str] = frozenset()
    copies: list[tuple[Configuration, str]] = dataclasses.field(default_factory=list)
    partial: bool = False

    @property
    def spaces(self) -> dict[str, Space]:
        """The spaces by name."""
        return {name: part.space for name, part in self.selected.items()}

    @property
    def rows(self) -> list[Configuration]:
        """Every labelled configuration, in the order of the spaces."""
        return [row for part in self.selected.values() for row in part.rows]

    def only(self, found: dict[Key, Label]) -> Plan:
        """Return the plan with the configurations alone that have a label of some kind."""
        labelled = {key.id for key in found}
        selected = {name: part.only(labelled) for name, part in self.selected.items()}
        copies = [(copy, id_) for copy, id_ in self.copies if id_ in labelled]
        return dataclasses.replace(self, selected=selected, copies=copies, partial=True)

    def noisy(self) -> list[tuple[Method, LabelNoise, list[Configuration]]]:
        """Return each label whose noise is measured, how, and on which rows."""
        return [
            (method, label.noise, noise_rows(self.rows, label.noise, self.references))
            for method, label in zip(self.methods, self.spec.labels, strict=True)
            if label.noise is not None
        ]

    def further_jobs(self) -> list[Job]:
        """Return the attempts that are made only to see how noisy labels are."""
        return [job for method, noise, rows in self.noisy() for job in further_attempts(rows, method, noise)]

    def tightened_jobs(self, found: Mapping[Key, Label]) -> list[Job]:
        """Return the relaxations that go on where the labels ended that are found."""
        return [job for method, noise, rows in self.noisy() for job in tightened(rows, method, noise, found)]

    def partings(self) -> dict[str, Parting]:
        """Return the part of each row in each split."""
        return part_rows(self.spec, self.splits, self.rows, self.references)


def plan(spec: Spec) -> Plan:
    """Check a spec as a whole and enumerate it.

    Raises
    ------
    InputError
        Naming file and line of the first thing that cannot be.
    """
    selected = select(spec)
    spaces = {name: part.space for name, part in selected.items()}
    targets, splits, methods = targets_of(spec, spaces), splits_of(spec, spaces), methods_of(spec)
    references: frozenset[str] = frozenset()
    copies: list[tuple[Configuration, str]] = []
    if spec.rules > 1:
        selected = with_references(spec, selected, targets)
        selected, copies = _each_once(selected)
        contents = {name: reference_contents(space, targets) for name, space in spaces.items()}
        every = [row for part in selected.values() for row in part.rows]
        references = frozenset(row.id for row in every if row.content in contents[row.space.name])
        references |= {id_ for copy, id_ in copies if copy.content in contents[copy.space.name]}
    for position, label in enumerate(spec.labels):
        if label.noise is not None and label.noise.tightened and methods[position].of_pathways:
            raise spec.error(("labels", position, "noise"), "a band is not relaxed further; give `tightened: 0`")
    jobs = jobs_of(spec, selected, references)
    return Plan(spec, selected, methods, targets, splits, jobs, references, copies)


def _each_once(selected: dict[str, Selected]) -> tuple[dict[str, Selected], list[tuple[Configuration, str]]]:
    """Return a selection with each crystal in one space alone, the first, and its copies in others."""
    if len(selected) == 1:
        return selected, []
    every = [row for part in selected.values() for row in part.rows]
    first: dict[object, str] = {}
    copies = []
    for row, key in zip(every, structure_keys(every), strict=True):
        if first.setdefault(key, row.id) != row.id:
            copies.append((row, first[key]))
    left_out = {copy.id for copy, _ in copies}
    kept = {row.id for row in every} - left_out
    return {name: part.only(kept) if left_out else part for name, part in selected.items()}, copies
