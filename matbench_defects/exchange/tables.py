"""Rows of CSV text, with the mistakes that such files have told apart."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from matbench_defects.columns import Quantity
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError, nearest
from matbench_defects.exchange.source import TOTAL_ENERGY

UNITS = (
    "eV",
    "meV",
    "eV/Å",
    "eV/Å³",
    "Å",
    "Å³",
    "μB",
    "e",
    "V",
    "GPa",
    "K",
    "THz",
    "1/cm",
    "g/cm³",
    "degree",
    "%",
    "1",
)
"""The units that a column of labels may have; 1 is a pure number."""
ENERGIES = {"eV": 1.0, "meV": 1e-3}
"""The units of total energies, in eV."""
MOST_CELLS = 10_000_000
"""A table may have this many cells: each takes some hundred bytes once it is read."""


@dataclass(frozen=True)
class TableRow:
    """One row of a table.

    Parameters
    ----------
    line : int
        The line it ends on, counted from one.
    cells : dict of str to str
        Its text by column.
    """

    line: int
    cells: dict[str, str]


def read_rows(data: bytes, file: str, required: Iterable[str] = ()) -> list[TableRow]:
    """Return the rows of a CSV file.

    Parameters
    ----------
    data : bytes
        The file, in UTF-8.
    file : str
        Its name, for messages.
    required : iterable of str
        Columns that it must have.

    Raises
    ------
    InputError
        If it is no such table, lacks a column or a cell, or has more than `MOST_CELLS`.
    """
    # Not as one text: of a character beyond Latin letters a text takes four bytes for each.
    reader = csv.DictReader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=""), strict=True)
    try:
        columns = list(reader.fieldnames or [])
        for name in required:
            check_column(name, columns, file)
        rows = []
        for cells in reader:
            if None in cells or None in cells.values():
                raise InputError(
                    f"has more or fewer cells than the {len(columns)} columns", file=file, line=reader.line_num
                )
            rows.append(TableRow(reader.line_num, dict(cells)))
            if len(rows) * len(columns) > MOST_CELLS:
                raise InputError(f"holds more than {MOST_CELLS:,} cells", file=file)
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", file=file) from None
    except csv.Error as error:
        raise InputError(f"is no CSV table: {error}", file=file, line=reader.line_num) from None
    if len(set(columns)) != len(columns):
        raise InputError("two columns have the same name", file=file)
    return rows


def check_column(name: str, columns: Iterable[str], file: str) -> None:
    """Refuse a table that lacks a column."""
    known = list(columns)
    if name not in known:
        raise InputError(f"lacks the column '{name}'; {nearest(name, known)}", file=file)


def number(text: str, column: str, file: str, line: int | None = None) -> float | None:
    """Return the number in a cell; None where the cell is blank.

    Raises
    ------
    InputError
        If it is no finite number.
    """
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"'{text[:40]}' is no finite number", file=file, line=line, field=column)
    return value


def finite_number(value: object, field: str, file: str) -> float | None:
    """Return a number of JSON or ASE; None where there is none.

    Raises
    ------
    InputError
        If it is no finite number.
    """
    if value is None:
        return None
    try:
        found = math.nan if isinstance(value, bool | str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{str(value)[:40]!r} is no finite number", file=file, field=field)
    return found


class Column(NamedTuple):
    """A column of labels."""

    name: str
    """Its name, without the unit."""
    quantity: Quantity
    """What is kept of it."""
    factor: float = 1.0
    """What its numbers are multiplied with."""
    per_atom: bool = False
    """Whether they are multiplied with the atoms of the structure's cell besides."""

    def value(self, given: float | None, crystal: Crystal | None) -> float | None:
        """Return a number of the column in the unit that is kept; none where it needs a structure and there is none."""
        if given is None or (self.factor == 1.0 and not self.per_atom):
            return given
        if self.per_atom and crystal is None:
            return None
        return given * self.factor * (len(crystal) if self.per_atom and crystal is not None else 1)


def parse_column(text: str, column: str, file: str) -> Column:
    """Return the column whose unit a text such as ``eV per cell`` names.

    A column called ``energy`` holds total energies, which are kept in eV per cell: those in eV or meV, per cell or per
    atom, are converted.

    Raises
    ------
    InputError
        If the unit is none of `UNITS`, or that of a total energy another.
    """
    unit, _, per = (part.strip() for part in text.partition(" per "))
    if unit not in UNITS:
        raise InputError(f"'{unit}' is no unit known here; {nearest(unit, UNITS)}", file=file, field=column)
    if column == "energy":
        if unit not in ENERGIES or per not in ("cell", "atom"):
            known = " or ".join(ENERGIES)
            raise InputError(f"is a total energy in {known}, per cell or per atom; not {text}", file=file, field=column)
        return Column(column, TOTAL_ENERGY, ENERGIES[unit], per == "atom")
    return Column(column, Quantity(unit, per, description="as published"))


def columns_with_units(columns: Iterable[str], units: dict[str, str], file: str) -> dict[str, Column]:
    """Return the columns of labels by how the table heads them.

    Parameters
    ----------
    columns : iterable of str
        The heads, such as ``energy [eV per cell]``; one without a unit there is a label if `units` has it.
    units : dict of str to str
        Units by name, for heads that state none.
    file : str
        The table, for messages.

    Raises
    ------
    InputError
        If a unit is not known, stated twice, or stated for a column that is not there; or if no column has one.
    """
    found: dict[str, Column] = {}
    heads = list(columns)
    for name in units:
        check_column(name, [head.partition("[")[0].strip() for head in heads], file)
    for head in heads:
        name, _, rest = head.partition("[")
        name = name.strip()
        if rest and not rest.rstrip().endswith("]"):
            raise InputError("a unit stands in brackets, such as energy [eV per cell]", file=file, field=head)
        if rest and name in units:
            raise InputError("has its unit in the head already", file=file, field=name)
        unit = rest.rstrip().removesuffix("]") if rest else units.get(name)
        if unit is not None:
            found[head] = parse_column(unit, name, file)
    if not found:
        raise InputError(
            "no column states a unit: head it such as energy [eV per cell], or give --set units={energy: eV per cell}",
            file=file,
        )
    return found
