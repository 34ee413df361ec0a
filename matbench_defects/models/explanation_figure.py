"""How much each feature counts, as a picture and as a table."""

from __future__ import annotations

from pathlib import Path

from matbench_defects.csv_text import csv_text
from matbench_defects.files import write_text
from matbench_defects.models.explanation import Explanation
from matbench_defects.plotting import COLOURS, GREY, canvas

MOST = 20
"""Features that are drawn."""


def draw_explanation(path: Path, explanation: Explanation, title: str, unit: str) -> None:
    """Draw the features that count most as bars.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    explanation : Explanation
        What a fitted model says.
    title : str
        Stands above the bars.
    unit : str
        Unit of the target.
    """
    shown = explanation.largest(MOST)
    with canvas(path, 8, 1.2 + 0.24 * max(len(shown), 1)) as axis:
        weights = [weight for _, weight in shown]
        colours = [COLOURS[0] if weight >= 0 else COLOURS[1] for weight in weights]
        axis.barh(range(len(shown)), weights, color=colours)
        axis.set_yticks(range(len(shown)), [name for name, _ in shown], fontsize=7)
        axis.invert_yaxis()
        axis.axvline(0, color=GREY, linewidth=0.8)
        meaning = f"change with one standard deviation of the feature, {unit}"
        axis.set_xlabel(meaning if explanation.signed else "share of what the trees gained by splits")
        axis.set_title(f"{title}\n{len(shown)} of {len(explanation.names)} features", fontsize=9)


def write_explanation(path: Path, explanation: Explanation) -> None:
    """Write every feature with its weight as CSV, the one that counts most first."""
    weights = [[name, float(f"{weight:.9g}")] for name, weight in explanation.largest(len(explanation.names))]
    write_text(path, csv_text([["feature", "weight"], *weights]))
