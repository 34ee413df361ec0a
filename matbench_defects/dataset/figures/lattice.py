"""Lattice parameters and volume of a delithiated host against its content, as an operando measurement shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.axes import axis_lengths, equivalent_axes
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.figures.energies import host_formula
from matbench_defects.dataset.figures.figure import View, figure, mobile_ion
from matbench_defects.dataset.targets import LabelledConfiguration
from matbench_defects.plotting import COLOURS, canvas

_SHIFT = 0.006
"""Labels stand this far apart on the axis of the content, so that their bars do not cover each other."""


@dataclass(frozen=True)
class Panel:
    """One quantity of every configuration.

    Parameters
    ----------
    title : str
        What the axis says.
    values : ndarray of float, shape (n,)
        The quantity of each configuration.
    spread : ndarray of float, shape (n, 2)
        Its smallest and largest value among equivalent axes.
    """

    title: str
    values: NDArray[np.float64]
    spread: NDArray[np.float64]


@figure("lattice", order=30)
def lattice(view: View, folder: Path) -> dict[str, str]:
    """Draw axes and volume against the content of the mobile ion."""
    drawn = {}
    for name, part in view.alone.items():
        ion = mobile_ion(part.space)
        relaxed = [label.label_name for label in view.spec.labels if label.relax is not None and label.relax.cell]
        series: dict[str, Iterable[LabelledConfiguration]] = {}
        for label in relaxed:
            rows = view.usable(label, part.space)
            if ion is not None and len({row.content for row in rows}) > 1:
                series[label] = rows
        if ion is None or not series:
            continue
        path = f"lattice{view.suffix(name)}.png"
        draw_lattice(folder / path, part.space, ion, series)
        drawn[path] = (
            f"Lattice parameters and volume against {ion} content: every labelled configuration, and a line through "
            "that of lowest energy at each content; its bar spans axes that the parent's symmetry makes equivalent"
        )
    return drawn


def draw_lattice(path: Path, space: Space, ion: str, series: dict[str, Iterable[LabelledConfiguration]]) -> None:
    """Draw each inequivalent axis and the volume in a panel of its own.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    space : Space
        The space.
    ion : str
        The mobile ion.
    series : dict of str to iterable of LabelledConfiguration
        Configurations with usable labels, by the label's name; gone through several times.
    """
    number = len(panels(space, next(iter(series.values()))))
    with canvas(path, 6.4, 1.9 * number + 0.5, nrows=number, sharex=True) as axes:
        for k, (label, rows) in enumerate(series.items()):
            amounts = np.array([space.count(row.content, ion) / space.formula_units for row in rows])
            energies = [row.outcome.energy for row in rows if row.outcome is not None]
            lowest = _lowest_at_each(amounts, energies)
            for axis, panel in zip(axes, panels(space, rows), strict=True):
                _draw(axis, panel, amounts + _SHIFT * k, lowest, COLOURS[k], label)
        axes[0].set_title(f"{host_formula(space, ion)}: relaxed cells", pad=24)
        axes[0].legend(fontsize=8, ncols=2 * len(series), loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
        axes[-1].set_xlabel(f"{ion} per formula unit of {host_formula(space, ion)}")


def _draw(
    axis: Any, panel: Panel, amounts: NDArray[np.float64], lowest: Sequence[int], colour: str, label: str
) -> None:
    axis.scatter(amounts, panel.values, s=12, color=colour, alpha=0.3, linewidths=0, label=label)
    low, high = panel.spread[lowest].T
    if (high - low > 1e-3).any():
        axis.vlines(amounts[lowest], low, high, color=colour, linewidth=1, alpha=0.8)
    axis.plot(
        amounts[lowest], panel.values[lowest], color=colour, linewidth=1.5, marker="o", markersize=4, label="lowest"
    )
    axis.set_ylabel(panel.title)


def panels(space: Space, rows: Iterable[LabelledConfiguration]) -> list[Panel]:
    """Return what is drawn of configurations: each inequivalent axis, and the volume."""
    lattices = np.array([row.outcome.crystal.lattice for row in rows if row.outcome is not None])
    result = []
    seen: set[tuple[int, ...]] = set()
    for axis, name in enumerate("abc"):
        directions = {tuple(int(n) for n in v) for v in equivalent_axes(space, axis)}
        if directions & seen:
            continue
        seen |= directions
        own = [tuple(int(n) for n in v) for v in space.parent.axes]
        same = [n for n, v in zip("abc", own, strict=True) if max(v, tuple(-x for x in v)) in directions]
        lengths = [axis_lengths(space, lattice, axis) for lattice in lattices]
        spread = np.array([[found.min(), found.max()] for found in lengths])
        title = f"{' = '.join(same) if len(same) > 1 else name} (Å)"
        result.append(Panel(title, np.array([found.mean() for found in lengths]), spread))
    volumes = np.abs(np.linalg.det(lattices)) / space.formula_units
    return [*result, Panel("volume (Å³ per f.u.)", volumes, np.stack([volumes, volumes], axis=1))]


def _lowest_at_each(amounts: NDArray[np.float64], energies: Sequence[float]) -> list[int]:
    """Return the configuration of lowest energy at each content, contents increasing."""
    best: dict[float, int] = {}
    for i, amount in enumerate(amounts.tolist()):
        if amount not in best or energies[i] < energies[best[amount]]:
            best[amount] = i
    return [best[amount] for amount in sorted(best)]
