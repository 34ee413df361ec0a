"""Rows of tables of any of three formats, told by the file's ending: CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matbench_defects.bounded import LARGEST_FILE, open_parquet, read_json, read_text
from matbench_defects.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".csv", ".json", ".parquet")


def table_rows(path: Path, columns: Collection[str]) -> tuple[list[Any], pa.Schema | None]:
    """Return the rows of a table, and what a Parquet file says of its columns.

    Parameters
    ----------
    path : path
        CSV with heads, JSON (a list of objects) or Parquet, told by its ending.
    columns : collection of str
        What is wanted of each row; of a Parquet file nothing else is read. A column that is not there is left out.

    Returns
    -------
    rows : list
        Dicts, but of a JSON file whatever it lists.
    schema : pyarrow.Schema or None
        That of the whole Parquet file; None for the other formats.

    Raises
    ------
    InputError
        If the file cannot be read, or its ending is none of these.
    """
    if path.suffix == ".csv":
        try:
            return list(csv.DictReader(io.StringIO(read_text(path), newline=""))), None
        except csv.Error as error:
            raise InputError(f"cannot be read: {error}", file=str(path)) from None
    if path.suffix == ".json":
        rows = read_json(path)
        if not isinstance(rows, list):
            raise InputError("a list of objects was expected", file=str(path))
        return rows, None
    if path.suffix != ".parquet":
        raise InputError("a file that ends in .csv, .json or .parquet was expected", file=str(path))
    with open_parquet(path, LARGEST_FILE) as file:
        schema = file.schema_arrow
        return file.read(columns=[name for name in schema.names if name in columns]).to_pylist(), schema
