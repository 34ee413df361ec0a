"""Energy difference of two phases against the number of dopants."""

from __future__ import annotations

from pathlib import Path

from matbench_defects.crystal.contents import defect_count
from matbench_defects.dataset.figures.figure import View, figure
from matbench_defects.dataset.targets.phase_difference import PhaseDifference, PublishedDifference
from matbench_defects.plotting import COLOURS, DARK, GREY, MARKERS, canvas


@figure("phases", order=50)
def phases(view: View, folder: Path) -> dict[str, str]:
    """Draw the phase difference of each group of spaces against how many sites differ from the host."""
    drawn = {}
    for target in view.of_kind("phase_difference"):
        assert isinstance(target.computed, PhaseDifference)
        series: dict[str, dict[int, float]] = {}
        for row, value in view.known(target):
            others = [v for k, v in row.space.groups.items() if k != target.computed.settings.group]
            series.setdefault(" ".join(others), {})[defect_count(row.space, row.content)] = value
        first, second = target.computed.settings.phases
        published = target.computed.settings.published
        path = f"{target.name}.png"
        axis = f"E({first}) - E({second})\n(meV per atom)"
        draw_phases(folder / path, f"Lowest {first} less lowest {second}, {target.label}", axis, series, published)
        cited = "; ".join(f"{p.value * 1000:g} meV per atom at {p.defects}: {p.source}" for p in published)
        drawn[path] = (
            f"Energy of {first} less that of {second}, the lowest labelled configuration of each, against the number "
            f"of dopants in the cell{f' (published: {cited})' if cited else ''}"
        )
    return drawn


def draw_phases(
    path: Path, title: str, axis: str, series: dict[str, dict[int, float]], published: list[PublishedDifference]
) -> None:
    """Draw phase differences against the number of dopants.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    title, axis : str
        Title of the picture and label of the energy's axis.
    series : dict of str to dict of int to float
        Difference in eV per atom at each number of dopants, by dopant.
    published : list of PublishedDifference
        Published values, drawn as open stars.
    """
    with canvas(path, 6.4, 3.4) as axes:
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        for k, (name, points) in enumerate(series.items()):
            x = sorted(points)
            y = [1000 * points[n] for n in x]
            axes.plot(x, y, color=COLOURS[k], marker=MARKERS[k], markersize=5, linewidth=1.5, label=name or None)
        if published:
            x, y = [p.defects for p in published], [1000 * p.value for p in published]
            axes.plot(x, y, "*", color=DARK, markerfacecolor="none", markersize=11, label="published", zorder=5)
        axes.set_xlabel("Dopants in the cell")
        axes.set_ylabel(axis)
        axes.set_title(title, pad=22)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if axes.get_legend_handles_labels()[1]:  # a single series needs no name
            axes.legend(fontsize=8, ncols=len(series) + 1, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
