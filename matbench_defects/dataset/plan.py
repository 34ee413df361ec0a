"""What a spec asks for as a whole: configurations, labels, targets and splits, checked before anything is computed."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.splits import SplitOperator, splits_of
from matbench_defects.dataset.targets import ResolvedTarget, targets_of
from matbench_defects.enumeration.selection import Rows, Selected, select
from matbench_defects.labels.asking import Jobs
from matbench_defects.labels.engine import Method, methods_of
from matbench_defects.labels.jobs import jobs_of
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
    jobs : Jobs
        Every label that is needed, made when it is asked for.
    partial : bool
        Whether labels may be missing: what refers to them is then left empty.
    """

    spec: Spec
    selected: dict[str, Selected]
    methods: list[Method]
    targets: dict[str, ResolvedTarget]
    splits: dict[str, SplitOperator]
    jobs: Jobs
    partial: bool = False

    @property
    def spaces(self) -> dict[str, Space]:
        """The spaces by name."""
        return {name: part.space for name, part in self.selected.items()}

    @functools.cached_property
    def rows(self) -> Rows:
        """Every labelled configuration, in the order of the spaces."""
        return Rows(list(self.selected.values()))

    def only(self, kept: NDArray[np.bool_]) -> Plan:
        """Return the plan with some of the labelled configurations alone.

        Parameters
        ----------
        kept : ndarray of bool, shape (n,)
            Whether each is kept, in the order of the rows.
        """
        selected, start = {}, 0
        for name, part in self.selected.items():
            selected[name] = part.where(kept[start : start + len(part.chosen)])
            start += len(part.chosen)
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
