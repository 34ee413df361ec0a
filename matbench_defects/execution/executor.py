"""The one interface through which labels and predictions are computed, wherever the workers are."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

DEATHS = 3
"""An item is given up once it was on a worker that died so many times."""

Function = Callable[[Any, Any], Any]
"""Takes an item and what all items share, and returns its result. It must be importable by name. One marked with
`takes_batches` takes all items of a batch instead, and returns the list of their results."""
Pairs = list[tuple[Any, Any]]
"""Items with their results."""
Marked = TypeVar("Marked", bound=Function)


def takes_batches(function: Marked) -> Marked:
    """Mark a function that computes the items of a batch together, as a decorator."""
    function.takes_batches = True  # type: ignore[attr-defined]
    return function


def results_of(function: Function, items: Sequence[Any], shared: Any) -> list[Any]:
    """Return the result of each item of a batch."""
    if getattr(function, "takes_batches", False):
        return list(function(items, shared))
    return [function(item, shared) for item in items]


@dataclass(frozen=True)
class WorkerDied:
    """What stands in the place of a result if computing it killed its worker each time.

    Parameters
    ----------
    times : int
        How many workers it killed.
    """

    times: int


@dataclass(frozen=True)
class ItemBatch:
    """Items that a worker takes together.

    Parameters
    ----------
    position : int
        Which batch it is or was part of, counted from zero.
    items : tuple
        The items.
    deaths : int
        How many workers died with it so far.
    """

    position: int
    items: tuple[Any, ...]
    deaths: int = 0


@dataclass(frozen=True)
class Returned:
    """A batch that came back.

    Parameters
    ----------
    batch : ItemBatch
        The batch.
    results : list or None
        The result of each item; None where the worker died.
    deaths : int
        How many workers died with it this time.
    """

    batch: ItemBatch
    results: list[Any] | None
    deaths: int = 0


class Crew(Protocol):
    """Workers that are ready for one function."""

    exact: bool
    """Whether a worker that dies has only the batch that it computed; else others that waited there are blamed too."""

    def room(self) -> int:
        """Return how many batches can be taken now so that no worker waits."""
        ...

    def submit(self, batch: ItemBatch) -> None:
        """Hand a batch to a worker."""
        ...

    def collect(self) -> list[Returned]:
        """Wait for at least one batch. What the function raised is raised."""
        ...


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Executor(ABC):
    """Runs a function over items on workers; as a context manager it gives the workers back at the end."""

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many workers there are now, at least one."""

    @abstractmethod
    def crew(self, function: Function, shared: Any) -> AbstractContextManager[Crew]:
        """Return workers that are ready for a function."""

    def close(self) -> None:  # noqa: B027 most hold nothing between two runs
        """Give the workers back."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def run(
        self, function: Function, batches: Iterable[Sequence[Any]], *, shared: Any = None, ordered: bool = False
    ) -> Iterator[Iterator[Pairs]]:
        """Call a function with every item, or with every batch where it takes batches.

        Batches are drawn as workers become free, so they may be made by what has come back already, and there may be
        any number of them. A worker that dies is replaced by the backend and its batch computed again, item by item.

        Parameters
        ----------
        function : callable
            Takes an item and what is shared; see `Function`.
        batches : iterable of sequences
            The items that a worker takes together.
        shared : object, optional
            What every call is given besides; it is sent to each worker once.
        ordered : bool
            Whether results come in the order of the batches, else as they are finished.

        Yields
        ------
        iterator of list of (item, result)
            `WorkerDied` in the place of a result if the item killed its workers.
        """
        with self.crew(function, shared) as crew:
            yield self._results(crew, batches, ordered)

    def _results(self, crew: Crew, batches: Iterable[Sequence[Any]], ordered: bool) -> Iterator[Pairs]:
        coming = enumerate(batches)
        again: deque[ItemBatch] = deque()
        held: dict[int, Pairs] = {}
        drawn = given = flying = 0
        while True:
            while crew.room() > 0:
                if again and crew.exact:
                    batch = again.popleft()
                elif (not ordered or drawn - given < 4 * self.workers) and (following := next(coming, None)):
                    batch = ItemBatch(following[0], tuple(following[1]))  # what waits for its turn is bounded too
                    drawn += 1
                elif again and not flying:
                    batch = again.popleft()  # suspects come last and alone, so that no neighbour is blamed
                else:
                    break
                crew.submit(batch)
                flying += 1
            if not flying:
                return
            for returned in crew.collect():
                flying -= 1
                batch = returned.batch
                if returned.results is None:
                    retried = _again(batch, returned.deaths, whole=ordered)
                    again.extend(retried)
                    if retried:
                        continue
                    results = [WorkerDied(batch.deaths + returned.deaths)] * len(batch.items)
                else:
                    results = returned.results
                pairs = list(zip(batch.items, results, strict=True))
                if not ordered:
                    yield pairs
                    continue
                held[batch.position] = pairs
                while given in held:
                    yield held.pop(given)
                    given += 1


def _again(batch: ItemBatch, deaths: int, *, whole: bool) -> list[ItemBatch]:
    """Return what is tried again after a worker died: the items one by one, so that one alone is found guilty."""
    deaths += batch.deaths
    if len(batch.items) > 1 and not whole:
        return [ItemBatch(batch.position, (item,), 0) for item in batch.items]
    return [ItemBatch(batch.position, batch.items, deaths)] if deaths < DEATHS else []


class ThisProcess(Executor):
    """No other process at all: items are computed where they are asked for, one after another."""

    workers = 1

    @contextmanager
    def crew(self, function: Function, shared: Any) -> Iterator[Crew]:
        """Return this process."""
        yield _Itself(function, shared)


class _Itself:
    exact = True

    def __init__(self, function: Function, shared: Any) -> None:
        self._function, self._shared = function, shared
        self._waiting: list[ItemBatch] = []

    def room(self) -> int:
        return 1 - len(self._waiting)

    def submit(self, batch: ItemBatch) -> None:
        self._waiting.append(batch)

    def collect(self) -> list[Returned]:
        batch = self._waiting.pop()
        return [Returned(batch, results_of(self._function, batch.items, self._shared))]
