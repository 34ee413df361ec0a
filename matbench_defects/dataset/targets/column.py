"""A number of a table: a gap, a moment, a lattice parameter, an energy, whatever a publication or a program gives."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, PrivateAttr

from matbench_defects.bounded import LARGEST_FILE, check_plain
from matbench_defects.columns import Per, Quantity
from matbench_defects.dataset.targets.target import (
    Domain,
    Labelled,
    LabelledConfiguration,
    TargetQuantity,
    TargetSettings,
    quantities,
)
from matbench_defects.errors import InputError, Mistakes, nearest
from matbench_defects.plain_tables import table_rows
from matbench_defects.spec.fields import Line
from matbench_defects.spec.models import Spec

FROZEN = "manifest.json"
"""A spec beside this file is that of a built dataset, which has the values and no table."""
EXTENSIVE: tuple[Per, ...] = ("cell", "atom", "formula unit", "defect site")
"""What a value may be divided by such that it can be divided by another of these instead."""

_ORIGIN = ("level_of_theory", "source")
"""Columns of what `import` writes that say where its numbers come from."""


class ColumnSettings(TargetSettings):
    """Settings of a number that a table gives."""

    unit: Annotated[Line, Field(max_length=40)]
    """Its unit; that of the column, where the table states one. 1 for a pure number."""
    per: Literal["formula_unit", "atom", "cell", "defect_site"] | None = None
    """What it is divided by, if by anything. A column per cell, atom, formula unit or defect site is made per this one;
    a column that states nothing is taken to be per this one already."""
    column: str | None = None
    """Name of the column; left out, the target's own name."""
    file: str | None = None
    """The table, beside the spec: Parquet, such as `import` writes, CSV with heads such as ``gap [eV]``, or JSON, each
    with a column ``id``. Left out, that of `configurations: {from: ...}` or of the label."""
    description: Line | None = None
    """One line for people."""

    _path: Path | None = PrivateAttr(default=None)

    def located(self, spec: Spec, name: str) -> ColumnSettings:
        """Return the settings with column and table found."""
        folder = spec.document.folder(("targets", name))
        settings = self.model_copy(update={"column": self.column or name})
        if (folder / FROZEN).is_file():
            return settings
        known = [str(label.options["file"]) for label in spec.labels if label.options.get("file")]
        known += [p.configurations.from_file for p, _ in spec.all_spaces().values() if p.configurations.from_file]
        if self.file is None and len(set(known)) != 1:
            raise InputError("give the table in `file`; `matbench-defects import` writes such a one")
        path = folder / (self.file or known[0])
        if not path.is_file():
            raise InputError(f"there is no file {path}; `matbench-defects import` writes such a one")
        check_plain(path, LARGEST_FILE)
        settings._path = path
        return settings


@quantities.register("column")
class Column(TargetQuantity):
    """A column of a table, by the configuration's id: a number from elsewhere, with its unit."""

    Settings: ClassVar[type[TargetSettings]] = ColumnSettings
    needs_label: ClassVar[bool] = False
    settings: ColumnSettings

    def __init__(self, settings: Any, label: str) -> None:
        super().__init__(settings, label)
        self._numbers: dict[str, float] = {}
        self._origins: list[str] = []
        self._per: Per | None = None
        self._looked_up: tuple[int, int] | None = None

    @property
    def _own(self) -> Per | None:
        return None if self.settings.per is None else _per(self.settings.per)

    def quantity(self, domain: Domain) -> Quantity:
        """Return unit, divisor and, where the table states one, reference state."""
        found = Quantity("", "")
        if self.settings._path is not None:
            self._numbers, found, self._origins = _read(self.settings._path, self.settings.column or "")
            self._check(found)
        return Quantity(
            self.settings.unit,
            self._own or "",
            found.reference,
            self.settings.description or found.description or f"{self.settings.column} of a table",
        )

    def _check(self, found: Quantity) -> None:
        """Refuse a column of another unit, or per something that cannot be made what is asked for."""
        column, wanted = self.settings.column, self._own
        if not found.unit:
            return  # nothing is stated, so the spec says what it is
        if found.unit != self.settings.unit:
            raise InputError(f"the column '{column}' is in {found.shown_unit}, not in {self.settings.unit}")
        if found.per == (wanted or ""):
            return
        if found.per in EXTENSIVE and wanted is not None:
            self._per = _per(found.per)
            return
        hint = f"; add `per: {found.per.replace(' ', '_')}`" if found.per and wanted is None else ""
        shown = "as it is, per nothing" if wanted is None else f"per {wanted}"
        raise InputError(f"the column '{column}' is in {found.shown_unit}, and was asked for {shown}{hint}")

    def values(self, labelled: Labelled) -> list[float | None]:
        """Return the number of each row; None where the table has none.

        Raises
        ------
        InputError
            If it has none of any row, or was left behind when the dataset was built.
        """
        if self.settings._path is None:
            raise InputError(f"{self.settings.column} is of a table that is no part of the dataset")
        result = [self._value(row) for row in labelled.rows]
        if not any(value is not None for value in result):
            first = next(iter(self._numbers), None)
            others = "it has no number at all" if first is None else f"its first is of {first}"
            raise InputError(
                f"{self.settings._path.name} has no '{self.settings.column}' of any configuration here; {others}"
            )
        self._looked_up = len(result), sum(value is None for value in result)
        return result

    def _value(self, row: LabelledConfiguration) -> float | None:
        value = self._numbers.get(row.id)
        if value is not None and self._per is not None and self._own is not None:
            divisor = row.count(self._own)
            if not divisor:
                return None
            value = value * row.count(self._per) / divisor
        return None if value is None else round(value, 9) + 0.0

    def stated(self) -> dict[str, float]:
        """Return the numbers of the table by id, for the lock of a version."""
        return self._numbers

    def notes(self, labelled: Labelled) -> list[str]:
        """Return where the numbers come from, as the table says it, and of how many rows it has none."""
        every, missing = self._looked_up or (0, 0)
        few = [f"The table has none of {missing} of {every} configurations"] if missing else []
        return [f"From: {'; '.join(self._origins[:3])}" for _ in self._origins[:1]] + few


def _per(name: str) -> Per:
    return next(per for per in EXTENSIVE if per.replace(" ", "_") == name.replace(" ", "_"))


class _Table(NamedTuple):
    numbers: dict[str, float]
    """By id."""
    found: Quantity
    """What the table says of the column; its unit is empty where it says nothing."""
    origins: list[str]
    """Where the numbers come from, as the table says it, each once."""


def _read(path: Path, column: str) -> _Table:
    """Return what a table says in a column."""
    head = column
    if path.suffix == ".csv":
        rows, schema = table_rows(path, ())
        heads = {str(name).partition("[")[0].strip(): str(name) for name in (rows[0] if rows else {}) if name}
        head = heads.get(column, column)
        known = list(heads)
        found = _of_head(head)
    else:
        rows, schema = table_rows(path, ("id", column, *_ORIGIN))
        known = (
            list(schema.names) if schema is not None else sorted({k for r in rows if isinstance(r, dict) for k in r})
        )
        stated = Quantity.of(schema.field(column)) if schema is not None and column in schema.names else None
        found = stated or Quantity("")
    if column not in known:
        others = [name for name in known if name != "id"]
        raise InputError(f"has no column '{column}'; {nearest(column, others)}", file=str(path))
    numbers: dict[str, float] = {}
    mistakes = Mistakes()
    for number, row in enumerate(rows, start=1):
        with mistakes.noted():
            id_ = row.get("id") if isinstance(row, dict) else None
            if not isinstance(id_, str):
                raise InputError(f"row {number} lacks a text `id`", file=str(path))
            value = row.get(head)
            if value is None or (isinstance(value, str) and not value.strip()):
                continue
            if id_ in numbers:
                raise InputError(f"row {number}: the id {id_} stands there twice", file=str(path), field="id")
            try:
                numbers[id_] = math.nan if isinstance(value, bool) else float(value)
            except (TypeError, ValueError):
                numbers[id_] = math.nan
            if not math.isfinite(numbers[id_]):
                raise InputError(f"row {number}: {str(value)[:40]!r} is no finite number", file=str(path), field=column)
    mistakes.tell()
    said = (", ".join(str(row[name]) for name in _ORIGIN if row.get(name)) for row in rows)
    return _Table(numbers, found, [origin for origin in dict.fromkeys(said) if origin])


def _of_head(head: str) -> Quantity:
    """Return what the head of a column states, such as ``gap [eV]`` or ``energy [eV per cell]``."""
    _, bracket, rest = head.partition("[")
    if not bracket:
        return Quantity("")
    unit, _, per = rest.rstrip().removesuffix("]").partition(" per ")
    return Quantity(unit.strip(), per.strip().replace("_", " "))
