"""From the splits of a spec to operators."""

from __future__ import annotations

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.splits.grouping import check_grouping
from matbench_defects.dataset.splits.split import SplitOperator, operators
from matbench_defects.errors import Mistakes
from matbench_defects.spec.document import validate
from matbench_defects.spec.models import Spec


def splits_of(spec: Spec, spaces: dict[str, Space]) -> dict[str, SplitOperator]:
    """Return the splits of a spec, checked against its spaces.

    Raises
    ------
    InputError
        Naming file and line, if an operator is not known or a setting does not suit it.
    """
    mistakes, result = Mistakes(), {}
    for name in spec.splits:
        with mistakes.noted():
            result[name] = _split(spec, name, spaces)
    mistakes.tell()
    return result


def _split(spec: Spec, name: str, spaces: dict[str, Space]) -> SplitOperator:
    split, route = spec.splits[name], ("splits", name)
    kind, dot, subject = split.by.partition(".")
    with spec.at((*route, "by")):
        operator = operators.get(kind)
    if dot and not operator.needs:
        raise spec.error((*route, "by"), f"'{kind}' takes nothing after a dot, not '{subject}'")
    if operator.needs and not subject:
        raise spec.error((*route, "by"), f"say {operator.needs}")
    for i, group in enumerate(split.keep_apart):
        with spec.at((*route, "keep_apart", i)):
            check_grouping(group, spaces)
    settings = validate(operator.Settings, split.options, spec.document, route)
    with spec.at((*route, "by"), keep_file=True):
        return operator(settings, subject, spaces, spec.document.folder((*route, "file")))
