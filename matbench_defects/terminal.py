"""Tables in the terminal whose values are never cut: columns that do not fit beside each other go below."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from matbench_defects.errors import one_line

GAP = 2
"""Blanks between columns."""


def show_table(
    console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]], *, texts: Collection[str] = ()
) -> None:
    """Show rows under their heads, in as many tables below each other as the console's width asks for.

    Parameters
    ----------
    console : rich.console.Console
        Where they are shown.
    heads : sequence of str
        Titles of the columns; they are broken between words where room is short. Each table begins with the first one.
    rows : sequence of sequences of str
        The values, a row each; a value stays on one line unless it is wider than the console leaves room for.
    texts : collection of str
        Heads of columns that hold text: on the left, and broken between words where room is short.
    """
    heads, rows = [*map(one_line, heads)], [[*map(one_line, row)] for row in rows]
    texts = set(map(one_line, texts))
    columns = [[row[i] for row in rows] for i in range(len(heads))]
    widest, narrowest = [], []
    for head, cells in zip(heads, columns, strict=True):
        unbroken = " ".join(cells).split() if head in texts else cells
        widest.append(max(map(cell_len, [head, *cells])))
        narrowest.append(max(map(cell_len, [*head.split(), *unbroken])))
    narrowest[0] = widest[0]
    for number, block in enumerate(_blocks(narrowest, console.width)):
        if number:
            console.print()
        spare = console.width - sum(narrowest[i] + GAP for i in block) + GAP
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        for i in block:
            text = heads[i] in texts
            wider = widest[i] - narrowest[i]
            if wider > spare:  # a head gets the whole of what keeps it on one line, or nothing
                wider = max(spare, 0) if text else 0
            spare -= wider
            width = min(narrowest[i] + wider, console.width)
            justify: JustifyMethod = "left" if text or i == 0 else "right"
            table.add_column(Text(heads[i]), justify=justify, width=width, overflow="fold")
        for row in rows:
            table.add_row(*(Text(row[i]) for i in block))
        console.print(table)


def _blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Return which columns stand beside each other, the first one in each table."""
    blocks = [[0]]
    for i in range(1, len(widths)):
        if len(blocks[-1]) > 1 and sum(widths[j] + GAP for j in blocks[-1]) + widths[i] > room:
            blocks.append([0])
        blocks[-1].append(i)
    return blocks
