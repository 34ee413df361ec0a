"""Parts as lists, from a file beside the spec: for published splits."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import ClassVar

from matbench_defects.bounded import read_text
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.parts import PARTS
from matbench_defects.dataset.splits.split import SplitOperator, SplitSettings, operators
from matbench_defects.errors import InputError, Mistakes, nearest

LARGEST_LIST = 2**26
"""The list may have this many bytes: some two million rows."""


class FixedSettings(SplitSettings):
    """Settings of a fixed split."""

    file: str
    """A CSV file, relative to the spec: columns ``id`` and ``part``, and ``fold`` where there are several."""


@operators.register("fixed")
class FixedSplit(SplitOperator):
    """Rows are parted by a list in a file; rows that it does not name are left out."""

    Settings: ClassVar[type[SplitSettings]] = FixedSettings
    settings: FixedSettings

    def check(self) -> None:
        """Read the file and refuse what is not a list of ids with parts."""
        self._parts: dict[str, dict[str, str]] = {}
        path = self.folder / self.settings.file
        mistakes = Mistakes()
        reader = csv.DictReader(io.StringIO(read_text(path, LARGEST_LIST), newline=""))
        try:
            columns = reader.fieldnames or []
            if sorted(columns) not in (["id", "part"], ["fold", "id", "part"]):
                message = f"has the columns {', '.join(columns)}; id and part were expected, or fold besides"
                raise InputError(message, file=str(path), line=1)
            for entry in reader:
                with mistakes.noted():
                    self._add(entry, str(path), reader.line_num)
        except csv.Error as error:
            raise InputError(f"cannot be read: {error}", file=str(path)) from None
        mistakes.tell()
        if not self._parts:
            raise InputError("names no row", file=str(path))

    def _add(self, entry: dict[str, str], file: str, line: int) -> None:
        name, part, fold = entry["id"], entry["part"], entry.get("fold", "")
        if part not in PARTS:
            raise InputError(f"no part is called '{part}'; {nearest(str(part), PARTS)}", file=file, line=line)
        if "fold" in entry and not fold:
            raise InputError("the fold is empty; every row needs one", file=file, line=line)
        here = self._parts.setdefault(fold, {})
        if name in here:
            raise InputError(f"'{name}' is listed twice{f' in {fold}' if fold else ''}", file=file, line=line)
        here[name] = part

    def folds(self) -> list[str]:
        """Return the folds in the order of the file."""
        return [fold for fold in self._parts if fold]

    def parts(self, rows: Sequence[Configuration], fold: str = "") -> list[str | None]:
        """Return the part of each row, and refuse a list that names a row which is not there."""
        known = {row.id for row in rows}
        file, mistakes = str(self.folder / self.settings.file), Mistakes()
        for name in self._parts[fold]:
            if name not in known:
                message = f"'{name}' is not among the {len(known)} labelled configurations"
                mistakes.add(InputError(f"{message}; name it in `also`, or not here", file=file))
        mistakes.tell()
        return [self._parts[fold].get(row.id) for row in rows]

    def describe(self) -> str:
        """Return one sentence for the card."""
        return "By a list that comes with the dataset."
