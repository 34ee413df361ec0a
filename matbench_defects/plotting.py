"""Axes to draw on, in one style, files whose bytes depend on nothing but what is drawn, and tables of notebooks."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matbench_defects.files import atomic_path

COLOURS = ("#2b6cb0", "#dd6b20", "#2f855a", "#805ad5")
"""Told apart by colour-blind readers too, in this order; a marker of its own goes with each."""
MARKERS = ("o", "s", "^", "D")
GREY = "#a0aec0"
"""Of what only guides the eye."""
DARK = "#4a5568"
"""Of axes and notes."""
_STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": DARK,
    "axes.labelcolor": "#1a202c",
    "xtick.color": DARK,
    "ytick.color": DARK,
    "legend.frameon": False,
}
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@contextmanager
def canvas(path: Path, width: float, height: float, **layout: Any) -> Iterator[Any]:
    """Give axes to draw on and write the picture as PNG.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    width, height : float
        Its size, inches at 150 dots each.
    **layout
        Passed on to ``Figure.subplots``.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.subplots(**layout)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})


def chemical(formula: str) -> str:
    """Return a formula with its numbers as subscripts, for matplotlib."""
    if "." not in formula:
        return formula.translate(_SUBSCRIPTS)
    return re.sub(r"(\d+(?:\.\d+)?)", r"$_{\1}$", formula)


def grid(number: int, columns: int = 2) -> tuple[int, int]:
    """Return rows and columns for a number of panels."""
    columns = min(number, columns)
    return -(-number // columns), columns


def shown_number(number: int) -> str:
    """Return a whole number with all its digits, or rounded to two where there are more than 30, however many."""
    if number < 10**30:
        return f"{number:,}"
    # Such numbers exceed what a float, and Python's decimal digits, hold.
    exponent, fraction = divmod(math.log10(number), 1)
    return f"{10**fraction:.1f}e+{exponent:.0f}"


def html_table(heads: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> str:
    """Return a table as HTML, for notebooks.

    Parameters
    ----------
    heads : sequence of str
        Titles of the columns.
    rows : sequence of sequences
        The cells, a row each; the first is its title. One whose attribute ``best`` is true is bold.
    caption : str
        What stands above.
    """

    def shown(cell: object) -> str:
        text = html.escape(str(cell))
        return f"<b>{text}</b>" if getattr(cell, "best", False) else text

    def line(row: Sequence[object]) -> str:
        return f"<tr><th>{shown(row[0])}</th>{''.join(f'<td>{shown(cell)}</td>' for cell in row[1:])}</tr>"

    above = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    head = "".join(f"<th>{shown(cell)}</th>" for cell in heads)
    return f"<table>{above}<tr>{head}</tr>{''.join(map(line, rows))}</table>"
