"""How numbers are written in tables."""

from __future__ import annotations

import math
from collections.abc import Iterable

from matbench_defects.evaluation.scoring import Score

MISSING = "–"
"""What stands where a number is not defined."""


def column_decimals(values: Iterable[float], *, most: int = 5) -> int:
    """Return how many decimals a column needs so that its smallest number shows two or three digits.

    Parameters
    ----------
    values : iterable of float
        The column; what is zero or not a number does not count.
    most : int
        No more than this.
    """
    sizes = [abs(v) for v in values if math.isfinite(v) and abs(v) > 1e-12]
    if not sizes:
        return 2
    # Two digits from 5 on, three below: the last digit is then worth 0.2 to 2 percent.
    return max(0, min(most, 2 - math.floor(math.log10(2 * min(sizes)))))


def fixed(value: float, decimals: int) -> str:
    """Return a number with so many decimals and a true minus sign."""
    if not math.isfinite(value):
        return MISSING
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "\N{MINUS SIGN}")


def spread(score: Score, decimals: int) -> str:
    """Return the standard deviation as ``± 0.012``; empty where there is one seed or fold, or all say the same."""
    if not math.isfinite(score.deviation) or score.deviation <= 1e-12:
        return ""
    return f"± {fixed(score.deviation, decimals)}"


def seconds(value: float) -> str:
    """Return a time in seconds with two or three digits."""
    if value == 0:
        return "0"
    if value < 0.001:
        return "< 0.001"
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


def whole(value: int | None) -> str:
    """Return a whole number in groups of three digits."""
    return MISSING if value is None else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def mebibytes(value: float) -> int:
    """Return a number of bytes in whole MiB, rounded."""
    return round(value / 2**20)
