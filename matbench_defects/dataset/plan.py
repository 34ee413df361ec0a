"""What a spec asks for as a whole: configurations, labels, targets and splits, checked before anything is computed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.splits import SplitOperator, splits_of
from matbench_defects.dataset.targets import ResolvedTarget, targets_of
from matbench_defects.enumeration.selection import Selected, select
from matbench_defects.labels.engine import Method, methods_of
from matbench_defects.labels.job import Job
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.store import Key, Label
from matbench_defects.spec.models import Spec


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
    partial : bool
        Whether labels may be missing: what refers to them is then left empty.
    """

    spec: Spec
    selected: dict[str, Selected]
    methods: list[Method]
    targets: dict[str, ResolvedTarget]
    splits: dict[str, SplitOperator]
    jobs: list[Job]
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
        return dataclasses.replace(self, selected=selected, partial=True)


def plan(spec: Spec) -> Plan:
    """Check a spec as a whole and enumerate it.

    Raises
    ------
    InputError
        Naming file and line of the first thing that cannot be.
    """
    selected = select(spec)
    spaces = {name: part.space for name, part in selected.items()}
    return Plan(
        spec, selected, methods_of(spec), targets_of(spec, spaces), splits_of(spec, spaces), jobs_of(spec, selected)
    )
