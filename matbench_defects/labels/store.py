"""Labels on disk: a folder of immutable Parquet shards beside a spec, or one Parquet file, one row a label."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from matbench_defects.errors import InputError
from matbench_defects.files import NOTHING_KEPT, digest_of_sorted
from matbench_defects.labels import journal
from matbench_defects.labels.journal import KEPT, Journal
from matbench_defects.labels.label import LEFT as LEFT
from matbench_defects.labels.label import Key as Key
from matbench_defects.labels.label import Label as Label
from matbench_defects.labels.label_files import (
    LINES,
    files_of,
    is_one_file,
    older_file,
    shards_in,
    span_of,
)
from matbench_defects.labels.label_files import journal_folder as journal_folder
from matbench_defects.labels.label_files import table_state as table_state
from matbench_defects.labels.label_files import there_are_labels as there_are_labels
from matbench_defects.labels.label_table import labels_of, labels_of_rows, row_of, storable, table_of
from matbench_defects.labels.shards import DIGESTS, GROUP, Digests, MemoryShard, Reader, Shard, write_shard

MERGED_TOGETHER = 8
"""So many neighbouring shards of about one size are merged into a larger one: each label is written about thrice where
there are a million."""
_HINT = "; without this file its labels are computed again"


class Timing(NamedTuple):
    """What labels of one method took, those with an outcome alone."""

    labels: int
    atoms: int
    seconds: float


class LabelStore:
    """Labels by key. In memory is an index of their keys, 20 bytes a label; values are read when asked for.

    A path that ends in ``.parquet`` is one file, rewritten whole at the end of a run, with a folder beside it while a
    run adds to it or was killed. Any other path is a folder of shards that are never rewritten: what a run appends goes
    to a journal, from there into a new shard, and small neighbouring shards are merged into a larger one, which takes
    their place by a single renaming. A kill at any moment loses and doubles nothing. A file that bears the folder's
    name and ends in ``.parquet`` is read as one more shard, the oldest. Of labels with one key the latest counts.

    Parameters
    ----------
    path : path-like
        The folder or file; it need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._folder = journal_folder(self.path)
        self._journal = Journal(self._folder)
        self._reader = Reader()
        self._shards: list[Shard] = []
        self._read()

    def _read(self) -> None:
        while True:
            seen = _state(self.path)
            try:
                recent = list(labels_of_rows(self._journal.rows()))  # first: they may become a shard meanwhile
                shards = [self._open(file) for file in files_of(self.path) if file != self._folder / LINES]
            except FileNotFoundError:
                continue  # another process has just merged some
            break
        self._take(shards)
        self._seen = seen
        self._recent = {label.key.digest(): label for label in recent}
        self._lines = len(recent)
        self._unwritten: list[MemoryShard] = []

    def _open(self, file: Path) -> Shard:
        if file.name == LINES:
            return MemoryShard(table_of(list(Journal(file.parent).rows())))
        return Shard(file, _HINT if span_of(file) else "")

    def _take(self, shards: list[Shard]) -> None:
        for shard in self._shards:
            if shard not in shards:
                shard.close()
        self._shards = shards
        self._reader.forget()

    @property
    def _sources(self) -> list[Shard]:
        return [*self._shards, *self._unwritten]

    def get(self, key: Key) -> Label | None:
        """Return the label of a key, or None."""
        return self.get_many([key])[0]

    def get_many(self, keys: Sequence[Key]) -> list[Label | None]:
        """Return the label of each key, or None; groups of rows that several keys need are read once."""
        digests = [key.digest() for key in keys]
        result = [self._recent.get(each) for each in digests]
        which, rows = self._find(np.array(digests, dtype=DIGESTS))
        there = np.flatnonzero((which >= 0) & np.array([label is None for label in result], dtype=bool))
        for i in range(0, len(there), GROUP):
            some = there[i : i + GROUP]
            found = labels_of(self._reader.rows(self._sources, which[some], rows[some]))
            for place, label in zip(some.tolist(), found, strict=True):
                result[place] = label
        return result

    def has(self, digests: Sequence[bytes]) -> NDArray[np.bool_]:
        """Return of each key, given by its digest, whether there is a label; none is read."""
        recent = np.array([each in self._recent for each in digests], dtype=bool)
        return recent | (self._find(np.array(digests, dtype=DIGESTS))[0] >= 0)

    def _find(self, digests: Digests) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return shard and row of each key, of several the latest; -1 where it is in none."""
        which = np.full(len(digests), -1, dtype=np.int64)
        rows = np.full(len(digests), -1, dtype=np.int64)
        for number, shard in reversed(list(enumerate(self._sources))):
            open_ = np.flatnonzero(which < 0)
            if not len(open_):
                break
            found = shard.find(digests[open_])
            there = found >= 0
            which[open_[there]], rows[open_[there]] = number, found[there]
        return which, rows

    def unchecked(self) -> set[bytes]:
        """Return the keys, by digest, of relaxed labels that were not compared with their configuration.

        Old versions left some; a label that is appended now has been compared.
        """
        found = {each for shard in self._sources for each in shard.digests()[shard.unchecked].tolist()}
        padded = {each.ljust(DIGESTS.itemsize, b"\0") for each in found}  # numpy drops zeros at the end
        return padded | {each for each, label in self._recent.items() if label.unchecked}

    def failed(self) -> set[bytes]:
        """Return the keys, by digest, of labels whose calculation came to nothing or did not converge."""
        found: set[bytes] = set()
        for number, shard in enumerate(self._sources):
            columns = shard.columns(["problem", "energy", "converged"])
            good = pc.and_(pc.is_valid(columns["energy"]), pc.fill_null(columns["converged"], False))
            bad = np.asarray(pc.and_not(pc.not_equal(columns["problem"], ""), good))
            alive = self._alive(number)
            rows = alive[bad[alive]]
            for i in range(0, len(rows), GROUP):
                some = rows[i : i + GROUP]
                table = self._reader.rows(self._sources, np.full(len(some), number), some)
                found.update(label.key.digest() for label in labels_of(table))
        return found | {each for each, label in self._recent.items() if label.failed}

    def timings(self) -> dict[str, Timing]:
        """Return what labels took, by the digest of their method; of one key every label that was replaced too."""
        result: dict[str, Timing] = {}

        def add(method: str, labels: int, atoms: int, seconds: float) -> None:
            before = result.get(method, Timing(0, 0, 0.0))
            result[method] = Timing(before.labels + labels, before.atoms + atoms, before.seconds + seconds)

        for shard in self._sources:
            for batch in shard.batches(["method", "energy", "species", "seconds"]):
                there = batch.filter(pc.is_valid(batch.column("energy")))
                methods = np.array(there.column("method").to_pylist(), dtype=object)
                atoms = np.asarray(pc.list_value_length(there.column("species")))
                seconds = np.asarray(there.column("seconds"))
                for method in dict.fromkeys(methods.tolist()):
                    here = methods == method
                    add(method, int(here.sum()), int(atoms[here].sum()), float(seconds[here].sum()))
        for label in self._recent.values():
            if label.outcome is not None:
                add(label.key.method, 1, len(label.outcome.crystal), label.seconds)
        return result

    def seconds_by_method(self) -> dict[str, list[float]]:
        """Return what each label took, seconds on one core, by the digest of its method."""
        result: dict[str, list[float]] = {}
        for number, shard in enumerate(self._sources):
            columns = shard.columns(["method", "seconds"]).take(self._alive(number))
            for method, seconds in zip(columns["method"].to_pylist(), columns["seconds"].to_pylist(), strict=True):
                result.setdefault(method, []).append(seconds)
        for label in self._recent.values():
            result.setdefault(label.key.method, []).append(label.seconds)
        return result

    def _alive(self, number: int) -> NDArray[np.int64]:
        """Return the rows of a shard that no later label replaces."""
        digests = self._sources[number].digests()
        which, rows = self._find(digests)
        alive = (which == number) & (rows == np.arange(len(digests)))
        if self._recent:
            recent = np.array(list(self._recent), dtype=DIGESTS)
            alive &= ~np.isin(digests, recent)
        return np.flatnonzero(alive)

    @property
    def unmerged(self) -> bool:
        """Whether a run that was killed, or goes on elsewhere, left what the next one puts in order."""
        before = older_file(self.path)
        left = before is not None and (bool(Journal(journal_folder(before))) or bool(shards_in(journal_folder(before))))
        return bool(self._journal) or left or (is_one_file(self.path) and bool(shards_in(self._folder)))

    @contextmanager
    def adding(self, *, wait: bool = False) -> Iterator[None]:
        """Let nobody else add labels; put in order what a killed run left, and at the end what was appended.

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
            kept = {path.name for path in shards_in(self._folder)}
            for path in self._folder.glob("*.parquet"):
                if span_of(path) and path.name not in kept:  # merged by a run that was killed before it removed it
                    path.unlink()
            if (before := older_file(self.path)) is not None and (left := LabelStore(before)).unmerged:
                with left.adding(wait=wait):
                    pass
            if self.unmerged or self._seen != _state(self.path):
                self._read()
            if self.unmerged:
                self.merge()
            try:
                yield
            except BaseException:
                with suppress(InputError):  # what ended the run may hinder this too; then the next run does it
                    self._merge_rest()
                raise
            self._merge_rest()

    def _merge_rest(self) -> None:
        if self.unmerged:
            self.merge()

    def append(self, labels: Iterable[Label]) -> list[Label]:
        """Add labels, replacing those of the same keys; they are on disk when this returns.

        Returns
        -------
        list of Label
            The labels as a later run reads them, numbers rounded: what is computed from fresh labels is then what is
            computed from kept ones, to the last digit.
        """
        rows = [storable(row_of(label)) for label in labels]
        self._journal.append(rows)
        kept = list(labels_of_rows(rows))
        self._recent.update((label.key.digest(), label) for label in kept)
        self._lines += len(rows)
        if self._lines >= journal.SHARD_ROWS:
            self._make_shard()
        return kept

    def add(self, labels: Iterable[Label]) -> None:
        """Add labels, replacing those of the same keys; nothing of them is kept if this fails."""
        if self._recent:
            self._unwritten.append(self._recent_rows())
        while some := list(itertools.islice(labels := iter(labels), journal.SHARD_ROWS)):
            latest = {label.key: storable(row_of(label)) for label in some}
            self._unwritten.append(MemoryShard(table_of([latest[key] for key in sorted(latest)])))
        self.merge()

    def merge(self) -> None:
        """Put what was appended or added where it stays: into the file, or into a new shard of the folder."""
        if not is_one_file(self.path):
            if self._unwritten or self._recent:
                self._make_shard()
            self._journal.clear()
            return
        sources = [*self._sources, *([self._recent_rows()] if self._recent else [])]
        write_shard(self.path, sources, kept=KEPT if self.unmerged else NOTHING_KEPT)
        for shard in shards_in(self._folder):
            shard.unlink()
        self._journal.clear()
        self._read()

    def _recent_rows(self) -> MemoryShard:
        labels = sorted(self._recent.values(), key=lambda label: label.key)
        return MemoryShard(table_of([row_of(label) for label in labels]))

    def _make_shard(self) -> None:
        """Put what is not in a shard into a new one, and merge shards where there are many of one size."""
        sources = [*self._unwritten, *([self._recent_rows()] if self._recent else [])]
        last = max((span[1] for path in shards_in(self._folder) if (span := span_of(path))), default=0)
        path = self._folder / f"{last + 1:06d}.parquet"
        write_shard(path, sources, kept=KEPT)
        self._journal.clear()
        self._unwritten, self._recent, self._lines = [], {}, 0
        self._shards.append(Shard(path, _HINT))
        self._merge_small_ones()
        self._seen = _state(self.path)

    def _merge_small_ones(self) -> None:
        while True:
            own = [shard for shard in self._shards if shard.path.parent == self._folder and span_of(shard.path)]
            tiers = [_tier(len(shard)) for shard in own]
            others = [i for i, tier in enumerate(tiers) if tier != tiers[-1]]
            merged = own[max(others, default=-1) + 1 :]
            if len(merged) < MERGED_TOGETHER:
                return
            spans = [span for shard in merged if (span := span_of(shard.path))]
            path = self._folder / f"{spans[0][0]:06d}-{spans[-1][1]:06d}.parquet"
            write_shard(path, merged, kept=KEPT)
            self._take([*(shard for shard in self._shards if shard not in merged), Shard(path, _HINT)])
            for shard in merged:
                shard.path.unlink()

    def __len__(self) -> int:
        return len(self._recent) + sum(len(self._alive(number)) for number in range(len(self._sources)))

    def __iter__(self) -> Iterator[Label]:
        """Yield each label; within a shard keys increase. Few are held in memory."""
        sources = self._sources
        recent = list(self._recent.values())
        for number, alive in [(number, self._alive(number)) for number in range(len(sources))]:
            for i in range(0, len(alive), GROUP):
                rows = alive[i : i + GROUP]
                yield from labels_of(self._reader.rows(sources, np.full(len(rows), number), rows))
        yield from recent


def _tier(rows: int) -> int:
    return int(math.log(max(1.0, rows / journal.SHARD_ROWS), MERGED_TOGETHER) + 1e-9)


def _state(path: Path) -> list[tuple[str, int, int, int]]:
    found = []
    for file in files_of(path):
        with suppress(FileNotFoundError):  # merged just now
            known = file.stat()
            found.append((file.name, known.st_ino, known.st_size, known.st_mtime_ns))
    return found


def values_digest(labels: Iterable[Label]) -> str:
    """Return a digest of what was found, in any order and whatever time it took; fields that are empty do not count."""
    rows = ({k: v for k, v in row_of(label).items() if k != "seconds" and v is not None} for label in labels)
    return digest_of_sorted(json.dumps(row, sort_keys=True) for row in rows)


def seconds_by_method(path: str | Path) -> dict[str, list[float]]:
    """Return what each label took, seconds on one core, by the digest of its method."""
    return LabelStore(path).seconds_by_method()
