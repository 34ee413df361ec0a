"""Methods, targets and splits of a spec, checked together."""

from __future__ import annotations

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.splits import SplitOperator, splits_of
from matbench_defects.dataset.targets import ResolvedTarget, targets_of
from matbench_defects.errors import Mistakes
from matbench_defects.labels.engine import Method, methods_of
from matbench_defects.spec.models import Spec


def resolved(
    spec: Spec, spaces: dict[str, Space]
) -> tuple[list[Method], dict[str, ResolvedTarget], dict[str, SplitOperator]]:
    """Return the methods, targets and splits of a spec, whose mistakes are told at once.

    Raises
    ------
    InputError
        Naming file and line of each.
    """
    mistakes = Mistakes()
    with mistakes.noted():
        methods = methods_of(spec)
    with mistakes.noted():
        targets = targets_of(spec, spaces)
    with mistakes.noted():
        splits = splits_of(spec, spaces)
    mistakes.tell()
    return methods, targets, splits
