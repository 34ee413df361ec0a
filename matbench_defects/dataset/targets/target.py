"""What a target is: a quantity computed from one kind of label."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, overload

import numpy as np
from pydantic import Field

from matbench_defects.columns import Quantity
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.kinds.kind import kinds
from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.phases import reference_parents
from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.targets.extremes import Extreme
from matbench_defects.errors import InputError, Mistakes, nearest
from matbench_defects.registry import Registry
from matbench_defects.spec.document import validate
from matbench_defects.spec.fields import StrictModel
from matbench_defects.spec.models import Spec

if TYPE_CHECKING:
    from matbench_defects.labels.engine import Outcome
    from matbench_defects.labels.store import Label

ExtensivePer = Literal["formula_unit", "atom", "cell"]
"""What a spec may ask an extensive value to be divided by."""


EndMember = Literal["host", "exchanged"] | Annotated[dict[str, Annotated[int, Field(ge=0)]], Field(min_length=1)]
"""A content that values may refer to: that of the ideal host, that in which every variable site differs from it, or how
many of some species: ``{Li: 12}``."""


class TargetSettings(StrictModel):
    """What every target states; each quantity adds its own fields. Unknown ones are refused."""

    unit: str
    """The quantity's unit."""

    def located(self, spec: Spec, name: str) -> TargetSettings:
        """Return the settings with files, if there are any, found for the target of one name.

        Raises
        ------
        InputError
            If one is not there.
        """
        return self


@dataclass(frozen=True, eq=False, repr=False)
class LabelledConfiguration(Configuration):
    """A configuration with one label.

    Parameters
    ----------
    space, occupation
        As of a `Configuration`.
    label : Label or None
        The label, where it is usable.
    """

    label: Label | None = None

    @classmethod
    def of(cls, configuration: Configuration, label: Label | None) -> LabelledConfiguration:
        """Return a configuration with its label; what was worked out of it is not worked out again."""
        found = cls(configuration.space, configuration.occupation)
        vars(found).update({**vars(configuration), "label": label})
        return found

    @property
    def outcome(self) -> Outcome | None:
        """What the engine found, where the label is usable."""
        return None if self.label is None else self.label.outcome


@dataclass(frozen=True)
class Labelled:
    """Everything that one label is known of.

    Parameters
    ----------
    rows : sequence of LabelledConfiguration
        The configurations; perhaps read some at a time, and anew each time they are gone through.
    phases : mapping of str to Label
        The reference phases whose label is usable, by name.
    compared : sequence of LabelledConfiguration, optional
        The configurations that values may refer to, such as end members and what spans a hull; the rows themselves
        where left out.
    charged : mapping of str to Labelled
        The same rows with the labels of the cell's other charge states, by the label's name.
    """

    rows: Sequence[LabelledConfiguration]
    phases: Mapping[str, Label] = field(default_factory=dict)
    compared: Sequence[LabelledConfiguration] | None = None
    charged: Mapping[str, Labelled] = field(default_factory=dict)

    @property
    def referred(self) -> Sequence[LabelledConfiguration]:
        """The configurations that values may refer to."""
        return self.rows if self.compared is None else self.compared

    def phase(self, name: str) -> Outcome:
        """Return what the engine found for a reference phase.

        Raises
        ------
        InputError
            If the phase has no usable label.
        """
        label = self.phases.get(name)
        if label is None or label.outcome is None:
            raise InputError(f"the reference phase {name} has no usable label, so nothing can refer to it")
        return label.outcome


@dataclass(frozen=True)
class Domain:
    """What the settings of a target may refer to.

    Parameters
    ----------
    spaces : dict of str to Space
        The spaces.
    phases : dict of str to Parent
        The ideal crystals of the reference phases.
    charge_states : dict of str to dict of int to str
        Of labels in several charge states, by the neutral one's name: the label of each charge.
    """

    spaces: dict[str, Space]
    phases: dict[str, Parent] = field(default_factory=dict)
    charge_states: dict[str, dict[int, str]] = field(default_factory=dict)

    def phase(self, name: str) -> Parent:
        """Return a reference phase.

        Raises
        ------
        InputError
            If there is none of this name.
        """
        if name not in self.phases:
            raise InputError(f"no reference phase is called '{name}'; {nearest(name, self.phases)}")
        return self.phases[name]

    def check_holds(self, wanted: str) -> None:
        """Refuse spaces whose configurations do not stand for what a quantity is of, such as ``pathways``.

        Raises
        ------
        InputError
            Saying which part of a spec would make a space suit.
        """
        for name, space in self.spaces.items():
            if space.kind.stands_for != wanted:
                field = next(kind.field for _, kind in kinds.items() if kind.stands_for == wanted)
                raise InputError(
                    f"the space {name} holds {space.kind.stands_for}; `{field}` would make it one of {wanted}"
                )


class TargetQuantity(abc.ABC):
    """A quantity that targets can be.

    Parameters
    ----------
    settings : TargetSettings
        Its settings, of the class's own ``Settings``.
    label : str
        Name of the label it is computed from.
    """

    Settings: ClassVar[type[TargetSettings]]
    needs_relaxation: ClassVar[bool] = False
    """Whether an ideal structure says nothing of it."""
    needs_label: ClassVar[bool] = True
    """Whether it follows from what an engine finds; else it is given for itself, and no engine's energies say it."""

    def __init__(self, settings: Any, label: str) -> None:
        self.settings = settings
        self.label = label

    @abc.abstractmethod
    def quantity(self, domain: Domain) -> Quantity:
        """Return unit, divisor and reference state.

        Raises
        ------
        InputError
            If the settings do not suit the spaces and reference phases.
        """

    @property
    def compares_rows(self) -> bool:
        """Whether the value of a row depends on which other configurations have a label, end members aside.

        Such a value follows from the energies of all rows together, so no model is fitted to it: the labels of tested
        rows would be in what it learns from. It is computed from predicted energies instead.
        """
        return False

    @property
    def charged_labels(self) -> list[str]:
        """Names of the labels of other charge states that the values need besides; none by default."""
        return []

    @property
    def given_references(self) -> bool:
        """Whether energies that the values refer to are numbers in the spec, by whatever computed them."""
        return False

    @property
    def refers_to(self) -> Sequence[EndMember | Extreme]:
        """End members whose lowest configuration the values refer to; none by default."""
        return []

    def check_contents(self, space: Space, contents: Sequence[Content]) -> None:  # noqa: B027
        """Refuse contents at which the quantity has no value, before anything is computed; none by default.

        Parameters
        ----------
        space : Space
            A space.
        contents : sequence of Content
            The contents of its rows.

        Raises
        ------
        InputError
            Naming the first.
        """

    @abc.abstractmethod
    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the value of each row, None where its label is not usable.

        Raises
        ------
        InputError
            If what the values refer to has no usable label.
        """

    def notes(self, labelled: Labelled) -> list[str]:
        """Return sentences for the card that follow from the labels; none by default."""
        return []


def each(
    rows: Iterable[LabelledConfiguration], value: Callable[[LabelledConfiguration, Outcome], float | None]
) -> list[float | None]:
    """Return the value of each row, to nine decimals, and None where its label is not usable.

    Parameters
    ----------
    rows : iterable of LabelledConfiguration
        The rows.
    value : callable
        Gives the value of a row with a usable outcome, or None where it has none.
    """
    result: list[float | None] = []
    for row in rows:
        outcome = row.outcome
        found = None if outcome is None else value(row, outcome)
        result.append(None if found is None else round(found, 9) + 0.0)  # + 0.0: no negative zeros
    return result


class Values(Sequence[float | None]):
    """The value of each row, nine bytes each.

    Parameters
    ----------
    found : sequence of (float or None)
        The values.
    """

    def __init__(self, found: Sequence[float | None]) -> None:
        self._known = np.array([value is not None for value in found], dtype=bool)
        self._numbers = np.array([0.0 if value is None else value for value in found], dtype=np.float64)

    def __len__(self) -> int:
        return len(self._known)

    @overload
    def __getitem__(self, place: int) -> float | None: ...
    @overload
    def __getitem__(self, place: slice) -> list[float | None]: ...
    def __getitem__(self, place: int | slice) -> float | list[float | None] | None:
        if isinstance(place, slice):
            both = zip(self._numbers[place].tolist(), self._known[place].tolist(), strict=True)
            return [number if known else None for number, known in both]
        return float(self._numbers[place]) if self._known[place] else None

    def __iter__(self) -> Iterator[float | None]:
        for i in range(0, len(self), 4096):
            yield from self[i : i + 4096]

    @property
    def any(self) -> bool:
        """Whether some row has a value."""
        return bool(self._known.any())


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
    """Return the targets of a spec, checked against its labels, spaces and reference phases.

    Raises
    ------
    InputError
        Naming file and line, if a label or quantity is not known or a setting does not suit it.
    """
    result = {}
    labels = [label.label_name for label in spec.labels]
    domain = Domain(spaces, reference_parents(spec), _charge_states(spec))
    mistakes = Mistakes()
    for name in spec.targets:
        with mistakes.noted():
            result[name] = _resolved(spec, name, labels, domain)
    mistakes.tell()
    return result


def _charge_states(spec: Spec) -> dict[str, dict[int, str]]:
    states: dict[str, dict[int, str]] = {}
    for label in spec.labels:
        if label.charge is not None:
            states.setdefault(label.state_of or label.label_name, {})[label.charge] = label.label_name
    return states


def labelled_for(target: ResolvedTarget, labelled: Mapping[str, Labelled]) -> Labelled:
    """Return the rows with the label of a target, and with those of other charge states that it needs.

    Parameters
    ----------
    target : ResolvedTarget
        The target.
    labelled : mapping of str to Labelled
        The rows with each label, by the label's name.
    """
    names = target.computed.charged_labels
    found = labelled[target.label]
    return dataclasses.replace(found, charged={name: labelled[name] for name in names}) if names else found


def _resolved(spec: Spec, name: str, labels: list[str], domain: Domain) -> ResolvedTarget:
    target, route = spec.targets[name], ("targets", name)
    kind = target.quantity or name
    with spec.at((*route, "quantity") if target.quantity else route):
        of_kind = quantities.get(kind)
    if not of_kind.needs_label:
        if target.label is not None:
            raise spec.error((*route, "label"), f"{kind} needs none; say in `file` where the numbers are")
        label = ""
    elif not labels:
        raise spec.error(route, "needs a label, but the spec has none")
    else:
        label = target.label or labels[0]
        if label not in labels:
            raise spec.error((*route, "label"), f"no label is called '{label}'; {nearest(label, labels)}")
    given = {**target.options, "unit": target.unit, **({} if target.per is None else {"per": target.per})}
    settings = validate(of_kind.Settings, given, spec.document, route)
    with spec.at((*route, "file") if "file" in target.options else route):
        settings = settings.located(spec, name)
    computed = of_kind(settings, label)
    with spec.at(route):
        quantity = computed.quantity(domain)
    return ResolvedTarget(name, label, kind, settings, computed, quantity)
