"""What a figure is, and drawing those that suit a dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.targets import Labelled, LabelledConfiguration, ResolvedTarget
from matbench_defects.dataset.thermodynamics import Composition
from matbench_defects.enumeration.selection import Selected
from matbench_defects.registry import Registry
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.models import Spec


@dataclass(frozen=True)
class Known:
    """Configurations that have a value of a target, with it; gone through anew each time, for there may be many.

    Parameters
    ----------
    rows : sequence of LabelledConfiguration
        Every row with its label.
    values : sequence of (float or None)
        The value of each.
    space : Space, optional
        The only one that counts, with all shapes of supercell of the same family.
    """

    rows: Sequence[LabelledConfiguration]
    values: Sequence[float | None]
    space: Space | None = None

    def __iter__(self) -> Iterator[tuple[LabelledConfiguration, float]]:
        for row, value in zip(self.rows, self.values, strict=True):
            if value is not None and (self.space is None or _of(row.space, self.space)):
                yield row, value

    def __bool__(self) -> bool:
        return any(True for _ in self)


def _of(one: Space, space: Space) -> bool:
    return one is space or (one.family != "" and one.family == space.family)


@dataclass(frozen=True)
class Usable:
    """Configurations of a space with a usable label; gone through anew each time.

    Parameters
    ----------
    rows : sequence of LabelledConfiguration
        Every row with its label.
    space : Space
        The only one that counts, with all shapes of supercell of the same family.
    """

    rows: Sequence[LabelledConfiguration]
    space: Space

    def __iter__(self) -> Iterator[LabelledConfiguration]:
        for row in self.rows:
            if _of(row.space, self.space) and row.outcome is not None:
                yield row


@dataclass(frozen=True)
class View:
    """What figures are drawn from.

    Parameters
    ----------
    spec : Spec
        The spec.
    selected : dict of str to Selected
        Its spaces with their configurations.
    targets : dict of str to ResolvedTarget
        Its targets.
    labelled : dict of str to Labelled
        Configurations and reference phases with each label, by the label's name.
    values : dict of str to sequence of (float or None)
        Values of each target, in the order of the configurations.
    free_energies : list of Composition
        Compositions with their free energies; nothing where the spec does not ask for them.
    """

    spec: Spec
    selected: dict[str, Selected]
    targets: dict[str, ResolvedTarget]
    labelled: Mapping[str, Labelled]
    values: Mapping[str, Sequence[float | None]]
    free_energies: list[Composition] = dataclasses.field(default_factory=list)

    def known(self, target: ResolvedTarget, space: Space | None = None) -> Known:
        """Return the configurations that have a value of a target, of one space or of all."""
        return Known(self.labelled[target.label].rows, self.values[target.name], space)

    def usable(self, label: str, space: Space) -> Usable:
        """Return the configurations of a space that have a usable label."""
        return Usable(self.labelled[label].rows, space)

    def of_kind(self, *kinds: str) -> list[ResolvedTarget]:
        """Return the targets of some quantities that have a value at all, in the order of the spec."""
        return [t for t in self.targets.values() if t.kind in kinds and self.known(t)]

    @property
    def families(self) -> dict[str, list[Selected]]:
        """The spaces by the name that the spec gives them: all shapes of supercell of one together."""
        found: dict[str, list[Selected]] = {}
        for name, part in self.selected.items():
            found.setdefault(part.space.family or name, []).append(part)
        return found

    @property
    def alone(self) -> dict[str, Selected]:
        """The spaces that are no shape of supercell among several."""
        return {name: part for name, part in self.selected.items() if not part.space.family}

    def suffix(self, name: str) -> str:
        """Return what sets a space's figure apart from those of others: nothing where it is the only space."""
        return "" if len(self.families) == 1 else f"_{name}"


Draw = Callable[[View, Path], dict[str, str]]
"""Draws into a folder and returns file names with their captions; none where there is nothing to draw."""


@dataclass(frozen=True)
class Figure:
    """A registered figure.

    Parameters
    ----------
    order : int
        Where it stands in the card; small numbers first.
    draw : callable
        Draws it.
    """

    order: int
    draw: Draw


figures: Registry[Figure] = Registry("figure", "matbench_defects.dataset.figures")
"""Every registered figure, by name."""


def figure(name: str, order: int) -> Callable[[Draw], Draw]:
    """Return a decorator that registers a function as a figure."""

    def register(draw: Draw) -> Draw:
        figures.register(name)(Figure(order, draw))
        return draw

    return register


def draw_figures(folder: Path, view: View) -> dict[str, str]:
    """Draw every figure whose data a dataset has.

    Parameters
    ----------
    folder : path
        The dataset's folder; figures go to ``figures/`` in it.
    view : View
        What there is to draw.

    Returns
    -------
    dict of str to str
        Path in the folder and caption of each figure, in the order of the card.
    """
    drawn = {}
    for one in sorted((f for _, f in figures.items()), key=lambda f: f.order):
        for name, caption in one.draw(view, folder / "figures").items():
            drawn[f"figures/{name}"] = caption
    return drawn


def mobile_ion(space: Space) -> str | None:
    """Return the species that leaves, where it is the only thing whose number varies."""
    varying = [s for s in space.sublattices if len(s.contents) > 1]
    if len(varying) != 1 or VACANCY not in varying[0].species or len(varying[0].species) != 2:
        return None
    return next(s for s in varying[0].species if s != VACANCY)


def as_list(axes: Any) -> list[Any]:
    """Return axes as a list, whether matplotlib gives one, a row or a grid of them."""
    return [axes] if not hasattr(axes, "ravel") else list(axes.ravel())
