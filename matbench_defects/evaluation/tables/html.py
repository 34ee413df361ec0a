"""Tables as HTML for notebooks; the pages of the leaderboard lay the same table out by their templates."""

from __future__ import annotations

from html import escape

from matbench_defects.evaluation.tables.table import ResultTable


def html_table(table: ResultTable) -> str:
    """Return a table as HTML, the best of each column bold."""
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    rows = []
    for row in table.rows:
        shown = [f"<b>{escape(str(cell))}</b>" if cell.best else escape(str(cell)) for cell in row.cells]
        rows.append(f"<tr><th>{escape(row.title)}</th>{''.join(f'<td>{cell}</td>' for cell in shown)}</tr>")
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
