"""Energies of defective configurations against the number of their defects."""

from __future__ import annotations

from pathlib import Path

from matbench_defects.dataset.figures.figure import View, as_list, figure, mobile_ion
from matbench_defects.dataset.targets import ResolvedTarget
from matbench_defects.plotting import COLOURS, GREY, MARKERS, canvas, grid

_SMALL = 0.2
"""Where no energy is larger than this, eV, they are drawn in meV."""
_MOST_TICKS = 6
"""Up to this many numbers of defects each has its tick."""


@figure("defect_energies", order=40)
def defect_energies(view: View, folder: Path) -> dict[str, str]:
    """Draw the first energy of each label against how many sites differ from the host, one panel a group of spaces."""
    if any(mobile_ion(p.space) or any((p.space.meant or {}).values()) for p in view.selected.values()):
        return {}  # another figure shows these
    targets: dict[str, ResolvedTarget] = {}
    for target in view.of_kind("formation_energy", "defect_formation_energy"):
        targets.setdefault(target.label, target)
    if not targets or view.of_kind("energy_above_hull"):
        return {}
    panels: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for label, target in targets.items():
        for row, value in view.known(target):
            panel = panels.setdefault(" ".join(row.space.groups.values()), {})
            panel.setdefault(label, []).append((row.count("defect site"), value))
    numbers = {number for panel in panels.values() for points in panel.values() for number, _ in points}
    if len(numbers) < 2:
        return {}
    first = next(iter(targets.values()))
    what, unit = first.quantity.description, first.quantity.shown_unit
    if max(abs(value) for panel in panels.values() for points in panel.values() for _, value in points) < _SMALL:
        unit = f"m{unit}"
        panels = {
            title: {label: [(number, 1000 * value) for number, value in points] for label, points in panel.items()}
            for title, panel in panels.items()
        }
    draw_defect_energies(folder / "defect_energies.png", f"{what.capitalize()} ({unit})", panels)
    return {"defect_energies.png": f"{what.capitalize()} against the number of sites that differ from the ideal host"}


def draw_defect_energies(path: Path, axis: str, panels: dict[str, dict[str, list[tuple[int, float]]]]) -> None:
    """Draw energies against a number of defects.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    axis : str
        Label of the energy's axis.
    panels : dict of str to dict of str to list of (int, float)
        Number of defects and energy of each configuration, by label, by panel.
    """
    columns = 3 if len(panels) > 4 else 2
    rows, columns = grid(len(panels), columns)
    width = 6.4 if columns < 3 else 8
    labels = list(dict.fromkeys(label for panel in panels.values() for label in panel))
    with canvas(path, width, 2.3 * rows + 0.9, nrows=rows, ncols=columns) as axes:
        every = as_list(axes)
        for one, (title, panel) in zip(every, panels.items(), strict=False):
            one.axhline(0, color=GREY, linewidth=0.8, zorder=0)
            for label, points in panel.items():
                k = labels.index(label)
                x, y = zip(*points, strict=True)
                shift = 0.16 * (k - (len(labels) - 1) / 2)  # labels side by side
                one.scatter(
                    [v + shift for v in x], y, s=14, color=COLOURS[k], marker=MARKERS[k], alpha=0.5, linewidths=0
                )
            one.set_title(title)
            numbers = sorted({number for points in panel.values() for number, _ in points})
            if len(numbers) <= _MOST_TICKS:
                one.set_xticks(numbers)
            else:
                one.xaxis.get_major_locator().set_params(integer=True, nbins=_MOST_TICKS)
        for one in every[len(panels) :]:
            one.set_visible(False)
        figure = every[0].figure
        figure.supylabel(axis, fontsize=9)
        figure.supxlabel("Sites that differ from the ideal host", fontsize=9)
        if len(labels) > 1:
            handles = [every[0].scatter([], [], color=COLOURS[k], marker=MARKERS[k], s=14) for k in range(len(labels))]
            figure.legend(handles, labels, fontsize=8, ncols=len(labels), loc="outside upper left")
