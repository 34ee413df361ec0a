"""The rows of a dataset with a label each, read some at a time: a million labels take gigabytes as objects."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import overload

import numpy as np

from matbench_defects.crystal.charge_blind import blind_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.targets import LabelledConfiguration
from matbench_defects.enumeration.selection import Rows
from matbench_defects.labels.asking import AT_A_TIME, Jobs
from matbench_defects.labels.attempts import Attempts, attempts_of, lowest_attempt
from matbench_defects.labels.engine import Method
from matbench_defects.labels.jobs import attempts_at
from matbench_defects.labels.known import KnownLabels
from matbench_defects.labels.label import Key, Label
from matbench_defects.labels.states_seen import laid_back


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
        keys = [self._tried(row) for row in rows]
        found = iter(self._known.get_many([key for each in keys for key in each]))
        tried = ([label for label in itertools.islice(found, len(each)) if label is not None] for each in keys)
        return [self._lowest(labels) for labels in tried]

    @functools.cached_property
    def _digest(self) -> str:
        return self.method.digest()

    def _tried(self, row: Configuration) -> list[Key]:
        """Return the keys of the attempts at a configuration."""
        host = row.space.digest()
        return [Key(row.id, self._digest, host, n) for n in attempts_at(row, self.method, self._references)]

    def _lowest(self, labels: list[Label]) -> Attempts | None:
        return lowest_attempt(labels, keeps_left=self.method.keeps_left) if labels else None

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
                yield keys[0].id, self._lowest(there), there


class FollowingLabels(LowestAttempts):
    """The labels by a method that is computed on the structures of another label: one each, of some configurations.

    Parameters
    ----------
    method : Method
        The method.
    known : KnownLabels
        What was found.
    jobs : Jobs
        Its jobs.
    """

    def __init__(self, method: Method, known: KnownLabels, jobs: Jobs) -> None:
        super().__init__(method, known)
        self._keys = {key.id: [key] for key in list(jobs.keys())}

    def _tried(self, row: Configuration) -> list[Key]:
        return self._keys.get(row.id, [])


class NoLabels(LowestAttempts):
    """What stands for labels where a target needs none."""

    def __init__(self) -> None:
        self._references = ()

    def of(self, rows: Sequence[Configuration]) -> list[Attempts | None]:
        """Return None for each."""
        return [None] * len(rows)


class MergedLabels(LowestAttempts):
    """The labels by a method that knows no oxidation states, each shared by the rows that differ in these alone."""

    def _tried(self, row: Configuration) -> list[Key]:
        computed = blind_of(row)
        host = computed.space.digest()
        return [Key(computed.id, self._digest, host, n) for n in attempts_of(self.method, refers=True)]

    def of(self, rows: Sequence[Configuration]) -> list[Attempts | None]:
        """Return what the attempts at each configuration came to, on the configuration's own sites."""
        return [
            None if tried is None else self._laid_back(tried, row)
            for tried, row in zip(super().of(rows), rows, strict=True)
        ]

    def _laid_back(self, tried: Attempts, row: Configuration) -> Attempts:
        outcome = tried.label.outcome
        if outcome is None:
            return tried
        return dataclasses.replace(tried, label=dataclasses.replace(tried.label, outcome=laid_back(outcome, row)))


def lowest_attempts(
    methods: Sequence[Method], known: KnownLabels, jobs: Jobs, references: Collection[str]
) -> dict[str, LowestAttempts]:
    """Return what the attempts at the labels by each method came to, by its name.

    Parameters
    ----------
    methods : sequence of Method
        The methods.
    known : KnownLabels
        What was found.
    jobs : Jobs
        All jobs, those on structures of other labels too.
    references : collection of str
        Ids of configurations that others refer to.
    """
    return {
        method.name: FollowingLabels(method, known, jobs.of(method.name))
        if method.structures
        else (MergedLabels if method.merged else LowestAttempts)(method, known, references)
        for method in methods
    }


class _Some:
    """Some rows, of which the labels are read when the first is asked for."""

    def __init__(self, rows: Sequence[Configuration], lowest: LowestAttempts) -> None:
        self._rows, self._lowest = rows, lowest

    @functools.cached_property
    def labels(self) -> list[Label | None]:
        return [
            tried.label if tried is not None and tried.label.usable else None for tried in self._lowest.of(self._rows)
        ]


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
    copies : sequence of (Configuration, Configuration)
        What stands behind the rows: configurations of a space that are the same crystal as a row of another, with that
        row, whose label they have.
    instead : mapping of str to Label
        Labels that some rows have in the place of their own, by id.
    """

    def __init__(
        self,
        rows: Rows,
        lowest: LowestAttempts,
        copies: Sequence[tuple[Configuration, Configuration]] = (),
        instead: Mapping[str, Label] | None = None,
    ) -> None:
        self._rows, self._lowest, self._copies, self._instead = rows, lowest, copies, instead or {}

    def __iter__(self) -> Iterator[LabelledConfiguration]:
        for rows in self._rows.batches():
            yield from self._labelled(rows, rows)
        if self._copies:
            yield from self._labelled([copy for copy, _ in self._copies], [row for _, row in self._copies])

    def _labelled(
        self, rows: Sequence[Configuration], labelled: Sequence[Configuration]
    ) -> Iterator[LabelledConfiguration]:
        some = _Some(labelled, self._lowest)
        for place, row in enumerate(rows):
            label = self._instead.get(row.id)
            yield _later(row, some, place) if label is None else LabelledConfiguration.of(row, label)

    def __len__(self) -> int:
        return len(self._rows) + len(self._copies)

    @overload
    def __getitem__(self, place: int) -> LabelledConfiguration: ...
    @overload
    def __getitem__(self, place: slice) -> list[LabelledConfiguration]: ...
    def __getitem__(self, place: int | slice) -> LabelledConfiguration | list[LabelledConfiguration]:
        every = range(len(self))[place if isinstance(place, slice) else slice(place, place + 1 or None)]
        inside = [i for i in every if i < len(self._rows)]
        rows = self._rows.at(np.array(inside, dtype=np.int64))
        found = dict(zip(inside, self._labelled(rows, rows), strict=True))
        behind = [i for i in every if i >= len(self._rows)]
        pairs = [self._copies[i - len(self._rows)] for i in behind]
        copies = self._labelled([copy for copy, _ in pairs], [row for _, row in pairs])
        found.update(zip(behind, copies, strict=True))
        if isinstance(place, slice):
            return [found[i] for i in every]
        if not found:
            raise IndexError(f"there are {len(self)} rows, none at {place}")
        return found[every[0]]

    def by_space(self) -> dict[str, LabelledRows]:
        """Return the rows of each space that has any."""
        copies: dict[str, list[tuple[Configuration, Configuration]]] = {}
        for copy, row in self._copies:
            copies.setdefault(copy.space.name, []).append((copy, row))
        rows = self._rows.by_space()
        names = dict.fromkeys([*rows, *copies])
        empty = Rows([])
        return {
            name: LabelledRows(rows.get(name, empty), self._lowest, copies.get(name, ()), self._instead)
            for name in names
        }

    def with_labels(self, instead: Mapping[str, Label]) -> LabelledRows:
        """Return the same rows, some of them with other labels, by id."""
        return LabelledRows(self._rows, self._lowest, self._copies, instead)
