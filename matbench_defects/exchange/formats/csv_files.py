"""A CSV table of labels that names one structure file in each row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from matbench_defects.crystal.structure_files import crystal_of_text, format_of
from matbench_defects.errors import InputError, Mistakes
from matbench_defects.exchange.archives import LARGEST_STRUCTURE, read_file
from matbench_defects.exchange.source import Published, PublishedStructure, SourceSettings, formats
from matbench_defects.exchange.tables import (
    Column,
    TableRow,
    check_column,
    columns_with_units,
    number,
    read_rows,
)


class CsvSettings(SourceSettings):
    """Settings of the CSV format."""

    structures: str = "structure"
    """The column of file names, relative to the table's folder; CIF (.cif) or POSCAR (.vasp, .poscar)."""
    units: dict[str, str] = {}
    """Units of columns whose head states none: ``{energy: eV per cell}``."""
    name: str | None = None
    """The column that names a structure; left out, its file's name does."""


@formats.register("csv")
class CsvFiles:
    """A CSV table, plain or as ``.csv.gz``, beside the structure files that it names."""

    Settings: ClassVar[type[SourceSettings]] = CsvSettings
    title: ClassVar[str] = "CSV table of labels with a column of CIF or POSCAR files"
    spec: ClassVar[str | None] = None

    def __init__(self, settings: Any) -> None:
        self.settings: CsvSettings = settings

    def read(self, path: Path) -> Published:
        """Return the rows of a table, each with its structure."""
        file = str(path)
        rows = read_rows(read_file(path), file, [self.settings.structures])
        if not rows:
            raise InputError("holds no row", file=file)
        columns = columns_with_units(rows[0].cells, self.settings.units, file)
        if self.settings.name is not None:
            check_column(self.settings.name, rows[0].cells, file)
        quantities = {column.name: column.quantity for column in columns.values()}
        return Published(quantities, len(rows), self._structures(path, rows, columns))

    def _structures(self, path: Path, rows: list[TableRow], columns: dict[str, Column]) -> Iterator[PublishedStructure]:
        mistakes = Mistakes()
        given = []
        for row in rows:
            with mistakes.noted():
                values = {h: number(row.cells[h], h, str(path), row.line) for h in columns}
                file = row.cells[self.settings.structures].strip()
                given.append((self._name(row, file), _inside(path, file, row.line), _format(path, file, row), values))
        mistakes.tell()
        for name, structure, format_, numbers in given:
            crystal, problem = None, ""
            try:
                text = read_file(structure, LARGEST_STRUCTURE).decode("utf-8", errors="replace")
                crystal = crystal_of_text(text, format_)
            except InputError as error:
                problem = error.message
            values = {column.name: column.value(numbers[head], crystal) for head, column in columns.items()}
            yield PublishedStructure(name, crystal, values, problem=problem)

    def _name(self, row: TableRow, file: str) -> str:
        return row.cells[self.settings.name] if self.settings.name else file


def _format(path: Path, file: str, row: TableRow) -> str:
    try:
        return format_of(Path(file).name)
    except InputError as error:
        raise InputError(error.message, file=str(path), line=row.line) from None


def _inside(path: Path, name: str, line: int) -> Path:
    """Return a file beside or below a table; one elsewhere is refused, for a table may come from anyone."""
    folder = path.parent.resolve()
    try:
        found = (folder / name).resolve()
    except (ValueError, OSError, RuntimeError):  # a null character, a link to itself
        found = folder
    if not found.is_relative_to(folder) or found == folder:
        raise InputError(f"'{name}' is no file in the table's folder", file=str(path), line=line)
    return found
