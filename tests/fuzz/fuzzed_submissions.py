"""Submissions, spoilt: what `submit --check` and CI do with them, in this process."""

from __future__ import annotations

import io
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from nasty import spoil_bytes, spoil_data

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "leaderboard"))

from leaderboard_samples import describe, make_task, place, predict, write_dataset

from matbench_defects.leaderboard.checking import check_submission
from matbench_defects.leaderboard.submission import PREDICTIONS_FILE, SUBMISSION_FILE
from matbench_defects.spec.document import dump_yaml, read_document

KINDS = ("description", "text", "bytes", "table")
"""What is spoilt: the data of `submission.yaml`, its bytes, the bytes of the Parquet file, its columns and rows."""
ROWS = [0, 1, 2, 5, 19, 20, 59, 60, 61]
STRANGE: dict[str, list[Any]] = {
    "id": ["", "x", "\x00", "\u202e", "lno-cathode:Li0Va12:0", "a" * 600, None],
    "seed": [-1, 0, 3, 2**31 - 1, None],
    "prediction": [float("nan"), float("inf"), -0.0, 1e308, -1e308, 5e-324, 1e7, None],
    "deviation": [float("nan"), float("inf"), -1.0, 0.0, 1e308, None],
}
TYPES = [
    pa.string(), pa.large_string(), pa.binary(), pa.int8(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(),
    pa.bool_(), pa.date32(), pa.timestamp("ns"), pa.null(), pa.list_(pa.float64()), pa.decimal128(10, 2),
    pa.duration("s"),
]  # fmt: skip


class FuzzedSubmissions:
    """Cases by number: the same seed and number give the same case for ever.

    Parameters
    ----------
    seed : int
        What all cases depend on.
    folder : path
        Where files may be written.
    """

    suffix = ".submission"

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.task = seed, make_task()
        self.dataset = write_dataset(folder / "lno-cathode")
        self.table = predict(self.task, self.dataset)
        self.folder = place(folder / "submissions", describe(self.task, "schnet"), self.table)
        self.good = {name: (self.folder / name).read_bytes() for name in (SUBMISSION_FILE, PREDICTIONS_FILE)}
        self.description = read_document(self.folder / SUBMISSION_FILE).data
        check_submission(self.folder, self.task, self.dataset)

    def case(self, number: int) -> tuple[str, list[int]]:
        """Return what is spoilt, and a seed for each time that it is."""
        chance = random.Random(f"{self.seed}:{number}")
        times = chance.choice([1, 1, 1, 2, 3])
        return chance.choice(KINDS), [chance.getrandbits(32) for _ in range(times)]

    def spoilt(self, what: str, steps: list[int]) -> dict[str, bytes]:
        """Return the two files of a case."""
        files = dict(self.good)
        chances = [random.Random(step) for step in steps]
        if what == "description":
            data = dict(self.description) | {"cost": dict(self.description["cost"])}
            for chance in chances:
                spoil_data(data, chance)
            files[SUBMISSION_FILE] = dump_yaml(data).encode()
        elif what == "text":
            for chance in chances:
                files[SUBMISSION_FILE] = spoil_bytes(files[SUBMISSION_FILE], chance)
        elif what == "bytes":
            for chance in chances:
                files[PREDICTIONS_FILE] = _spoil_binary(files[PREDICTIONS_FILE], chance)
        else:
            files[PREDICTIONS_FILE] = self._written(chances)
        return files

    def _written(self, chances: list[random.Random]) -> bytes:
        table = self.table
        for chance in chances:
            table = _spoil_table(table, chance)
        chance, stream = chances[0], io.BytesIO()
        codec = chance.choice(["snappy", "snappy", "snappy", "none", "zstd", "gzip"])
        try:
            pq.write_table(table, stream, compression=codec, row_group_size=chance.choice([1, 7, 1000]))
        except pa.ArrowException:  # such as a type that Parquet does not have
            return b""
        return stream.getvalue()

    def run(self, spoilt: dict[str, bytes]) -> None:
        """Do what `submit --check` does.

        Raises
        ------
        InputError
            Where the submission is refused.
        """
        for name, content in spoilt.items():
            (self.folder / name).write_bytes(content)
        check_submission(self.folder, self.task, self.dataset)

    def written(self, spoilt: dict[str, bytes]) -> bytes:
        """Return a case as one file: that which is spoilt."""
        return next((content for name, content in spoilt.items() if content != self.good[name]), b"")


def _spoil_binary(data: bytes, chance: random.Random) -> bytes:
    """Change bytes, more often those of the footer, which describes all others."""
    if not data:
        return b"PAR1"
    footer = chance.random() < 0.6
    at = chance.randrange(max(0, len(data) - 3000), len(data)) if footer else chance.randrange(len(data))
    how = chance.random()
    if how < 0.6:
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    if how < 0.75:
        return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    if how < 0.85:
        return data[:at] + chance.choice([b"\x00" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff"]) + data[at + 8 :]
    if how < 0.95:
        return data[:at] + data[at + chance.randrange(1, 64) :]
    return data[:at]


def _spoil_table(table: pa.Table, chance: random.Random) -> pa.Table:
    """Change a table in one place: a value, a row, a column, a type or what a column says of itself."""
    how = chance.random()
    if not len(table.schema) or not len(table):
        return table
    position = chance.randrange(len(table.schema))
    field, column = table.schema.field(position), table.column(position)
    if how < 0.4:
        values = column.to_pylist()
        for _ in range(chance.choice([1, 1, 3, len(values)])):
            values[chance.randrange(len(values))] = chance.choice(STRANGE.get(field.name, [None]))
        try:
            return table.set_column(position, field.with_nullable(True), pa.array(values, field.type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return table
    if how < 0.5:
        return table.take(pa.array([chance.randrange(len(table)) for _ in range(chance.choice(ROWS))], pa.int64()))
    if how < 0.6:
        return pa.concat_tables([table] * chance.choice([2, 3]))
    if how < 0.7:
        return table.remove_column(position)
    if how < 0.75:
        return table.append_column(chance.choice(["extra", "id", "fold", "\n"]), column)
    if how < 0.85:
        kind = chance.choice(TYPES)
        return table.set_column(position, pa.field(field.name, kind), pa.nulls(len(table), kind))
    if how < 0.95:
        metadata = {
            chance.choice(["unit", "per", "reference", "\x1b[31m"]): chance.choice(["eV", "meV", "", "x\ny", "Å"])
        }
        return table.set_column(position, field.with_metadata(metadata), column)
    if field.name == "prediction":
        scale = chance.choice([0.0, 1e-300, 1e3, 1e300])
        with np.errstate(over="ignore", invalid="ignore"):
            return table.set_column(position, field, pa.array(np.asarray(column) * scale))
    return table.rename_columns([chance.choice([name, name.upper(), ""]) for name in table.schema.names])
