"""Migration barriers by pathway type."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from matbench_defects.dataset.figures.figure import View, as_list, figure
from matbench_defects.plotting import COLOURS, DARK, canvas


@figure("barriers", order=20)
def barriers(view: View, folder: Path) -> dict[str, str]:
    """Draw the barriers of each space by the orbit of their edge under the host's symmetry."""
    drawn = {}
    for target in view.of_kind("migration_barrier"):
        panels: dict[str, dict[str, list[float]]] = {}
        for name, part in view.selected.items():
            known = view.known(target, part.space)
            if known:
                types = part.space.kind.point_types(part.space)
                panels[name] = {kind: [] for kind in sorted(set(types))}
                for row, value in known:
                    panels[name][types[row.space.point(row.occupation)]].append(value)
        path = f"{target.name}.png"
        draw_barriers(folder / path, f"Barrier by {target.label} (eV)", panels)
        drawn[path] = (
            "Migration barriers by pathway type (orbits of edges under the host's symmetry, by increasing length); "
            "bars are medians, n counts pathways"
        )
    return drawn


def draw_barriers(path: Path, axis: str, panels: dict[str, dict[str, list[float]]]) -> None:
    """Draw barriers by type, every pathway a point.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    axis : str
        Label of the barrier's axis.
    panels : dict of str to dict of str to list of float
        Barriers in eV by pathway type, by space.
    """
    with canvas(path, max(4.0, 2.6 * len(panels)), 3.3, ncols=len(panels), sharey=True) as axes:
        every = as_list(axes)
        for one, (title, by_type) in zip(every, panels.items(), strict=True):
            for position, values in enumerate(by_type.values()):
                if not values:
                    continue
                # Points of one type stand side by side in the order of their barrier, so none hides another.
                x = position + (np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else np.zeros(1))
                one.scatter(x, sorted(values), s=11, color=COLOURS[0], alpha=0.55, linewidths=0)
                one.hlines(np.median(values), position - 0.38, position + 0.38, color=COLOURS[1], linewidth=1.8)
            one.set_xticks(range(len(by_type)), [f"{kind}\nn={len(found)}" for kind, found in by_type.items()])
            one.set_xlim(-0.6, len(by_type) - 0.4)
            one.set_title(title)
            one.tick_params(axis="x", labelsize=8, colors=DARK)
            one.set_xlabel("Pathway type")
        every[0].set_ylabel(axis)
        every[0].set_ylim(bottom=0)
