"""Published labels on disk: one Parquet file with one row a configuration, and a CSV file of what is not in it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.bounded import read_parquet
from matbench_defects.columns import Quantity
from matbench_defects.csv_text import csv_text
from matbench_defects.errors import InputError, one_line
from matbench_defects.exchange.mapping import Mapped, Remark
from matbench_defects.exchange.source import SourceSettings
from matbench_defects.files import atomic_path, write_text

_MARK = b"matbench_defects_published"
_FIXED = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("host", pa.string(), nullable=False),
    pa.field("space", pa.string(), nullable=False),
    pa.field("content", pa.string(), nullable=False),
    pa.field("content_type", pa.string()),
    Quantity("1", description="number of symmetry-equivalent configurations").field("multiplicity", pa.int64()),
    pa.field("structure", pa.string(), nullable=False),
    Quantity("Å", description="largest distance of an atom from its site, strain and drift taken out").field(
        "displacement"
    ),
    Quantity("1", description="largest principal strain of the cell against the ideal one").field("strain"),
    pa.field("level_of_theory", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("license", pa.string(), nullable=False),
]


def reserved_columns() -> set[str]:
    """Return the names that no column of labels may have."""
    return {field.name for field in _FIXED}


def write_published(path: Path, mapped: Mapped, quantities: dict[str, Quantity], settings: SourceSettings) -> Path:
    """Write the rows of a published set, and beside them what is not there and why.

    Parameters
    ----------
    path : path
        The Parquet file.
    mapped : Mapped
        What was found.
    quantities : dict of str to Quantity
        What each column of labels holds.
    settings : SourceSettings
        Where the labels come from.

    Returns
    -------
    path
        The report: a CSV file with a row for each structure that is missing or needs a remark.

    Raises
    ------
    InputError
        If a column of labels has the name of another column.
    """
    for name in quantities:
        if name in reserved_columns():
            raise InputError(f"a column of labels cannot be called '{name}'; rename it", file=str(path))
    origin = {k: getattr(settings, k) for k in ("level_of_theory", "source", "license")}
    schema = pa.schema([*_FIXED, *(q.field(name) for name, q in quantities.items())], metadata={_MARK: b"1"})
    table = pa.Table.from_pylist([{**row, **origin} for row in mapped.rows], schema=schema)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    report = path.with_suffix(".report.csv")
    write_text(report, _report(mapped.remarks))
    return report


def _report(remarks: list[Remark]) -> str:
    rows = [[one_line(r.structure), r.kind, r.id, one_line(r.reason)] for r in remarks]
    return csv_text([["structure", "kind", "id", "reason"], *rows])


def read_published(path: Path) -> pa.Table:
    """Return the rows of a published set, each column of labels with its quantity.

    Raises
    ------
    InputError
        If the file is none that `write_published` wrote.
    """
    table = read_parquet(path)
    if _MARK not in (table.schema.metadata or {}):
        raise InputError("holds no published labels; `matbench-defects import` writes them", file=str(path))
    return table
