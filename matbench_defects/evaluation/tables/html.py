"""Tables as HTML for notebooks; the pages of the leaderboard lay the same table out by their templates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(heads: Sequence[str], rows: Iterable[tuple[str, Sequence[tuple[str, bool]]]]) -> str:
    """Return a table as HTML.

    Parameters
    ----------
    heads : sequence of str
        The heads of all columns, that of the row titles among them.
    rows : iterable of (str, sequence of (str, bool))
        Of each row its title and its cells; those that are the best of their column are bold.
    """
    body = []
    for title, cells in rows:
        shown = "".join(
            f"<td><b>{escape(text)}</b></td>" if best else f"<td>{escape(text)}</td>" for text, best in cells
        )
        body.append(f"<tr><th>{escape(title)}</th>{shown}</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
