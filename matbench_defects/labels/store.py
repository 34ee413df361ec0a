"""Labels on disk: one Parquet file, one row a label."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.columns import Quantity
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.files import NOTHING_KEPT, atomic_path, digest, open_parquet, sha256_of_file
from matbench_defects.labels.engine import Band, Outcome
from matbench_defects.labels.journal import KEPT, Journal

LEFT = ("left its configuration", "relaxed into another configuration")
"""What the problem of a relaxation says that did not keep its configuration."""


class Key(NamedTuple):
    """What a label is looked up by."""

    id: str
    """The configuration, or ``reference:<name>`` for a reference phase."""
    method: str
    """Digest of engine, settings and relaxation."""
    host: str
    """Digest of the ideal host: an id stands for the same positions only with the same host."""
    attempt: int = 0
    """From 1: which random start the relaxation had. 0: it started from the ideal positions."""


@dataclass(frozen=True)
class Label:
    """One computed label and where it came from.

    Parameters
    ----------
    key : Key
        Configuration, method and host.
    engine_version : str
        The package and its version.
    level_of_theory : str
        What the energy approximates, and by which means.
    description : dict
        Engine, settings and relaxation as plain data.
    outcome : Outcome or None
        What was found; None where the calculation failed.
    problem : str
        Why the label cannot be used; empty for a good one.
    seconds : float
        Wall time on one core.
    """

    key: Key
    engine_version: str
    level_of_theory: str
    description: dict[str, Any]
    outcome: Outcome | None
    problem: str
    seconds: float

    @property
    def usable(self) -> bool:
        """Whether the label is there and nothing is wrong with it."""
        return self.outcome is not None and not self.problem

    @property
    def left(self) -> bool:
        """Whether the relaxation converged, but to another configuration than it started from."""
        return self.outcome is not None and self.outcome.converged and any(words in self.problem for words in LEFT)

    @property
    def failed(self) -> bool:
        """Whether the calculation came to nothing or did not converge, so that another try may do better."""
        return bool(self.problem) and (self.outcome is None or not self.outcome.converged)


def _list(of: pa.DataType) -> pa.ListType:
    """Return a list type with the item name that Parquet gives it, so that what is read equals what was written."""
    return pa.list_(pa.field("element", of))


_SCHEMA = pa.schema(
    [
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
        Quantity("Å", description="lattice vectors as rows").field("lattice", _list(_list(pa.float64()))),
        Quantity("Å", description="Cartesian positions").field("positions", _list(_list(pa.float64()))),
        Quantity("μB", "atom", description="magnetic moments").field("magnetic_moments", _list(pa.float64())),
    ],
    metadata={"matbench_defects_labels": "1"},
)
_LATER = [
    Quantity("Å", description="largest distance of a relaxed atom from its ideal site").field("displacement"),
    Quantity("eV", "cell", description="total energies along a pathway, end points included").field(
        "band_energies", _list(pa.float64())
    ),
    Quantity("Å", description="positions of the highest image").field("band_highest", _list(_list(pa.float64()))),
    Quantity("Å", description="positions of the second end point").field("band_second", _list(_list(pa.float64()))),
    pa.field("band_atom", pa.int32()),
    pa.field("attempt", pa.int32()),
]
"""Columns that came later: tables written before do not have them."""
_WHOLE = pa.schema([*_SCHEMA, *_LATER], metadata=_SCHEMA.metadata)


ROWS_AT_A_TIME = 4096
"""Labels that are plain Python data at a time: as such they take ten times the memory of a table."""


class LabelStore:
    """Labels by key, over one file and, while a run adds to it or was killed, a journal beside it.

    Parameters
    ----------
    path : path-like
        The Parquet file; it need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._journal = Journal(journal_folder(self.path), _WHOLE)
        self._labels: dict[Key, Label] = {}
        self._read()

    def _read(self) -> None:
        self._seen = _state(self.path)
        later = list(self._journal.rows())  # first: another process may merge them into the table meanwhile
        rows = _rows_of(_table(self.path)) if self.path.exists() else ()
        self._labels = {label.key: label for label in _labels_of(itertools.chain(rows, later))}

    def get(self, key: Key) -> Label | None:
        """Return the label of a key, or None."""
        return self._labels.get(key)

    @property
    def unmerged(self) -> bool:
        """Whether a run that was killed, or goes on elsewhere, left labels beside the table."""
        return bool(self._journal)

    @contextmanager
    def adding(self, *, wait: bool = False) -> Iterator[None]:
        """Let nobody else add labels; merge what a killed run left, and at the end what was appended.

        Parameters
        ----------
        wait : bool
            Whether to wait for another process that adds labels now.

        Raises
        ------
        InputError
            If another process adds labels now, and it was not asked to wait.
        """
        with self._journal.held(wait=wait):
            if self.unmerged or self._seen != _state(self.path):
                self._read()
            if self.unmerged:
                self.merge()
            try:
                yield
            except BaseException:
                with suppress(InputError):  # what ended the run may hinder this too; then the next run merges
                    self._merge_rest()
                raise
            self._merge_rest()

    def _merge_rest(self) -> None:
        if self.unmerged:
            self.merge()

    def append(self, labels: Iterable[Label]) -> list[Label]:
        """Add labels, replacing those of the same keys; they are on disk, beside the table, when this returns.

        Returns
        -------
        list of Label
            The labels as a later run reads them, numbers rounded: what is computed from fresh labels is then what is
            computed from kept ones, to the last digit.
        """
        rows = [_row(label) for label in labels]
        self._journal.append(rows)
        kept = list(_labels_of(dict.fromkeys(_WHOLE.names) | row for row in rows))
        self._labels.update((label.key, label) for label in kept)
        return kept

    def add(self, labels: Iterable[Label]) -> None:
        """Add labels, replacing those of the same keys, and write the table atomically."""
        self._labels.update((label.key, label) for label in labels)
        self.merge()

    def merge(self) -> None:
        """Write the table atomically; what stood beside it is in it then."""
        keys = sorted(self._labels)
        pieces = [
            pa.Table.from_pylist([_row(self._labels[key]) for key in keys[i : i + ROWS_AT_A_TIME]], schema=_WHOLE)
            for i in range(0, max(1, len(keys)), ROWS_AT_A_TIME)
        ]
        with atomic_path(self.path, kept=KEPT if self.unmerged else NOTHING_KEPT) as temporary:
            pq.write_table(pa.concat_tables(pieces).combine_chunks(), temporary, compression="zstd")
        self._journal.clear()
        self._seen = _state(self.path)

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[Label]:
        return iter(self._labels.values())


def journal_folder(path: Path) -> Path:
    """Return the folder beside a table of labels in which a run keeps what is not in the table yet."""
    return path.with_name(f"{path.name}.unmerged")


def there_are_labels(path: Path) -> bool:
    """Return whether there is a table of labels, or at least what a run that was killed left beside it."""
    return path.exists() or bool(Journal(journal_folder(path), _WHOLE))


def table_state(path: Path) -> str:
    """Return a digest of a table's bytes and of what stands beside it; empty where there are no labels."""
    beside = sorted(journal_folder(path).glob("*.parquet")) + sorted(journal_folder(path).glob("*.jsonl"))
    found = [sha256_of_file(file) for file in (path, *beside) if file.exists()]
    return found[0] if len(found) == 1 else digest(found) if found else ""


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def values_digest(labels: Iterable[Label]) -> str:
    """Return a digest of what was found, in any order and whatever time it took; fields that are empty do not count."""
    rows = [{k: v for k, v in _row(label).items() if k != "seconds" and v is not None} for label in labels]
    return digest(sorted(json.dumps(row, sort_keys=True) for row in rows))


def seconds_by_method(path: str | Path) -> dict[str, list[float]]:
    """Return what each label of a file took, seconds on one core, by the digest of its method.

    Only two columns are read, so it is quick where `LabelStore` is not.
    """
    result: dict[str, list[float]] = {}
    table = _table(Path(path), ["method", "seconds"])
    for method, seconds in zip(table["method"].to_pylist(), table["seconds"].to_pylist(), strict=True):
        result.setdefault(method, []).append(seconds)
    return result


def _table(path: Path, columns: list[str] | None = None) -> pa.Table:
    with open_parquet(path) as file:
        schema, table = file.schema_arrow, file.read(columns, use_threads=columns is None)
    expected = pa.schema(
        [field for field in _WHOLE if field.name in _SCHEMA.names or field.name in schema.names],
        metadata=_WHOLE.metadata,
    )
    if not schema.equals(expected, check_metadata=True):
        missing = [n for n in _SCHEMA.names if n not in schema.names]
        reason = f"lacks {', '.join(missing)}" if missing else "has other types or units"
        raise InputError(f"is not a table of labels: it {reason}", file=str(path))
    return table


def _row(label: Label) -> dict[str, Any]:
    row: dict[str, Any] = {
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


def _rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=ROWS_AT_A_TIME):
        yield from batch.to_pylist()


def _labels_of(rows: Iterable[dict[str, Any]]) -> Iterator[Label]:
    described: dict[str, dict[str, Any]] = {}  # equal words are kept once: there may be a million labels
    for row in rows:
        outcome = None
        description = described.get(row["description"])
        if description is None:
            description = described[row["description"]] = json.loads(row["description"])
        if row["energy"] is not None:
            moments = row["magnetic_moments"]
            outcome = Outcome(
                energy=row["energy"],
                crystal=Crystal(
                    np.array(row["lattice"]), tuple(map(sys.intern, row["species"])), np.array(row["positions"])
                ),
                max_force=row["max_force"],
                max_stress=row["max_stress"],
                magnetic_moments=None if moments is None else np.array(moments),
                converged=row["converged"],
                steps=row["steps"],
                displacement=row.get("displacement"),
                band=_band(row),
            )
        yield Label(
            key=Key(row["id"], sys.intern(row["method"]), sys.intern(row["host"]), row.get("attempt") or 0),
            engine_version=sys.intern(row["engine_version"]),
            level_of_theory=sys.intern(row["level_of_theory"]),
            description=description,
            outcome=outcome,
            problem=row["problem"],
            seconds=row["seconds"],
        )


def _band(row: dict[str, Any]) -> Band | None:
    if row.get("band_energies") is None:
        return None
    energies, highest, second = (np.array(row[f"band_{part}"]) for part in ("energies", "highest", "second"))
    return Band(energies, highest, second, row["band_atom"])
