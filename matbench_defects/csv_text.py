"""Tables as CSV that a spreadsheet shows and never runs."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

FORMULA = frozenset("=+-@")
"""What a spreadsheet takes for the beginning of a formula, in any width and behind blanks."""


def csv_text(lines: Iterable[Sequence[Any]]) -> str:
    """Return lines as CSV: nothing where a number is not defined, and no text that a spreadsheet runs as a formula."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([_plain(value) for value in line] for line in lines)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return without_formula(value) if isinstance(value, str) else value


def without_formula(text: str) -> str:
    """Return a text behind an apostrophe where a spreadsheet would take it for a formula."""
    begins = unicodedata.normalize("NFKC", text[:100]).lstrip()[:1]
    return f"'{text}" if begins in FORMULA and begins else text
