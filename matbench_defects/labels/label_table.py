"""Labels as rows of plain data, and as tables: the columns of a Parquet file of labels.

Coordinates are kept as whole numbers of 1e-6 Å, to which they are rounded, and magnetic moments as those of 1e-4 μB:
three bytes a coordinate on disk, where decimals as 64-bit floats took nine. Nothing else is lost: the numbers are those
that tables of the first format held as floats, which are read too.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.engine import Band, Outcome
from matbench_defects.labels.label import Key, Label

FORMAT = b"matbench_defects_labels"
"""Metadata of the schema: which format a table of labels has."""
POSITIONS = 1_000_000
"""Steps of a coordinate in one Å."""
MOMENTS = 10_000
"""Steps of a magnetic moment in one μB."""
FARTHEST = 2147.0
"""Coordinates beyond this, Å, do not fit; no relaxation that came to anything has such."""

MINUS_ZERO = -(2**31)
"""What stands for minus zero, so that labels are the same, to the last bit, in both formats."""

Row = dict[str, Any]
"""A label as plain data, numbers rounded."""


def _list(of: pa.DataType) -> pa.ListType:
    """Return a list type with the item name that Parquet gives it, so that what is read equals what was written."""
    return pa.list_(pa.field("element", of))


_STEPS = _list(pa.int32())
_SAID = [
    pa.field("id", pa.string()),
    pa.field("method", pa.string()),
    pa.field("host", pa.string()),
    pa.field("engine_version", pa.string()),
    pa.field("level_of_theory", pa.string()),
    pa.field("description", pa.string()),
    pa.field("problem", pa.string()),
    Quantity("s", description="wall time on one core").field("seconds"),
    Quantity("eV", "cell", description="total energy").field("energy"),
    pa.field("converged", pa.bool_()),
    pa.field("steps", pa.int32()),
    Quantity("eV/Å", description="largest force on an atom").field("max_force"),
    Quantity("eV/Å³", description="largest stress component").field("max_stress"),
    pa.field("species", _list(pa.string())),
]
_DISPLACEMENT = Quantity("Å", description="largest distance of a relaxed atom from its ideal site").field(
    "displacement"
)
_ENERGIES = Quantity("eV", "cell", description="total energies along a pathway, end points included").field(
    "band_energies", _list(pa.float64())
)
COORDINATES = {
    "lattice": "lattice vectors as rows",
    "positions": "Cartesian positions",
    "band_highest": "positions of the highest image",
    "band_second": "positions of the second end point",
}
"""Columns of coordinates, and what they are."""
SCHEMA = pa.schema(
    [
        *_SAID[:3],
        pa.field("attempt", pa.int32()),
        *_SAID[3:],
        *(Quantity("1e-6 Å", description=said).field(name, _STEPS) for name, said in COORDINATES.items()),
        Quantity("1e-4 μB", "atom", description="magnetic moments").field("magnetic_moments", _STEPS),
        _DISPLACEMENT,
        _ENERGIES,
        pa.field("band_atom", pa.int32()),
    ],
    metadata={FORMAT: b"2"},
)
"""Columns of a table of labels. Coordinates are x, y, z of one atom after another."""
_VECTORS = _list(_list(pa.float64()))
_FIRST = pa.schema(
    [
        *_SAID,
        Quantity("Å", description="lattice vectors as rows").field("lattice", _VECTORS),
        Quantity("Å", description="Cartesian positions").field("positions", _VECTORS),
        Quantity("μB", "atom", description="magnetic moments").field("magnetic_moments", _list(pa.float64())),
        _DISPLACEMENT,
        _ENERGIES,
        Quantity("Å", description="positions of the highest image").field("band_highest", _VECTORS),
        Quantity("Å", description="positions of the second end point").field("band_second", _VECTORS),
        pa.field("band_atom", pa.int32()),
        pa.field("attempt", pa.int32()),
    ],
    metadata={FORMAT: b"1"},
)
"""Columns of the first format; those after the magnetic moments came later, and older tables lack them."""
_ALWAYS: list[str] = [*(field.name for field in _SAID), "lattice", "positions", "magnetic_moments"]
ENCODINGS = {f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in (*COORDINATES, "magnetic_moments")}
"""How Parquet writes whole numbers whose high bytes are much alike."""
WORDS = [
    *(field.name for field in SCHEMA if pa.types.is_string(field.type) and field.name != "id"),
    "species.list.element",
]
"""Columns in which words come again and again."""


def wrong_columns(schema: pa.Schema) -> str:
    """Return why a table is none of labels; empty where it is one."""
    known = SCHEMA if (schema.metadata or {}).get(FORMAT) == b"2" else _FIRST
    expected = pa.schema([f for f in known if f.name in _ALWAYS or f.name in schema.names], metadata=known.metadata)
    if schema.equals(expected, check_metadata=True):
        return ""
    missing = [name for name in _ALWAYS if name not in schema.names]
    return f"lacks {', '.join(missing)}" if missing else "has other types or units"


def row_of(label: Label) -> Row:
    """Return a label as plain data; fields that an outcome lacks are left out."""
    row: Row = {
        **label.key._asdict(),
        "attempt": label.key.attempt or None,  # tables written before do not have it
        "engine_version": label.engine_version,
        "level_of_theory": label.level_of_theory,
        "description": json.dumps(label.description, sort_keys=True),
        "problem": label.problem,
        "seconds": round(label.seconds, 3),
    }
    if label.outcome is not None:
        found = label.outcome
        moments = found.magnetic_moments
        row |= {
            "energy": round(found.energy, 6),
            "converged": found.converged,
            "steps": found.steps,
            "max_force": None if found.max_force is None else round(found.max_force, 6),
            "max_stress": None if found.max_stress is None else round(found.max_stress, 6),
            "species": list(found.crystal.species),
            "lattice": np.round(found.crystal.lattice, 6).tolist(),
            "positions": np.round(found.crystal.positions, 6).tolist(),
            "magnetic_moments": None if moments is None else np.round(moments, 4).tolist(),
            "displacement": None if found.displacement is None else round(found.displacement, 4),
        }
        if found.band is not None:
            row |= {
                "band_energies": np.round(found.band.energies, 6).tolist(),
                "band_highest": np.round(found.band.highest, 6).tolist(),
                "band_second": np.round(found.band.second, 6).tolist(),
                "band_atom": found.band.atom,
            }
    return row


def storable(row: Row) -> Row:
    """Return a row as it can be kept: without what was found where a coordinate is no number, or far out of all cells.

    The problem then says so, if it says nothing else.
    """
    limits = dict.fromkeys(COORDINATES, FARTHEST) | {"magnetic_moments": 1e5}
    for name, limit in limits.items():
        if row.get(name) is None:
            continue
        largest = np.abs(np.asarray(row[name], dtype=float)).max(initial=0.0)
        if not largest <= limit:  # not-a-number included
            kept = {k: row[k] for k in _SAID_OF_A_FAILURE if k in row}
            return kept | {"problem": row["problem"] or f"failed: {name.replace('_', ' ')} of {largest:.3g}"}
    return row


_SAID_OF_A_FAILURE = ("attempt", *(field.name for field in _SAID[:8]))


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table, in their order."""
    columns = []
    for field in SCHEMA:
        values = [row.get(field.name) for row in rows]
        steps = _steps(field.name)
        columns.append(pa.array(values, field.type) if steps is None else _packed(values, steps))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _steps(name: str) -> int | None:
    return POSITIONS if name in COORDINATES else MOMENTS if name == "magnetic_moments" else None


def _packed(values: list[Any], steps: int) -> pa.ListArray:
    flat = [np.zeros(0) if value is None else np.asarray(value, dtype=float).ravel() for value in values]
    ends = np.concatenate([[0], np.cumsum([len(each) for each in flat])])
    whole = _whole(np.concatenate([np.zeros(0), *flat]), steps)
    return _lists(ends, pa.array(whole), pa.array([value is None for value in values], pa.bool_()))


def _whole(numbers: NDArray[np.float64], steps: int) -> NDArray[np.int32]:
    whole = np.rint(numbers * steps)
    return np.where((whole == 0) & np.signbit(numbers), MINUS_ZERO, whole).astype(np.int32)


def _lists(ends: NDArray[np.int64], values: pa.Array, null: pa.Array) -> pa.ListArray:
    offsets = pa.array(ends.astype(np.int32))
    return pa.ListArray.from_arrays(offsets, values, type=_STEPS, mask=null if null.true_count else None)


def current(table: pa.Table) -> pa.Table:
    """Return a table of either format in the present one, with the columns that came after it was written."""
    if table.schema.equals(SCHEMA):
        return table
    first = (table.schema.metadata or {}).get(FORMAT) != b"2"
    names = [name for name in (*COORDINATES, "magnetic_moments") if name in table.schema.names]
    if first and not all(_fits(table[name].combine_chunks(), name) for name in names):
        return table_of([storable(row) for row in table.to_pylist()])
    columns = []
    for field in SCHEMA:
        if field.name not in table.schema.names:
            columns.append(pa.nulls(len(table), field.type))
            continue
        column = table[field.name].combine_chunks()
        steps = _steps(field.name)
        columns.append(_stepped(column, steps) if first and steps is not None else column)
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _fits(column: pa.Array, name: str) -> bool:
    numbers = column.flatten() if name == "magnetic_moments" else column.flatten().flatten()
    largest = np.abs(numbers.to_numpy(zero_copy_only=False)).max(initial=0.0)
    return bool(largest <= (1e5 if name == "magnetic_moments" else FARTHEST))


def _stepped(column: pa.Array, steps: int) -> pa.ListArray:
    """Return lists of floats, or of lists of three, as flat lists of whole numbers of steps."""
    nested = pa.types.is_list(column.type.value_type)
    inner = column.flatten()
    each = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(each)]) * (3 if nested else 1)
    numbers = (inner.flatten() if nested else inner).to_numpy(zero_copy_only=False)
    return _lists(ends, pa.array(_whole(numbers, steps)), column.is_null())


def labels_of(table: pa.Table) -> list[Label]:
    """Return the labels of a table in the present format, in its order."""
    plain = [name for name in SCHEMA.names if _steps(name) is None and name not in ("species", "band_energies")]
    columns: dict[str, Sequence[Any]] = {name: table[name].to_pylist() for name in plain}
    columns["species"] = _species(table["species"].combine_chunks())
    columns["band_energies"] = _numbers(table["band_energies"].combine_chunks(), None, 1)
    for name in COORDINATES:
        columns[name] = _numbers(table[name].combine_chunks(), POSITIONS, 3)
    columns["magnetic_moments"] = _numbers(table["magnetic_moments"].combine_chunks(), MOMENTS, 1)
    described: dict[str, dict[str, Any]] = {}
    names = list(columns)
    return [_label(dict(zip(names, row, strict=True)), described) for row in zip(*columns.values(), strict=True)]


def _species(column: pa.Array) -> list[tuple[str, ...] | None]:
    offsets, names = column.offsets.to_pylist(), column.values.to_pylist()
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    result: list[tuple[str, ...] | None] = []
    for i, valid in enumerate(column.is_valid().to_pylist()):
        one = tuple(map(sys.intern, names[offsets[i] : offsets[i + 1]]))
        result.append(shared.setdefault(one, one) if valid else None)
    return result


def _numbers(column: pa.Array, steps: int | None, width: int) -> list[NDArray[np.float64] | None]:
    offsets = column.offsets.to_pylist()
    values = column.values.to_numpy(zero_copy_only=False)
    numbers = values.astype(np.float64) if steps is None else np.where(values == MINUS_ZERO, -0.0, values / steps)
    valid = column.is_valid().to_pylist()
    cut = (numbers[start:end] for start, end in itertools.pairwise(offsets))
    return [
        None if not there else one.reshape(-1, width) if width > 1 else one
        for one, there in zip(cut, valid, strict=True)
    ]


def labels_of_rows(rows: Iterable[Row]) -> Iterator[Label]:
    """Yield the labels of rows of plain data, fields that a row lacks being empty."""
    described: dict[str, dict[str, Any]] = {}
    empty = dict.fromkeys(SCHEMA.names)
    for row in rows:
        yield _label(empty | row, described)


def _label(row: Row, described: dict[str, dict[str, Any]]) -> Label:
    """Return the label of one row; `described` keeps equal descriptions once, for there may be a million labels."""
    outcome = None
    description = described.get(row["description"])
    if description is None:
        description = described[row["description"]] = json.loads(row["description"])
    if row["energy"] is not None:
        moments = row["magnetic_moments"]
        outcome = Outcome(
            energy=row["energy"],
            crystal=Crystal(
                np.asarray(row["lattice"]), tuple(map(sys.intern, row["species"])), np.asarray(row["positions"])
            ),
            max_force=row["max_force"],
            max_stress=row["max_stress"],
            magnetic_moments=None if moments is None else np.asarray(moments),
            converged=row["converged"],
            steps=row["steps"],
            displacement=row["displacement"],
            band=_band(row),
        )
    return Label(
        key=Key(row["id"], sys.intern(row["method"]), sys.intern(row["host"]), row["attempt"] or 0),
        engine_version=sys.intern(row["engine_version"]),
        level_of_theory=sys.intern(row["level_of_theory"]),
        description=description,
        outcome=outcome,
        problem=row["problem"],
        seconds=row["seconds"],
    )


def _band(row: Row) -> Band | None:
    if row["band_energies"] is None:
        return None
    energies, highest, second = (np.asarray(row[f"band_{part}"]) for part in ("energies", "highest", "second"))
    return Band(energies, highest, second, row["band_atom"])
