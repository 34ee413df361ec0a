"""What a target is: a quantity computed from one kind of label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from matbench_defects.columns import Quantity
from matbench_defects.crystal.space import Content, Space
from matbench_defects.errors import InputError, nearest
from matbench_defects.registry import Registry
from matbench_defects.spec.document import validate
from matbench_defects.spec.fields import Model
from matbench_defects.spec.models import Spec

if TYPE_CHECKING:
    from matbench_defects.labels.store import Label


class TargetSettings(Model):
    """What every target states; each quantity adds its own fields. Unknown ones are refused."""

    unit: str
    """The quantity's unit."""


@dataclass(frozen=True)
class LabelledRow:
    """One configuration with one label.

    Parameters
    ----------
    id : str
        The configuration.
    space : Space
        Its space.
    content : tuple of tuple of int
        Its content.
    label : Label or None
        The label, where it is usable.
    """

    id: str
    space: Space
    content: Content
    label: Label | None


class TargetQuantity(Protocol):
    """A quantity that targets can be."""

    Settings: ClassVar[type[TargetSettings]]

    def __init__(self, settings: Any, label: str) -> None: ...

    def quantity(self, spaces: dict[str, Space]) -> Quantity:
        """Return unit, divisor and reference state.

        Raises
        ------
        InputError
            If the settings do not suit the spaces.
        """
        ...

    def values(self, rows: list[LabelledRow]) -> list[float | None]:
        """Return the value of each row, None where its label is not usable."""
        ...


quantities: Registry[type[TargetQuantity]] = Registry("quantity", "matbench_defects.dataset.targets")
"""Every registered quantity, by name."""


@dataclass(frozen=True)
class ResolvedTarget:
    """A target of a spec with the quantity that computes it.

    Parameters
    ----------
    name : str
        The target's name and column.
    label : str
        Name of the label it is computed from.
    kind : str
        Name of the quantity.
    settings : TargetSettings
        The quantity's settings.
    computed : TargetQuantity
        What computes the values.
    quantity : Quantity
        Unit, divisor and reference state.
    """

    name: str
    label: str
    kind: str
    settings: TargetSettings
    computed: TargetQuantity
    quantity: Quantity


def targets_of(spec: Spec, spaces: dict[str, Space]) -> dict[str, ResolvedTarget]:
    """Return the targets of a spec, checked against its labels and spaces.

    Raises
    ------
    InputError
        Naming file and line, if a label or quantity is not known or a setting does not suit it.
    """
    result = {}
    labels = [label.label_name for label in spec.labels]
    for name, target in spec.targets.items():
        route = ("targets", name)
        kind = target.quantity or name
        if kind not in quantities:
            field = (*route, "quantity") if target.quantity else route
            raise spec.error(field, f"no quantity is called '{kind}'; {nearest(kind, quantities.names())}")
        if not labels:
            raise spec.error(route, "needs a label, but the spec has none")
        label = target.label or labels[0]
        if label not in labels:
            raise spec.error((*route, "label"), f"no label is called '{label}'; {nearest(label, labels)}")
        given = {**target.options, "unit": target.unit, **({} if target.per is None else {"per": target.per})}
        settings = validate(quantities.get(kind).Settings, given, spec.document, route)
        computed = quantities.get(kind)(settings, label)
        try:
            quantity = computed.quantity(spaces)
        except InputError as error:
            raise spec.error(route, error.message) from None
        result[name] = ResolvedTarget(name, label, kind, settings, computed, quantity)
    return result
