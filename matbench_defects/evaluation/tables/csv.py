"""Tables as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any


def csv_text(lines: Iterable[Sequence[Any]]) -> str:
    """Return lines as CSV: nothing where a number is not defined, and no text that a spreadsheet runs as a formula."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([_plain(value) for value in line] for line in lines)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"} else value
