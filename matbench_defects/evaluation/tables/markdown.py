"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from matbench_defects.evaluation.tables.table import ResultTable, Row


def markdown(table: ResultTable, *, bold_best: bool = False) -> str:
    """Return a table as Markdown, numbers on the right, with a line break at its end.

    Parameters
    ----------
    table : ResultTable
        The table.
    bold_best : bool
        Whether the best of each row or column is bold.
    """

    def cells(row: Row) -> list[str]:
        return [f"**{cell.text}**" if bold_best and cell.best else str(cell) for cell in row.cells]

    right = ["---", *("---:" if column.numeric else "---" for column in table.columns)]
    return markdown_lines([table.heads, right, *([row.title, *cells(row)] for row in table.rows)])


def markdown_lines(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of a Markdown table: heads, rules, rows. A cell's text stays in its cell."""
    return "".join(f"| {' | '.join(map(_inside, line))} |\n" for line in lines)


def _inside(cell: str) -> str:
    return " ".join(cell.splitlines()).replace("|", "\\|")
