"""Binary convex hulls with the labelled configurations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.dataset.figures.figure import View, as_list, figure
from matbench_defects.dataset.targets.energy_above_hull import EnergyAboveHull, elements_of, entry_of
from matbench_defects.plotting import COLOURS, DARK, canvas, chemical, grid

NEAR = 0.002
"""Configurations up to this far above the hull, eV per atom, are drawn as candidates."""


@dataclass(frozen=True)
class BinaryHull:
    """What is drawn of one binary system.

    Parameters
    ----------
    first, second : str
        The two elements; the axis is the share of the second.
    points : list of (float, float)
        Share and formation energy, meV per atom, of each configuration.
    near : list of (float, float)
        Those of them on the hull, or at most `NEAR` above it.
    line : list of (float, float)
        Corners of the hull.
    phases : list of (str, float, float)
        Formula, share and formation energy of each reference phase.
    """

    first: str
    second: str
    points: list[tuple[float, float]]
    near: list[tuple[float, float]]
    line: list[tuple[float, float]]
    phases: list[tuple[str, float, float]]


@figure("hulls", order=20)
def hulls(view: View, folder: Path) -> dict[str, str]:
    """Draw formation energies against composition with the hull, one panel a binary system."""
    drawn = {}
    for target in view.of_kind("energy_above_hull"):
        assert isinstance(target.computed, EnergyAboveHull)
        labelled = view.labelled[target.label]
        diagrams = target.computed.hulls(labelled)
        systems: dict[tuple[str, ...], Any] = {}
        for name, part in view.selected.items():
            order = list(dict.fromkeys([*part.space.host_elements, *sorted(elements_of(part.space))]))
            if name in diagrams and len(order) == 2:
                systems[
                    tuple(
                        sorted(
                            order,
                            key=lambda e: sum(e in elements_of(p.space) for p in view.selected.values()),
                            reverse=True,
                        )
                    )
                ] = diagrams[name]
        panels = [_panel(view, target.name, pair, diagram) for pair, diagram in systems.items()]
        if panels:
            path = f"{target.name}.png"
            draw_hulls(folder / path, panels)
            drawn[path] = (
                f"Formation energies against the elements by {target.label}, and the convex hull; filled diamonds are "
                f"configurations at most {1000 * NEAR:g} meV per atom above it, open squares reference phases"
            )
    return drawn


def _panel(view: View, target: str, pair: tuple[str, ...], diagram: Any) -> BinaryHull:
    first, second = pair

    def place(entry: Any) -> tuple[float, float]:
        return (
            float(entry.composition.get_atomic_fraction(second)),
            1000 * float(diagram.get_form_energy_per_atom(entry)),
        )

    points, near = [], []
    for row, height in view.known(view.targets[target]):
        if row.outcome is not None and elements_of(row.space) == set(pair):
            here = place(entry_of(row.id, Counter(row.outcome.crystal.species), row.outcome.energy))
            points.append(here)
            if height <= NEAR:
                near.append(here)
    phases = []
    for name, label in view.labelled[view.targets[target].label].phases.items():
        if label.outcome is not None and set(label.outcome.crystal.species) <= set(pair):
            entry = entry_of(name, Counter(label.outcome.crystal.species), label.outcome.energy)
            phases.append((entry.composition.reduced_formula, *place(entry)))
    line = sorted(place(entry) for entry in diagram.stable_entries)
    return BinaryHull(first, second, points, near, line, phases)


def draw_hulls(path: Path, panels: list[BinaryHull]) -> None:
    """Draw binary hulls.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    panels : list of BinaryHull
        The systems.
    """
    rows, columns = grid(len(panels))
    with canvas(path, 4 * columns, 3 * rows, nrows=rows, ncols=columns) as axes:
        every = as_list(axes)
        for axis, panel in zip(every, panels, strict=False):
            axis.plot(*zip(*panel.line, strict=True), color=DARK, linewidth=1.2, zorder=1)
            if panel.points:
                axis.scatter(
                    *zip(*panel.points, strict=True), s=14, color=COLOURS[0], alpha=0.5, linewidths=0, zorder=2
                )
            if panel.near:
                axis.scatter(*zip(*panel.near, strict=True), s=34, color=COLOURS[1], marker="D", linewidths=0, zorder=4)
            for formula, x, y in panel.phases:
                axis.scatter([x], [y], s=26, facecolors="white", edgecolors=DARK, marker="s", linewidths=1.1, zorder=3)
                if 0 < x < 1:
                    axis.annotate(
                        chemical(formula),
                        (x, y),
                        (0, -6),
                        textcoords="offset points",
                        ha="center",
                        va="top",
                        fontsize=8,
                    )
            axis.margins(y=0.12)
            axis.set_title(f"{panel.first}-{panel.second}")
            axis.set_xlabel(f"Share of {panel.second} atoms")
            axis.set_ylabel("Formation energy\n(meV per atom)")
        for axis in every[len(panels) :]:
            axis.set_visible(False)
