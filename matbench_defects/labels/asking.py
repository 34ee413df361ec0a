"""Many labels to compute, made one by one as they are needed: a million jobs would take gigabytes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, overload

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.labels.engine import Method
from matbench_defects.labels.job import Job
from matbench_defects.labels.label import Key

AT_A_TIME = 4096
"""Keys that are looked up together."""


class Ask(NamedTuple):
    """A label that is asked for: its key, and what makes the job of it."""

    key: Key
    make: Callable[[], Job]


class Source(Protocol):
    """Some labels that are asked for, all of structures with equally many atoms."""

    @property
    def methods(self) -> Sequence[Method]:
        """How they are labelled."""
        ...

    @property
    def atoms(self) -> int:
        """How many atoms each structure has."""
        ...

    def asks(self) -> Iterator[Ask]:
        """Yield each, those of one configuration after another."""
        ...

    def of(self, method: Method) -> Source:
        """Return those by one method."""
        ...


@dataclass(frozen=True)
class Listed:
    """Jobs that are made already.

    Parameters
    ----------
    jobs : sequence of Job
        The jobs.
    """

    jobs: Sequence[Job]

    @property
    def methods(self) -> list[Method]:
        """Their methods, each once."""
        return list({id(job.method): job.method for job in self.jobs}.values())

    @property
    def atoms(self) -> int:
        """How many atoms the first has."""
        return len(self.jobs[0].crystal)

    def asks(self) -> Iterator[Ask]:
        """Yield each."""
        for job in self.jobs:
            yield Ask(job.key, functools.partial(_itself, job))

    def of(self, method: Method) -> Listed:
        """Return those by one method."""
        return Listed([job for job in self.jobs if job.method is method])


def _itself(job: Job) -> Job:
    return job


@dataclass(frozen=True)
class OfContent:
    """The labels of the configurations of one content.

    Parameters
    ----------
    batches : callable
        Yields the configurations, some at a time: their ids, and a sequence in which they are decoded when asked for.
    host : str
        Digest of the ideal host.
    methods : sequence of Method
        How each is labelled.
    attempts : callable
        Gives the numbers of the attempts at a configuration, from its id and a method.
    job : callable
        Makes a job of a configuration, a method and the number of an attempt.
    """

    batches: Callable[[], Iterator[tuple[Sequence[str], Sequence[Configuration]]]]
    host: str
    methods: Sequence[Method]
    attempts: Callable[[str, Method], Iterable[int]]
    job: Callable[[Configuration, Method, int], Job]

    @functools.cached_property
    def atoms(self) -> int:
        """How many atoms each has."""
        _, rows = next(self.batches())
        return len(rows[0].crystal)

    def asks(self) -> Iterator[Ask]:
        """Yield each."""
        digests = [(method, method.digest()) for method in self.methods]
        for ids, rows in self.batches():
            for i, id_ in enumerate(ids):
                for method, digest in digests:
                    for attempt in self.attempts(id_, method):
                        key = Key(id_, digest, self.host, attempt)
                        yield Ask(key, functools.partial(self._made, rows, i, method, attempt))

    def _made(self, rows: Sequence[Configuration], place: int, method: Method, attempt: int) -> Job:
        return self.job(rows[place], method, attempt)

    def of(self, method: Method) -> OfContent:
        """Return those by one method."""
        return OfContent(self.batches, self.host, [method], self.attempts, self.job)


class Jobs(Collection[Job]):
    """Jobs in an order, each made when it comes to it, and anew each time: what is held is what makes them.

    Parameters
    ----------
    sources : sequence of Source
        What makes them.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    @classmethod
    def of_all(cls, jobs: Iterable[Job]) -> Jobs:
        """Return jobs that may be a list already."""
        if isinstance(jobs, Jobs):
            return jobs
        found = list(jobs)
        return cls([Listed(found)] if found else [])

    def asks(self) -> Iterator[Ask]:
        """Yield what is asked for; no job is made."""
        return itertools.chain.from_iterable(source.asks() for source in self._sources)

    def keys(self) -> Iterator[Key]:
        """Yield the key of each job."""
        return (ask.key for ask in self.asks())

    def __iter__(self) -> Iterator[Job]:
        return (ask.make() for ask in self.asks())

    @functools.cached_property
    def _number(self) -> int:
        return sum(1 for _ in self.asks())

    def __len__(self) -> int:
        return self._number

    def __contains__(self, job: object) -> bool:
        return any(job == each for each in self)

    @overload
    def __getitem__(self, place: int) -> Job: ...
    @overload
    def __getitem__(self, place: slice) -> list[Job]: ...
    def __getitem__(self, place: int | slice) -> Job | list[Job]:
        """Return the job at a place, or those at some; the others are passed over, not made."""
        if isinstance(place, slice):
            chosen = range(*place.indices(len(self)))
            made = {i: ask.make() for i, ask in enumerate(self.asks()) if i in chosen}
            return [made[i] for i in chosen]
        ask = next(itertools.islice(self.asks(), place + len(self) if place < 0 else place, None), None)
        if ask is None:
            raise IndexError(f"there are {len(self)} jobs, none at {place}")
        return ask.make()

    def of(self, method: str) -> Jobs:
        """Return the jobs of the method of one name."""
        return Jobs([s.of(each) for s in self._sources for each in s.methods if each.name == method])

    def followed_by(self, more: Iterable[Job]) -> Jobs:
        """Return these jobs and some more."""
        listed = list(more)
        return Jobs([*self._sources, Listed(listed)]) if listed else self

    def listed(self) -> Jobs:
        """Return the jobs that are made already: those of reference phases."""
        return Jobs([source for source in self._sources if isinstance(source, Listed)])

    def largest_first(self) -> Iterator[tuple[int, Ask]]:
        """Yield what is asked for with its number of atoms, each key once, the largest structures first.

        So no worker waits long for the last one. Within one size, those by one method come together.
        """
        parts: list[tuple[int, str, Source]] = []
        for source in self._sources:
            if isinstance(source, Listed):
                once = {job.key: job for job in source.jobs}
                ordered = sorted(once.values(), key=lambda job: (-len(job.crystal), job.method.name, job.id))
                for _, jobs in itertools.groupby(ordered, key=lambda job: (len(job.crystal), job.method.name)):
                    listed = list(jobs)
                    parts.append((-len(listed[0].crystal), listed[0].method.name, Listed(listed)))
            else:
                once_each = {method.digest(): method for method in reversed(source.methods)}
                parts += [(-source.atoms, method.name, source.of(method)) for method in reversed(once_each.values())]
        for size, _, source in sorted(parts, key=lambda part: part[:2]):
            for ask in source.asks():
                yield -size, ask


def some_at_a_time(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield items in lists of `AT_A_TIME`."""
    items = iter(items)
    while some := list(itertools.islice(items, AT_A_TIME)):
        yield some
