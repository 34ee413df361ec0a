"""The labelled structures of a dataset on disk: one Parquet file a part, written some rows at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.dataset.labelled_rows import LowestAttempts
from matbench_defects.dataset.parts import PARTS
from matbench_defects.dataset.plan import Plan
from matbench_defects.dataset.reading import WHOLE, split_column
from matbench_defects.dataset.splits.assign import Parting
from matbench_defects.dataset.structures import label_columns, label_schema, structure_rows, structure_schema

OTHER_IDS = "other_ids"
"""Column of the ids that a row's crystal has in other spaces of the dataset."""
LEFT_OUT = "unassigned"
"""File of the rows that the shown split leaves out."""
SITES = 400_000
"""Sites of the rows that are one group of a file: what is held until it is written."""
ROWS = 512
"""Rows that are plain Python data at a time: as such they take ten times the memory of a table."""


def write_structures(
    planned: Plan,
    tried: Sequence[LowestAttempts],
    values: Mapping[str, Sequence[float | None]],
    partings: Mapping[str, Parting],
    folder: Path,
) -> None:
    """Write the labelled structures with labels, targets and parts, sorted by id, a file for each part.

    Parameters
    ----------
    planned : Plan
        The spec with its rows.
    tried : sequence of LowestAttempts
        What the attempts came to, by each method.
    values : mapping of str to sequence of (float or None)
        The value of each target of each row.
    partings : mapping of str to Parting
        The part of each row in each split; files follow the first without folds.
    folder : path
        The dataset's folder.
    """
    schema = _schema(planned, partings)
    shown = next((parting.by_fold[""] for parting in partings.values() if not parting.folded), None)
    others: dict[str, list[str]] = {}
    for copy, id_ in planned.copies:
        others.setdefault(id_, []).append(copy.id)
    ids = planned.rows.ids()
    order = np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)
    del ids
    with contextlib.ExitStack() as stack:
        files: dict[str | None, _File] = {}
        for i in range(0, len(order), ROWS):
            places = order[i : i + ROWS]
            rows = _rows(planned, tried, values, partings, places)
            for row in rows:
                row[OTHER_IDS] = others.get(row["id"], [])
            parts = [WHOLE if shown is None else shown[place] for place in places.tolist()]
            for part in dict.fromkeys(parts):
                if part not in files:
                    path = folder / "data" / "structures" / f"{part or LEFT_OUT}.parquet"
                    files[part] = stack.enter_context(contextlib.closing(_File(path, schema)))
                files[part].add([row for row, p in zip(rows, parts, strict=True) if p == part])


def _schema(planned: Plan, partings: Mapping[str, Parting]) -> pa.Schema:
    schema = structure_schema(planned.spaces)
    if planned.copies:
        schema = schema.append(pa.field(OTHER_IDS, pa.list_(pa.string())))
    for method in planned.methods:
        for field in label_schema(method):
            schema = schema.append(field)
    for name, target in planned.targets.items():
        schema = schema.append(target.quantity.field(name))
    for name, parting in partings.items():
        schema = schema.append(pa.field(split_column(name), parting.type))
    return schema


def _rows(
    planned: Plan,
    tried: Sequence[LowestAttempts],
    values: Mapping[str, Sequence[float | None]],
    partings: Mapping[str, Parting],
    places: np.ndarray,
) -> list[dict[str, Any]]:
    configurations = planned.rows.at(places)
    rows = structure_rows(configurations, planned.spaces)
    for lowest in tried:
        for row, found in zip(rows, lowest.of(configurations), strict=True):
            if found is not None:
                row.update(label_columns(lowest.method, found))
    for row, place in zip(rows, places.tolist(), strict=True):
        row.update({name: column[place] for name, column in values.items()})
        row.update({split_column(name): parting.value(place) for name, parting in partings.items()})
    return rows


class _File:
    """A Parquet file that is written a group of rows at a time."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The Hub stores what two versions share once if pages end where their content says so.
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", write_page_index=True, use_content_defined_chunking=True
        )
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._sites = 0

    def add(self, rows: list[dict[str, Any]]) -> None:
        self._waiting.append(pa.Table.from_pylist(rows, schema=self._schema))
        self._sites += sum(row["nsites"] for row in rows)
        if self._sites >= SITES:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
        self._waiting, self._sites = [], 0

    def close(self) -> None:
        self._write()
        self._writer.close()


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as the structures are written, in one go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", write_page_index=True, use_content_defined_chunking=True)


def parts_on_disk(folder: Path) -> list[str]:
    """Return the parts that have a file, in the order in which readers see them."""
    order = (*PARTS, LEFT_OUT, WHOLE)
    return sorted((p.stem for p in (folder / "data" / "structures").glob("*.parquet")), key=order.index)
