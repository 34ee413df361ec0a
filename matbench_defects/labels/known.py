"""Labels that are known of some jobs, read from their stores when they are asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, ValuesView

import numpy as np

from matbench_defects.labels.asking import Jobs, some_at_a_time
from matbench_defects.labels.guards import checked
from matbench_defects.labels.job import Job
from matbench_defects.labels.label import Key, Label
from matbench_defects.labels.store import LabelStore


class KnownLabels(Mapping[Key, Label]):
    """The label of each job that some store has; none is held.

    Parameters
    ----------
    jobs : Jobs
        What is wanted.
    stores : sequence of LabelStore
        Where labels are looked for; the first that has one counts.
    instead : mapping of Key to Label, optional
        Labels that count in the place of those in the stores: compared with their configuration meanwhile.
    again : collection of bytes
        Digests of keys that were to be computed again.
    into : LabelStore, optional
        The store that counts first for these.
    """

    def __init__(
        self,
        jobs: Jobs,
        stores: Sequence[LabelStore],
        instead: Mapping[Key, Label] | None = None,
        again: Collection[bytes] = (),
        into: LabelStore | None = None,
    ) -> None:
        self.jobs = jobs
        self._stores = stores
        self._instead = instead or {}
        self._again = again
        self._anew = [*([] if into is None else [into]), *stores]

    def of(self, jobs: Jobs) -> KnownLabels:
        """Return what the same stores have of other jobs."""
        return KnownLabels(jobs, self._stores, self._instead, self._again, self._anew[0])

    def get_many(self, keys: Sequence[Key]) -> list[Label | None]:
        """Return the label of each key, or None; what several keys need is read once."""
        result = [self._instead.get(key) for key in keys]
        anew = [bool(self._again) and key.digest() in self._again for key in keys]
        for chosen, stores in ((False, self._stores), (True, self._anew)):
            for store in stores:
                open_ = [i for i, label in enumerate(result) if label is None and anew[i] == chosen]
                if open_:
                    for i, label in zip(open_, store.get_many([keys[i] for i in open_]), strict=True):
                        result[i] = label
        return result

    def __getitem__(self, key: Key) -> Label:
        found = self.get_many([key])[0]
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, Key) and any(store.has([key.digest()])[0] for store in self._stores)

    def _known(self) -> Iterator[list[Key]]:
        for asked in some_at_a_time(self.jobs.largest_first()):
            keys = [ask.key for _, ask in asked]
            yield [key for key, there in zip(keys, _there(keys, self._stores).tolist(), strict=True) if there]

    def __iter__(self) -> Iterator[Key]:
        for keys in self._known():
            yield from keys

    def __len__(self) -> int:
        return sum(len(keys) for keys in self._known())

    def values(self) -> ValuesView[Label]:
        """Return a view of the labels, read some at a time."""
        return _Values(self)


class _Values(ValuesView[Label]):
    def __init__(self, known: KnownLabels) -> None:
        super().__init__(known)
        self._labels = known

    def __iter__(self) -> Iterator[Label]:
        for keys in self._labels._known():
            yield from (label for label in self._labels.get_many(keys) if label is not None)


def _there(keys: Sequence[Key], stores: Iterable[LabelStore]) -> np.ndarray:
    digests = [key.digest() for key in keys]
    found = np.zeros(len(keys), dtype=bool)
    for store in stores:
        found |= store.has(digests)
    return found


def known_labels(jobs: Iterable[Job], stores: Sequence[LabelStore]) -> KnownLabels:
    """Return the label of each job that some store has, compared with its configuration; the first store counts.

    Parameters
    ----------
    jobs : iterable of Job
        What is wanted.
    stores : sequence of LabelStore
        Where labels are looked for, in this order.
    """
    every = Jobs.of_all(jobs)
    return KnownLabels(every, stores, compared(every, stores))


def compared(jobs: Jobs, stores: Sequence[LabelStore]) -> dict[Key, Label]:
    """Return what comparing labels with their configuration changes; labels of old versions were not compared yet."""
    unchecked = set().union(*(store.unchecked() for store in stores))
    result: dict[Key, Label] = {}
    if not unchecked:
        return result
    held = KnownLabels(jobs, stores)
    for asked in some_at_a_time(jobs.asks()):
        some = [ask for ask in asked if ask.key.digest() in unchecked]
        for ask, label in zip(some, held.get_many([ask.key for ask in some]), strict=True):
            origin = ask.make().origin if label is not None and label.unchecked else None
            if label is not None and origin is not None:
                result[ask.key] = checked(label, origin)
    return result
