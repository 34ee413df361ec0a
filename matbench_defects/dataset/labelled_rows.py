"""The rows of a dataset with a label each, read some at a time: a million labels take gigabytes as objects."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import overload

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.targets import LabelledConfiguration
from matbench_defects.enumeration.selection import Rows
from matbench_defects.labels.asking import AT_A_TIME, Jobs
from matbench_defects.labels.attempts import Attempts, lowest_attempt
from matbench_defects.labels.engine import Method
from matbench_defects.labels.jobs import attempts_at
from matbench_defects.labels.known import KnownLabels
from matbench_defects.labels.label import Key, Label


class LowestAttempts:
    """What the attempts at labels by one method came to, read when asked for.

    Parameters
    ----------
    method : Method
        The method.
    known : KnownLabels
        What was found.
    references : collection of str
        Ids of configurations that others refer to, which have more attempts.
    """

    def __init__(self, method: Method, known: KnownLabels, references: Collection[str] = ()) -> None:
        self.method = method
        self._known = known
        self._references = references

    def of(self, rows: Sequence[Configuration]) -> list[Attempts | None]:
        """Return what the attempts at each configuration came to, None where there is none."""
        digest = self.method.digest()
        keys = [
            [Key(row.id, digest, row.space.digest(), n) for n in attempts_at(row, self.method, self._references)]
            for row in rows
        ]
        return _lowest(self._known, keys)

    def each(self, jobs: Jobs) -> Iterator[tuple[str, Attempts | None, list[Label]]]:
        """Yield what the attempts at each thing came to that jobs of the method are for, with all of them.

        Parameters
        ----------
        jobs : Jobs
            Jobs of this method, those of one configuration after another.
        """
        groups = (list(keys) for _, keys in itertools.groupby(jobs.keys(), key=lambda key: key.id))
        while some := list(itertools.islice(groups, AT_A_TIME)):
            found = iter(self._known.get_many([key for keys in some for key in keys]))
            for keys in some:
                there = [label for label in itertools.islice(found, len(keys)) if label is not None]
                yield keys[0].id, lowest_attempt(there) if there else None, there


def _lowest(known: KnownLabels, keys: list[list[Key]]) -> list[Attempts | None]:
    found = iter(known.get_many([key for each in keys for key in each]))
    tried = ([label for label in itertools.islice(found, len(each)) if label is not None] for each in keys)
    return [lowest_attempt(labels) if labels else None for labels in tried]


class _Some:
    """Some rows, of which the labels are read when the first is asked for."""

    def __init__(self, rows: Sequence[Configuration], lowest: LowestAttempts) -> None:
        self._rows, self._lowest = rows, lowest

    @functools.cached_property
    def labels(self) -> list[Label | None]:
        return [tried.label if tried is not None and tried.usable else None for tried in self._lowest.of(self._rows)]


class _Later(LabelledConfiguration):
    """A configuration whose label is read when it is asked for."""

    @property
    def label(self) -> Label | None:  # type: ignore[override]
        some, place = vars(self)["later"]
        found: Label | None = some.labels[place]
        return found


def _later(row: Configuration, some: _Some, place: int) -> LabelledConfiguration:
    found = object.__new__(_Later)
    vars(found).update({**vars(row), "later": (some, place)})
    return found


class LabelledRows(Sequence[LabelledConfiguration]):
    """Rows with their usable labels by one method, made anew each time they are gone through.

    Parameters
    ----------
    rows : Rows
        The configurations.
    lowest : LowestAttempts
        What the attempts at their labels came to.
    """

    def __init__(self, rows: Rows, lowest: LowestAttempts) -> None:
        self._rows, self._lowest = rows, lowest

    def __iter__(self) -> Iterator[LabelledConfiguration]:
        for rows in self._rows.batches():
            some = _Some(rows, self._lowest)
            for place, row in enumerate(rows):
                yield _later(row, some, place)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> LabelledConfiguration: ...
    @overload
    def __getitem__(self, place: slice) -> list[LabelledConfiguration]: ...
    def __getitem__(self, place: int | slice) -> LabelledConfiguration | list[LabelledConfiguration]:
        rows = self._rows[place] if isinstance(place, slice) else [self._rows[place]]
        some = _Some(rows, self._lowest)
        found = [_later(row, some, i) for i, row in enumerate(rows)]
        return found if isinstance(place, slice) else found[0]

    def by_space(self) -> dict[str, LabelledRows]:
        """Return the rows of each space that has any."""
        return {name: LabelledRows(rows, self._lowest) for name, rows in self._rows.by_space().items()}
