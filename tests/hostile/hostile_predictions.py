"""Tables that are not predictions: other formats, types, sizes, ids, units, values."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from hostile_case import Case, Place, cases_of
from leaderboard_samples import make_task, predict

from matbench_defects.columns import Quantity

PREDICTIONS: list[Case] = []
case = cases_of(PREDICTIONS)


def change(table: pa.Table, column: str, values: object, kind: pa.DataType | None = None) -> pa.Table:
    """Put other values, and another type, into a column; its metadata stay."""
    field = table.schema.field(column)
    array = values if isinstance(values, pa.Array) else pa.array(values, kind or field.type)
    field = field.with_type(array.type).with_nullable(True)
    return table.set_column(table.schema.get_field_index(column), field, array)


def _value(name: str, column: str, row: int, value: object, words: str) -> None:
    def spoil(place: Place) -> None:
        values = place.table[column].to_pylist()
        values[row] = value
        pq.write_table(change(place.table, column, values), place.predictions)

    case(name, words)(spoil)


def _bytes(name: str, content: bytes, words: str) -> None:
    def spoil(place: Place) -> None:
        place.predictions.write_bytes(content)

    case(name, words)(spoil)


def _column(name: str, column: str, kind: pa.DataType, words: str) -> None:
    def spoil(place: Place) -> None:
        filled = pa.nulls(len(place.table), kind)
        pq.write_table(change(place.table, column, filled), place.predictions)

    case(name, words)(spoil)


def _unit(name: str, quantity: Quantity | None, words: str) -> None:
    def spoil(place: Place) -> None:
        field = pa.field("prediction", pa.float64()) if quantity is None else quantity.field("prediction")
        pq.write_table(place.table.set_column(2, field, place.table["prediction"]), place.predictions)

    case(name, words)(spoil)


# Not Parquet, or not all of it

_bytes("nothing at all", b"", "is no Parquet file (it begins with ''); write it with pyarrow")
_bytes("the first bytes alone", b"PAR1", "is no Parquet file")
_bytes("a page of the web", b"<!DOCTYPE html><script>alert(1)</script>", "is no Parquet file (it begins with '<!DO')")
_bytes("a pickle", b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR.", "is no Parquet file")
_bytes("an encrypted file", b"PARE" + bytes(100) + b"PARE", "is no Parquet file (it begins with 'PARE')")
_bytes(
    "noise between two marks", b"PAR1" + b"\xff" * 100 + struct.pack("<I", 90) + b"PAR1", "cannot be read as Parquet"
)
_bytes("a footer longer than the file", b"PAR1" + bytes(9) + struct.pack("<I", 2**31) + b"PAR1", "whose end is missing")


@case("a table in CSV", "is no Parquet file (it begins with '\"id\"')")
def _csv(place: Place) -> None:
    pyarrow.csv.write_csv(place.table, place.predictions)


@case("half a file", "is a Parquet file whose end is missing; copy or write it again")
def _half(place: Place) -> None:
    content = place.predictions.read_bytes()
    place.predictions.write_bytes(content[: len(content) // 2])


@case("a description of two megabytes", "describes itself in")
def _long_footer(place: Place) -> None:
    pq.write_table(place.table.replace_schema_metadata({"x": "y" * 2_000_000}), place.predictions)


# Bombs


@case("two million rows in a few kilobytes", "has 2000000 rows; 60 were expected: each test id once a seed")
def _rows_bomb(place: Place) -> None:
    n = 2_000_000
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), ["lno-cathode:Li0Va12:4"]).cast(pa.string())
    zeros = pa.array(np.zeros(n))
    arrays = [ids, pa.array(np.zeros(n, np.int32)), zeros, zeros]
    pq.write_table(pa.table(arrays, schema=place.table.schema), place.predictions)
    assert place.predictions.stat().st_size < 40_000


@case("a page that unpacks a thousandfold", "is compressed with 'ZSTD'; write it with compression='snappy'")
def _packed_bomb(place: Place) -> None:
    table = change(place.table, "id", ["x" * 500_000] * len(place.table))
    pq.write_table(table, place.predictions, compression="zstd", use_dictionary=False)
    assert place.predictions.stat().st_size < 40_000


@case("more than a hundred megabytes once unpacked", "unpacks to")
def _large_bomb(place: Place) -> None:
    table = change(place.table, "id", ["x" * 2_000_000] * len(place.table))
    pq.write_table(table, place.predictions, compression="zstd", use_dictionary=False)


@case("one long text that every row repeats", "holds an id of 5000000 characters; no test id is like that")
def _dictionary_bomb(place: Place) -> None:
    pq.write_table(change(place.table, "id", ["x" * 5_000_000] * len(place.table)), place.predictions)


@case("a text that every row makes longer", "uses the encoding DELTA_BYTE_ARRAY")
def _delta_bomb(place: Place) -> None:
    encoding = {"id": "DELTA_BYTE_ARRAY", "seed": "PLAIN", "prediction": "PLAIN", "deviation": "PLAIN"}
    table = change(place.table, "id", ["x" * (1000 + i) for i in range(len(place.table))])
    pq.write_table(table, place.predictions, use_dictionary=False, column_encoding=encoding)


@case("a row group for each row", "has 1000 row groups; at most 100 are allowed, and one is enough")
def _groups_bomb(place: Place) -> None:
    with pq.ParquetWriter(place.predictions, place.table.schema) as writer:
        for i in range(1000):
            writer.write_table(place.table[i % 40 : i % 40 + (i < 60)])


@case("a footer that understates its pages", "")
def _lying_footer(place: Place) -> None:
    # The page holds 4 MB; the footer is made to speak of 40 bytes, in a number of as many bytes as before.
    table = change(place.table, "id", ["x" * 70_000] * len(place.table))
    pq.write_table(table, place.predictions, use_dictionary=False)
    column = pq.ParquetFile(place.predictions).metadata.row_group(0).column(0)
    content = place.predictions.read_bytes()
    length = struct.unpack("<I", content[-8:-4])[0]
    footer = content[-8 - length : -8]
    true = _zigzag(column.total_uncompressed_size)
    assert true in footer
    small = bytes([80 | 0x80, *[0x80] * (len(true) - 2), 0])
    place.predictions.write_bytes(content[: -8 - length] + footer.replace(true, small) + content[-8:])


def _zigzag(number: int) -> bytes:
    number, found = number << 1, []
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


# Columns

_column("texts for numbers", "prediction", pa.string(), "prediction: the column holds 'string'; write it as double")
_column("half the digits", "prediction", pa.float32(), "prediction: the column holds 'float'; write it as double")
_column("numbers that overflow", "seed", pa.int64(), "seed: the column holds 'int64'; write it as int32")
_column("numbers without sign", "seed", pa.uint32(), "seed: the column holds 'uint32'; write it as int32")
_column("decimal numbers", "prediction", pa.decimal128(38, 10), "prediction: the column holds 'decimal128(38, 10)'")
_column("lists", "prediction", pa.list_(pa.float64()), "prediction: the column holds 'list<")
_column("bytes for ids", "id", pa.binary(), "id: the column holds 'binary'; write it as string")
_column(
    "structures in structures",
    "prediction",
    pa.struct([("a", pa.struct([("b", pa.list_(pa.float64()))]))]),
    "prediction: the column holds 'struct<",
)


@case("a hundred levels of lists", "cannot be read as Parquet: 'Parquet schema too deeply nested")
def _deep(place: Place) -> None:
    kind = pa.float64()
    for _ in range(100):
        kind = pa.list_(kind)
    pq.write_table(change(place.table, "deviation", pa.nulls(len(place.table), kind)), place.predictions)


@case("a further column", "the columns are ['id', 'seed', 'prediction', 'deviation', 'rank']; id, seed, prediction")
def _further(place: Place) -> None:
    pq.write_table(place.table.append_column("rank", pa.array([1] * len(place.table))), place.predictions)


@case("a column twice", "the columns are ['id', 'id', 'seed', 'prediction', 'deviation']")
def _twice(place: Place) -> None:
    pq.write_table(place.table.add_column(0, place.table.schema.field(0), place.table["id"]), place.predictions)


@case("a column named by a script", "the columns are [")
def _script(place: Place) -> None:
    pq.write_table(place.table.append_column("<script>\n", place.table["id"]), place.predictions)


@case("a column too few", "id, seed, prediction, deviation were expected, in this order")
def _fewer(place: Place) -> None:
    pq.write_table(place.table.drop_columns(["deviation"]), place.predictions)


# Units

_unit("no unit", None, "prediction: the column states no unit; eV per formula unit, relative to LiNiO2 and NiO2 was")
_unit("a thousandth of the unit", Quantity("meV", "formula unit", "LiNiO2 and NiO2"), "holds meV per formula unit")
_unit("another divisor", Quantity("eV", "atom", "LiNiO2 and NiO2"), "the column holds eV per atom")
_unit("another reference state", Quantity("eV", "formula unit", "the elements"), "relative to the elements, but")
_unit("a unit that gives orders", Quantity("\n::error::\x1b[31m"), r"holds \n::error::\x1b[31m")


@case("a unit that is no text", "prediction: the column's metadata are not text")
def _unit_bytes(place: Place) -> None:
    field = pa.field("prediction", pa.float64(), metadata={b"unit": b"\xff"})
    pq.write_table(place.table.set_column(2, field, place.table["prediction"]), place.predictions)


# Rows

_value("an id of nothing", "id", 6, "nothing", "row 7 holds 'nothing', which is no test id of lno-energy; remove")
_value("a training id", "id", 6, "lno-cathode:Li0Va12:0", "row 7 holds 'lno-cathode:Li0Va12:0', which is no test id")
_value(
    "an id twice", "id", 6, "lno-cathode:Li0Va12:4", "row 7 repeats 'lno-cathode:Li0Va12:4' of seed 0 (first in row 1)"
)
_value("an empty id", "id", 6, None, "id: row 7 is empty; every row needs one")
_value("an id that gives orders", "id", 6, "\n::stop-commands::", r"row 7 holds '\n::stop-commands::'")
_value("a seed of its own", "seed", 6, 99, "row 7 holds the seed 99; submission.yaml names [0, 1, 2]")
_value("not a number", "prediction", 6, float("nan"), "seed 0) is nan; give a finite number")
_value("infinity", "prediction", 6, float("inf"), "seed 0) is inf; give a finite number")
_value("no prediction", "prediction", 6, None, "prediction: row 7 is empty; every row needs one")
_value("a prediction whose square overflows", "prediction", 6, 1e200, "the labels lie between")
_value("a deviation in one row", "deviation", 6, 0.1, "give a standard deviation in every row or in none")


@case("a row too few", "has no prediction of seed 2 (1 missing for that seed); predict every test id once a seed")
def _missing(place: Place) -> None:
    pq.write_table(place.table[:-1], place.predictions)


@case("no rows", "has no prediction of seed 0 (20 missing for that seed)")
def _no_rows(place: Place) -> None:
    pq.write_table(place.table[:0], place.predictions)


@case("every row three times", "has 180 rows; 60 were expected")
def _thrice(place: Place) -> None:
    pq.write_table(pa.concat_tables([place.table] * 3), place.predictions)


@case("a deviation that is no number", "deviation: row 4 (")
def _deviation(place: Place) -> None:
    values = [0.1] * len(place.table)
    values[3] = float("nan")
    pq.write_table(change(place.table, "deviation", values), place.predictions)


@case("a negative deviation", "a standard deviation is zero or larger")
def _negative(place: Place) -> None:
    pq.write_table(change(place.table, "deviation", [-0.1] * len(place.table)), place.predictions)


@case("a deviation that is hardly a number", "seed 0) is 9.99989e-321; a standard deviation is zero, or 1e-100 or")
def _denormal(place: Place) -> None:
    pq.write_table(change(place.table, "deviation", [1e-320] * len(place.table)), place.predictions)


@case("a deviation whose square is none", "is 1e-160; a standard deviation is zero, or 1e-100 or larger")
def _tiny(place: Place) -> None:
    pq.write_table(change(place.table, "deviation", [0.1, 1e-160] * (len(place.table) // 2)), place.predictions)


@case("another task's ids", "rows; 60 were expected")
def _other_task(place: Place) -> Path | None:
    pq.write_table(predict(make_task("lno-low", split="low-lithium"), place.dataset), place.predictions)
    return None


# Numbers that no model predicted


def _truth(place: Place) -> np.ndarray:
    rows = place.dataset.part("random", "test", "formation_energy")
    return np.tile(rows["formation_energy"].to_numpy(), 3)


@case("the labels themselves", "are the labels of lno-cathode@1.0.0 themselves; predict without them")
def _copy(place: Place) -> None:
    pq.write_table(change(place.table, "prediction", _truth(place)), place.predictions)


@case("the labels, shaken a little", "are the labels of lno-cathode@1.0.0 themselves; predict without them")
def _shaken(place: Place) -> None:
    noise = 1e-6 * np.random.default_rng(0).normal(size=len(place.table))
    pq.write_table(change(place.table, "prediction", _truth(place) + noise), place.predictions)


@case("the labels, shifted", "are the labels of lno-cathode@1.0.0 themselves, shifted or scaled; predict without them")
def _shifted(place: Place) -> None:
    pq.write_table(change(place.table, "prediction", _truth(place) + 0.03), place.predictions)


@case(
    "two thirds of the labels", "of the 20 predictions of seed 0 are the labels of lno-cathode@1.0.0 to the last digit"
)
def _partly(place: Place) -> None:
    truth = _truth(place)
    truth[::3] += 0.1
    pq.write_table(change(place.table, "prediction", truth), place.predictions)


@case(
    "one constant",
    "are one constant, 0.5; only a baseline of the task (mean, cluster-expansion) may predict a constant",
)
def _constant(place: Place) -> None:
    pq.write_table(change(place.table, "prediction", np.full(len(place.table), 0.5)), place.predictions)


@case("another unit under the right name", "the labels lie between")
def _far(place: Place) -> None:
    pq.write_table(change(place.table, "prediction", _truth(place) * 1e9 + 1e9), place.predictions)


def _found(name: str, file: str, words: str) -> None:
    """File what the fuzzer found as a case; it was broken byte by byte, so it is kept as it was."""

    def spoil(place: Place) -> None:
        place.predictions.write_bytes((Path(__file__).parent / "parquet" / f"{file}.parquet").read_bytes())

    case(name, words)(spoil)


# Arrow ends the process with "Repetition level histogram size mismatch" where this footer is looked at.
_found("a footer that ends the process which reads it", "ends-the-process", "kills the program that reads it; write it")
_found("a dictionary of bytes that are no text", "not-utf-8", "cannot be read as Parquet: ")
_found("ids beyond the dictionary", "beyond-the-dictionary", "cannot be read as Parquet: ")
