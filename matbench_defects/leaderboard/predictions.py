"""Reading the predictions of a stranger: bounded before they are read, then checked row by row."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matbench_defects.bounded import open_plain
from matbench_defects.columns import Quantity, check_quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import MOST_SHOWN, InputError, Mistakes
from matbench_defects.evaluation.metrics.calibration import SMALLEST
from matbench_defects.evaluation.scoring import predictions_schema, scored_rows, task_folds
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.near_labels import straightened
from matbench_defects.leaderboard.trial import try_elsewhere

LARGEST_UNPACKED = 100_000_000
"""How many bytes the columns may have once unpacked, as the file declares them."""
CODECS = frozenset({"UNCOMPRESSED", "SNAPPY"})
"""Allowed compressions. Snappy unpacks to some twenty times its size at most, others to thousands of times."""
ENCODINGS = frozenset({"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"})
"""Allowed encodings. With the delta encodings one long text grows with every row that refers to it."""
LARGEST_FOOTER = 1_000_000
"""How many bytes a file may need to describe its columns; Arrow unpacks them before anything else can be looked at."""
MOST_GROUPS = 100
"""How many row groups a file may have."""
ALIKE = 1e-4
"""Predictions with a smaller RMSE than this share of the labels' spread are taken for a copy of them."""
COPIED = 0.5
"""The share of predictions that may be a label to the last digit, among labels that no two rows share."""
FARTHEST = 1e6
"""A prediction may be this many times as large as the largest label; its square is still a number."""


def check_predictions(
    path: Path,
    task: Task,
    dataset: Dataset,
    model: str,
    seeds: Iterable[int],
    *,
    codecs: frozenset[str] | None = CODECS,
) -> pa.Table:
    """Read ``predictions.parquet`` and check every row of it.

    Parameters
    ----------
    path : path
        The file.
    task : Task
        The task that it predicts.
    dataset : Dataset
        The task's dataset.
    model : str
        Name of the model; only a baseline of the task may predict a constant.
    seeds : iterable of int
        The seeds that it has to hold.
    codecs : frozenset of str, or None
        The allowed compressions; None allows any, for a file that was written on this machine.

    Returns
    -------
    pyarrow.Table
        With the schema of `predictions_schema`, sorted by seed, by fold where there are folds, and by id.

    Raises
    ------
    InputError
        At each mistake: which row or column, and how to mend it.
    """
    rows = scored_rows(task, dataset)
    folds = bool(task_folds(task, dataset))
    asked = list(zip(rows["fold"].to_pylist() if folds else [""] * len(rows), rows["id"].to_pylist(), strict=True))
    wanted = sorted(seeds)
    order = (path, dataset.quantity(task.target), folds, 2 * len(asked) * len(wanted), codecs)
    if codecs is not None:  # a stranger's
        try_elsewhere(path, _read, *order)
    table = _read(*order)
    _check_rows(table, asked, wanted, path, task)
    table = table.sort_by([(name, "ascending") for name in ("seed", "fold", "id") if name in table.schema.names])
    _check_plausible(table, rows[task.target].to_numpy(), model, wanted, path, task)
    return table


def shown(text: object, most: int = 80) -> str:
    """Return a stranger's text for a message: quoted, without control characters, and short."""
    quoted = ascii(text)
    return quoted if len(quoted) <= most else quoted[: most - 4] + "...'"


def _read(path: Path, quantity: Quantity, folds: bool, most: int, codecs: frozenset[str] | None) -> pa.Table:
    expected = predictions_schema(quantity, folds=folds)
    texts = ["id", "fold"] if folds else ["id"]
    _check_footer(path)
    try:
        with pq.ParquetFile(path) as file:
            _check_schema(file.schema_arrow, expected, str(path), quantity)
            _check_sizes(file.metadata, most, codecs, str(path))
        # Texts stay behind their dictionary: one long string that a million rows repeat would fill the memory.
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = file.read(use_threads=False)
        table.validate(full=True)  # places in a dictionary, and bytes that are to be text
        decoded = {name: _decoded(table[name], name, path) for name in texts}
    except (pa.ArrowException, OSError, ValueError) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"cannot be read as Parquet: {shown(line)}", file=str(path)) from None
    for name, column in zip(table.schema.names, table.columns, strict=True):
        if name != "deviation" and column.null_count:
            row = column.is_null().to_pylist().index(True) + 1
            raise InputError(f"row {row} is empty; every row needs one", file=str(path), field=name)
    return pa.table([decoded.get(name, table[name]) for name in expected.names], schema=expected)


def _decoded(column: pa.ChunkedArray, name: str, path: Path) -> pa.Array:
    """Return a column of texts without its dictionary, in which nothing is longer than an id may be."""
    encoded = column.combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    longest = max((len(text) for text in encoded.dictionary.to_pylist() if text is not None), default=0)
    if longest > 500:
        kind = "an id" if name == "id" else "a fold"
        message = f"holds {kind} of {longest} characters; no test {name} is like that"
        raise InputError(message, file=str(path), field=name)
    return encoded.cast(pa.string())


def _check_footer(path: Path) -> None:
    with open_plain(path) as stream:
        first = stream.read(4)
        size = stream.seek(0, 2)
        if size < 12 or first != b"PAR1":
            raise InputError(
                f"is no Parquet file (it begins with {shown(first)[1:]}); write it with pyarrow.parquet.write_table",
                file=str(path),
            )
        stream.seek(-8, 2)
        length, last = struct.unpack("<I4s", stream.read(8))
    if last != b"PAR1" or length > size - 12:
        raise InputError("is a Parquet file whose end is missing; copy or write it again", file=str(path))
    if length > LARGEST_FOOTER:
        raise InputError(
            f"describes itself in {length} bytes; at most {LARGEST_FOOTER} are allowed; write one row group and "
            "no further metadata",
            file=str(path),
        )


def _check_schema(found: pa.Schema, expected: pa.Schema, file: str, quantity: Quantity) -> None:
    if found.names != expected.names:
        names = ", ".join(expected.names)
        raise InputError(f"the columns are {shown(found.names)}; {names} were expected, in this order", file=file)
    for field in expected:
        given = found.field(field.name)
        if given.type != field.type:
            message = f"the column holds {shown(str(given.type))}; write it as {field.type}"
            raise InputError(message, file=file, field=field.name)
    try:
        for name in ("prediction", "deviation"):
            check_quantity(found.field(name), quantity, file)
    except UnicodeDecodeError:
        raise InputError("the column's metadata are not text", file=file, field=name) from None
    except InputError as error:
        hint = "; convert the numbers, and write the file with predictions_schema() of the target's quantity"
        raise InputError(shown(error.message, 300)[1:-1] + hint, file=file, field=error.field) from None


def _check_sizes(metadata: pq.FileMetaData, most: int, codecs: frozenset[str] | None, file: str) -> None:
    # What a file says of its sizes has to be consistent and small before the first page is unpacked.
    if metadata.num_rows > most:
        raise InputError(
            f"has {metadata.num_rows} rows; {most // 2} were expected: each test id once a seed", file=file
        )
    if metadata.num_row_groups > MOST_GROUPS:
        raise InputError(
            f"has {metadata.num_row_groups} row groups; at most {MOST_GROUPS} are allowed, and one is enough", file=file
        )
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    chunks = [(group, group.column(i)) for group in groups for i in range(group.num_columns)]
    unpacked = sum(abs(chunk.total_uncompressed_size) for _, chunk in chunks)
    if unpacked > LARGEST_UNPACKED:
        raise InputError(f"unpacks to {unpacked} bytes; at most {LARGEST_UNPACKED} are allowed", file=file)
    for group, chunk in chunks:
        if codecs is not None and chunk.compression not in codecs:
            raise InputError(
                f"is compressed with {shown(str(chunk.compression))}; write it with compression='snappy'", file=file
            )
        if strange := sorted(set(chunk.encodings) - ENCODINGS):
            raise InputError(
                f"uses the encoding {strange[0]}; write it with the encodings that Arrow chooses", file=file
            )
        if not 0 <= group.num_rows == chunk.num_values:
            raise InputError("states two different numbers of rows; write it again", file=file)
    if sum(group.num_rows for group in groups) != metadata.num_rows:
        raise InputError("states two different numbers of rows; write it again", file=file)


def _check_rows(table: pa.Table, asked: list[tuple[str, str]], seeds: list[int], path: Path, task: Task) -> None:
    file, known, wanted = str(path), set(asked), set(seeds)
    folds = table["fold"].to_pylist() if "fold" in table.schema.names else [""] * len(table)
    rows: dict[tuple[int, tuple[str, str]], int] = {}
    mistakes = Mistakes()

    def refuse(message: str, field: str) -> None:
        mistakes.add(InputError(message, file=file, field=field))

    found = zip(table["seed"].to_pylist(), folds, table["id"].to_pylist(), strict=True)
    for row, (seed, fold, name) in enumerate(found, start=1):
        if (fold, name) not in known:
            refuse(f"row {row} holds {_place(fold, name)}, which is no test id of {task.name}; remove the row", "id")
            continue
        if seed not in wanted:
            refuse(f"row {row} holds the seed {seed}; submission.yaml names {seeds}", "seed")
            continue
        first = rows.setdefault((seed, (fold, name)), row)
        if first != row:
            again = f"row {row} repeats {_place(fold, name)} of seed {seed} (first in row {first})"
            refuse(f"{again}; keep one of them", "id")
    for seed in seeds:
        missing = [place for place in asked if (seed, place) not in rows]
        if missing:
            refuse(
                f"the test id {_place(*missing[0])} has no prediction of seed {seed} ({len(missing)} missing for that "
                "seed); predict every test id once a seed",
                "id",
            )
    with mistakes.noted():
        _check_finite(table, file)
    mistakes.tell()


def _place(fold: str, name: str) -> str:
    return f"{shown(name)} of fold {shown(fold)}" if fold else shown(name)


def _check_finite(table: pa.Table, file: str) -> None:
    given = ["prediction"]
    if table["deviation"].null_count == 0:
        given.append("deviation")
    elif table["deviation"].null_count < len(table):
        row = table["deviation"].is_null().to_pylist().index(True) + 1
        message = f"row {row} is empty, others are not; give a standard deviation in every row or in none"
        raise InputError(message, file=file, field="deviation")
    for name in given:
        values = table[name].to_numpy()
        _refuse_first(~np.isfinite(values), table, name, "give a finite number", file)
    if "deviation" in given:
        values = table["deviation"].to_numpy()
        _refuse_first(values < 0, table, "deviation", "a standard deviation is zero or larger", file)
        tiny = (values > 0) & (values < SMALLEST)
        _refuse_first(tiny, table, "deviation", f"a standard deviation is zero, or {SMALLEST:g} or larger", file)


def _refuse_first(bad: NDArray[np.bool_], table: pa.Table, column: str, advice: str, file: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        name, seed, value = (table[field][row].as_py() for field in ("id", "seed", column))
        message = f"row {row + 1} ({shown(name)}, seed {seed}) is {value:g}; {advice}"
        if others := (np.flatnonzero(bad)[1 : 1 + MOST_SHOWN] + 1).tolist():
            message += f"; and so in the rows {', '.join(map(str, others))}"
        raise InputError(message, file=file, field=column)


def _check_plausible(
    table: pa.Table, truth: NDArray[np.float64], model: str, seeds: list[int], path: Path, task: Task
) -> None:
    file = str(path)
    largest = FARTHEST * max(1.0, float(np.abs(truth).max()))
    advice = f"the labels lie between {truth.min():g} and {truth.max():g}; check the unit"
    for name in ("prediction", "deviation"):
        if table[name].null_count == 0:
            far = np.abs(table[name].to_numpy()) > largest
            if far.any():
                row = int(far.argmax())
                place = f"the {name} for {shown(table['id'][row].as_py())} of seed {table['seed'][row]}"
                raise InputError(f"{place} is {table[name][row].as_py():g}; {advice}", file=file, field=name)
    predictions = table["prediction"].to_numpy().reshape(len(seeds), len(truth))
    values, counts = np.unique(truth, return_counts=True)
    alone = np.isin(truth, values[counts == 1])  # a model may well say exactly 0 where many labels are 0
    for seed, prediction in zip(seeds, predictions, strict=True):
        if np.sqrt(((prediction - truth) ** 2).mean()) <= ALIKE * truth.std():
            raise InputError(
                f"the predictions of seed {seed} are the labels of {task.dataset} themselves; predict without them",
                file=file,
                field="prediction",
            )
        if np.sqrt(((straightened(prediction, truth) - truth) ** 2).mean()) <= ALIKE * truth.std():
            raise InputError(
                f"the predictions of seed {seed} are the labels of {task.dataset} themselves, shifted or scaled; "
                "predict without them",
                file=file,
                field="prediction",
            )
        copied = int((np.abs(prediction - truth)[alone] <= 1e-9 * truth.std()).sum())
        if copied > COPIED * alone.sum() and copied > 1:
            raise InputError(
                f"{copied} of the {len(truth)} predictions of seed {seed} are the labels of {task.dataset} to the last "
                "digit; predict without them",
                file=file,
                field="prediction",
            )
        constant = np.ptp(prediction) <= 1e-9 * max(1.0, float(np.abs(prediction).max()))
        if constant and len(truth) > 1 and model not in task.baselines:
            raise InputError(
                f"the predictions of seed {seed} are one constant, {prediction[0]:g}; only a baseline of the task "
                f"({', '.join(task.baselines) or 'it names none'}) may predict a constant",
                file=file,
                field="prediction",
            )
