"""Pictures of a dataset: what a chemist looks at first."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from matbench_defects.dataset.electrochemistry import VoltageStep
from matbench_defects.files import atomic_path

COLOURS = ("#2b6cb0", "#dd6b20", "#2f855a", "#805ad5")
_STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#4a5568",
    "axes.labelcolor": "#1a202c",
    "xtick.color": "#4a5568",
    "ytick.color": "#4a5568",
    "legend.frameon": False,
}


@dataclass(frozen=True)
class EnergySeries:
    """Formation energies by one label.

    Parameters
    ----------
    name : str
        The label, for the legend.
    amount : sequence of float
        Mobile atoms per formula unit of each configuration.
    energy : sequence of float
        Formation energy of each configuration.
    voltage : sequence of VoltageStep
        Its voltage curve; empty where there is none.
    """

    name: str
    amount: Sequence[float]
    energy: Sequence[float]
    voltage: Sequence[VoltageStep]


@contextmanager
def _figure(path: Path, width: float, height: float, **layout: Any) -> Any:
    """Give axes to draw on and write the picture, its bytes depending on nothing but what is drawn."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.subplots(**layout)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})


def lower_hull(amount: Sequence[float], energy: Sequence[float]) -> list[int]:
    """Return the points on the lower convex hull, from left to right.

    Parameters
    ----------
    amount, energy : sequences of float, length n
        Coordinates of the points.
    """
    order = sorted(range(len(amount)), key=lambda i: (amount[i], energy[i]))
    hull: list[int] = []
    for i in order:
        if hull and amount[hull[-1]] == amount[i]:
            continue

        def turns_up(j: int, k: int, i: int = i) -> bool:
            left = (energy[k] - energy[j]) * (amount[i] - amount[k])
            right = (energy[i] - energy[k]) * (amount[k] - amount[j])
            return left < right

        while len(hull) > 1 and not turns_up(hull[-2], hull[-1]):
            hull.pop()
        hull.append(i)
    return hull


def draw_energies(path: Path, title: str, axis: str, unit: str, ion: str, series: Sequence[EnergySeries]) -> None:
    """Draw formation energies against content with the lower hull, and below it the voltage curve that it implies.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    title : str
        Title of the picture.
    axis : str
        Label of the content's axis.
    unit : str
        Unit of the energies.
    ion : str
        The working ion, for the voltage's axis.
    series : sequence of EnergySeries
        One a label.
    """
    with_voltage = any(s.voltage for s in series)
    rows = 2 if with_voltage else 1
    ratios = [1.5, 1] if with_voltage else [1]
    with _figure(path, 6.4, 6.2 if with_voltage else 4, nrows=rows, sharex=True, height_ratios=ratios) as axes:
        upper, lower = (axes[0], axes[1]) if with_voltage else (axes, None)
        upper.axhline(0, color="#a0aec0", linewidth=0.8, zorder=0)
        for colour, one in zip(COLOURS, series, strict=False):
            hull = lower_hull(one.amount, one.energy)
            upper.scatter(one.amount, one.energy, s=16, color=colour, alpha=0.45, linewidths=0, label=one.name)
            x, y = [one.amount[i] for i in hull], [one.energy[i] for i in hull]
            upper.plot(x, y, color=colour, linewidth=1.6, marker="o", markersize=4.5, label="its lower hull")
            if lower is not None and one.voltage:
                edges = [one.voltage[0].low, *(step.high for step in one.voltage)]
                lower.stairs([s.voltage for s in one.voltage], edges, baseline=None, color=colour, linewidth=1.6)
        upper.set_title(title, pad=24)
        upper.set_ylabel(f"Formation energy ({unit})")
        # Above the axes, where it hides no point.
        upper.legend(fontsize=8, ncols=2 * len(series), loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
        if lower is not None:
            lower.set_title(f"Equilibrium voltage of the hull, against {ion} metal by the same engine")
            lower.set_ylabel("Voltage (V)")
            lower.margins(y=0.15)
        (lower if lower is not None else upper).set_xlabel(axis)


def draw_contents(path: Path, names: Sequence[str], counts: Sequence[int], multiplicities: Sequence[int]) -> None:
    """Draw how many inequivalent configurations each content has, and how the multiplicities are distributed.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    names : sequence of str
        The contents.
    counts : sequence of int
        Inequivalent configurations of each.
    multiplicities : sequence of int
        Multiplicity of each configuration.
    """
    with _figure(path, 8, 3, ncols=2, width_ratios=[1.6, 1]) as axes:
        left, right = axes
        left.bar(range(len(names)), counts, color=COLOURS[0])
        step = -(-len(names) // 26)
        left.set_xticks(range(0, len(names), step), list(names)[::step], rotation=60, ha="right", fontsize=7)
        left.set_ylabel("Inequivalent configurations")
        left.set_title("By content")
        values, frequency = np.unique(np.asarray(multiplicities), return_counts=True)
        right.bar([str(v) for v in values], frequency, color=COLOURS[1])
        right.tick_params(axis="x", labelrotation=60, labelsize=7)
        right.set_title("By multiplicity")
        right.set_xlabel("Equivalent configurations in the orbit")
