"""Energies of named defect types."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from matbench_defects.dataset.figures.figure import View, as_list, figure
from matbench_defects.dataset.targets import ResolvedTarget
from matbench_defects.plotting import COLOURS, GREY, MARKERS, canvas

_WIDTH = 0.7
"""Part of a type's room that its points take."""


@figure("defect_types", order=40)
def defect_types(view: View, folder: Path) -> dict[str, str]:
    """Draw the first defect formation energy of each label by defect type, one panel a space."""
    targets: dict[str, ResolvedTarget] = {}
    for target in view.of_kind("defect_formation_energy", "formation_energy"):
        targets.setdefault(target.label, target)
    panels: dict[str, dict[str, dict[str, list[float]]]] = {}
    for name, part in view.selected.items():
        names = {content: n for content, n in (part.space.meant or {}).items() if n}
        asked = view.spec.all_spaces()[part.space.family or name][0].contents
        if not names or asked is None:
            continue
        for label, target in targets.items():
            by_type: dict[str, list[float]] = {n: [] for n in asked}
            for row, value in view.known(target, part.space):
                if row.content in names:
                    by_type[names[row.content]].append(value)
            if any(by_type.values()):
                panels.setdefault(name, {})[label] = by_type
    if not panels:
        return {}
    first = next(iter(targets.values()))
    what = first.quantity.description.capitalize()
    draw_defect_types(folder / "defect_types.png", f"{what}\n({first.quantity.shown_unit})", panels)
    return {"defect_types.png": f"{what} by defect type; bars are medians"}


def draw_defect_types(path: Path, axis: str, panels: dict[str, dict[str, dict[str, list[float]]]]) -> None:
    """Draw energies by type, every configuration a point.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    axis : str
        Label of the energy's axis.
    panels : dict of str to dict of str to dict of str to list of float
        Energies by type, by label, by panel.
    """
    with canvas(path, 8, 2.5 * len(panels) + 0.4, nrows=len(panels)) as axes:
        every = as_list(axes)
        labels = list(dict.fromkeys(label for panel in panels.values() for label in panel))
        room = _WIDTH / len(labels)
        for one, (title, panel) in zip(every, panels.items(), strict=True):
            types = list(next(iter(panel.values())))
            one.axhline(0, color=GREY, linewidth=0.8, zorder=0)
            for label, by_type in panel.items():
                k = labels.index(label)
                for position, name in enumerate(types):
                    values = np.sort(by_type[name])
                    if not len(values):
                        continue
                    middle = position - _WIDTH / 2 + room * (k + 0.5)
                    # Points of one type stand side by side in the order of their energy, so none hides another.
                    x = middle + np.linspace(-0.4, 0.4, len(values)) * room if len(values) > 1 else [middle]
                    one.scatter(x, values, s=9, color=COLOURS[k], marker=MARKERS[k], alpha=0.5, linewidths=0)
                    one.hlines(
                        np.median(values), middle - 0.5 * room, middle + 0.5 * room, color=COLOURS[k], linewidth=1.6
                    )
            one.set_xticks(range(len(types)), types)
            one.set_xlim(-0.6, len(types) - 0.4)
            one.set_title(title)
            one.set_ylabel(axis)
        if len(labels) > 1:
            handles = [every[0].scatter([], [], color=COLOURS[k], marker=MARKERS[k], s=14) for k in range(len(labels))]
            every[0].figure.legend(handles, labels, fontsize=8, ncols=len(labels), loc="outside upper left")
