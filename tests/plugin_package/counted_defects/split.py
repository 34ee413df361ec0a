"""A split by whether a number is even."""

from __future__ import annotations

from matbench_defects.dataset.splits import SplitOperator, SplitSettings, operators


@operators.register("even")
class Even(SplitOperator):
    """Training rows are those whose id has an even number of the letters a to f."""

    Settings = SplitSettings

    def part(self, row, fold=""):
        """Return the part of a row."""
        return "test" if sum(character in "abcdef" for character in row.id) % 2 else "train"

    def describe(self):
        """Return one sentence for the card."""
        return "Training rows have an id with an even number of the letters a to f."
