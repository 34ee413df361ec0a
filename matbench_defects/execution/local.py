"""The workers of this machine: one single-threaded process each, replaced when it dies, gone when its parent is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from matbench_defects.errors import InputError
from matbench_defects.execution.executor import Crew, Executor, Function, ItemBatch, Returned, available_cores
from matbench_defects.execution.worker import compute, environment, surroundings

STARTS = 3
"""So many workers in a row that die before they are ready end the run."""


class LocalPool(Executor):
    """Processes of this machine.

    Parameters
    ----------
    workers : int, optional
        How many; as many as there are cores where left out.
    device : str
        ``cpu`` or ``cuda``: what engines that can use a GPU compute on.
    """

    def __init__(self, workers: int | None = None, device: str = "cpu") -> None:
        self._workers = workers or available_cores()
        self._device = device

    @property
    def workers(self) -> int:
        """How many processes there are at most."""
        return self._workers

    @contextmanager
    def crew(self, function: Function, shared: Any) -> Iterator[Crew]:
        """Return the processes; each is started with its first batch."""
        crew = _Processes(self._workers, self._device, function, shared)
        try:
            yield crew
        except BaseException:
            crew.stop(at_once=True)
            raise
        crew.stop(at_once=False)


class _Processes:
    """A pool of one process for each worker: so it is known with which batch a process died."""

    exact = True

    def __init__(self, workers: int, device: str, function: Function, shared: Any) -> None:
        self._device, self._function, self._shared = device, function, shared
        self._pools: list[tuple[ProcessPoolExecutor, Future[int]] | None] = [None] * workers
        self._idle = list(reversed(range(workers)))
        self._flying: dict[Future[list[Any]], tuple[int, ItemBatch]] = {}
        self._failed_starts = 0

    def room(self) -> int:
        return len(self._idle)

    def submit(self, batch: ItemBatch) -> None:
        place = self._idle.pop()
        with environment(surroundings()):  # the process may be started only now
            pool, _ = self._pools[place] = self._pools[place] or self._start()
            try:
                future = pool.submit(_compute_here, batch.items)
            except BrokenProcessPool:  # it died while it had nothing to do
                self._discard(place)
                pool, _ = self._pools[place] = self._start()
                future = pool.submit(_compute_here, batch.items)
        self._flying[future] = (place, batch)

    def _start(self) -> tuple[ProcessPoolExecutor, Future[int]]:
        context = multiprocessing.get_context("spawn")  # a forked torch can hang
        given = (self._device, self._function, self._shared)
        pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=given)
        return pool, pool.submit(os.getpid)

    def collect(self) -> list[Returned]:
        returned = []
        for future in wait(self._flying, return_when=FIRST_COMPLETED).done:
            place, batch = self._flying.pop(future)
            self._idle.append(place)
            try:
                returned.append(Returned(batch, future.result()))
                self._failed_starts = 0
            except BrokenProcessPool:
                started = self._discard(place)
                self._failed_starts = 0 if started else self._failed_starts + 1
                if self._failed_starts >= STARTS:
                    raise InputError(
                        f"{STARTS} worker processes in a row died as they started; a script of your own must do its "
                        'work under `if __name__ == "__main__":`, since each worker imports it'
                    ) from None
                returned.append(Returned(batch, None, deaths=int(started)))
        return returned

    def _discard(self, place: int) -> bool:
        """Forget a pool whose process died; return whether that had been ready."""
        held = self._pools[place]
        assert held is not None
        self._pools[place] = None
        pool, ready = held
        pool.shutdown(wait=True)
        return ready.exception() is None

    def stop(self, *, at_once: bool) -> None:
        for pool, _ in filter(None, self._pools):
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=not at_once, cancel_futures=True)
            if at_once:
                for process in processes:
                    process.terminate()


_function: list[tuple[Function, Any, str]] = []


def _begin(device: str, function: Function, shared: Any) -> None:
    """Prepare a process that was just started."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    _function.append((function, shared, device))


def _end_with_the_parent() -> None:
    """End this process once its parent has ended, even by a signal that leaves the parent no time to say so."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _compute_here(items: Sequence[Any]) -> list[Any]:
    function, shared, device = _function[-1]
    return compute(function, items, shared, device)
