"""A picture of searches: how far the lowest label is from the lowest configuration, label by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matbench_defects.discovery.search import Trace
from matbench_defects.plotting import COLOURS, DARK, GREY, canvas


def regret_curves(traces: Sequence[Trace], length: int) -> NDArray[np.float64]:
    """Return the regret of several searches after 1, 2, ... labels, shape (searches, length).

    A search that ended keeps its last regret: 0 where it found the lowest configuration.
    """
    return np.stack([np.pad(trace.regret, (0, length - len(trace.regret)), mode="edge") for trace in traces])


def draw_regret(path: Path, title: str, unit: str, series: Mapping[str, Sequence[Trace]]) -> None:
    """Draw the mean regret over seeds against the number of labels, with the range of the seeds.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    title : str
        Title of the picture.
    unit : str
        Unit of the regret.
    series : mapping of str to sequence of Trace
        The searches that share a line, by its name.
    """
    length = max(len(trace.ids) for traces in series.values() for trace in traces)
    labels = np.arange(1, length + 1)
    styles = ("-", "--", ":", "-.")
    with canvas(path, 6.4, 4) as axes:
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        for i, (name, traces) in enumerate(series.items()):
            colour, style = COLOURS[i % len(COLOURS)], styles[i // len(COLOURS) % len(styles)]
            curves = regret_curves(traces, length)
            axes.fill_between(
                labels, curves.min(axis=0), curves.max(axis=0), step="post", color=colour, alpha=0.12, linewidth=0
            )
            axes.step(labels, curves.mean(axis=0), where="post", color=colour, linestyle=style, label=name)
        axes.set_title(title)
        axes.set_xlabel("Labels")
        axes.set_ylabel(f"Lowest label less lowest of all ({unit})")
        axes.legend(fontsize=8, labelcolor=DARK)
        axes.margins(x=0.01)
