"""How far a command is: a bar on a terminal; in a file a line at each tenth, and every 30 seconds at the least."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from rich.console import Console

EVERY = 30.0
"""Seconds after which a file has a new line at the latest, whether anything is done or not."""
TENTHS = 10
"""So many lines at least where everything goes faster."""


class Show:
    """Takes how many are done and how many there are."""

    def __call__(self, done: int, total: int) -> None:
        """Show how many are done; nothing here."""

    def passes(self, done: int, most: int, error: float) -> None:
        """Show how far the training of a model is; nothing here."""


class Lines(Show):
    """Writes lines to a file: at each tenth, and after some time without one how far it is.

    Parameters
    ----------
    title : str
        What is done.
    write : callable
        Writes a line.
    tenths : bool
        Whether there are lines besides those that only say that it still runs.
    every : float
        After how many seconds.
    """

    def __init__(self, title: str, write: Callable[[str], None], *, tenths: bool = True, every: float = EVERY) -> None:
        self._title, self._write, self._tenths, self._every = title, write, tenths, every
        self._begun = self._said = time.monotonic()
        self._tenth: tuple[int, int] | None = None
        self._counted = self._training = ""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on_saying, daemon=True)

    def __enter__(self) -> Lines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def __call__(self, done: int, total: int) -> None:
        """Say how many are done where another tenth is."""
        if not total:
            return
        with self._lock:
            self._counted, self._training = f"{done} of {total}", ""
            tenth = (total, TENTHS * done // total)
            if tenth != self._tenth and self._tenths:
                self._say(self._counted)
            self._tenth = tenth

    def passes(self, done: int, most: int, error: float) -> None:
        """Note how many passes over the training part are done, and the validation error in the target's unit."""
        with self._lock:
            self._training = training_words(done, most, error)

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        self._write(f"{self._title}: {text}")

    def _go_on_saying(self) -> None:
        while not self._ended.wait(max(0.0, self._said + self._every - time.monotonic())):
            with self._lock:
                now = time.monotonic()
                if now - self._said >= self._every:
                    parts = [self._counted, self._training, f"{now - self._begun:.0f} s so far"]
                    self._say(", ".join(filter(None, parts)))


def training_words(done: int, most: int, error: float) -> str:
    """Return how far the training of a model is."""
    return f"epoch {done} of {most}, validation error {error:.3g}"


class Bar(Show):
    """The same as a bar on a terminal, with the training of a model behind it.

    Parameters
    ----------
    bar : rich.progress.Progress
        The bar.
    title : str
        What is done.
    """

    def __init__(self, bar: Any, title: str) -> None:
        self._title = title
        self._bar = bar
        self._task = bar.add_task(title, total=None, visible=False)

    def __call__(self, done: int, total: int) -> None:
        """Show how many are done."""
        self._bar.update(self._task, description=self._title, completed=done, total=total, visible=True)

    def passes(self, done: int, most: int, error: float) -> None:
        """Show how many passes over the training part are done, and the validation error in the target's unit."""
        self._bar.update(self._task, description=f"{self._title}: {training_words(done, most, error)}")


Progress = Callable[[str], AbstractContextManager[Show]]
"""Takes a title."""


@contextmanager
def show_progress(console: Console, title: str, *, lines: bool = True) -> Iterator[Show]:
    """Show a progress bar on a terminal, and lines where the output is a file.

    Parameters
    ----------
    console : rich.console.Console
        Where it is shown.
    title : str
        What is done.
    lines : bool
        Whether there are lines at each tenth where the output is a file, on standard output; else there are only those
        that say that it still runs, on standard error.

    Yields
    ------
    Show
        Takes how many are done and how many there are.
    """
    if not console.is_terminal:
        stream = sys.stdout if lines else sys.stderr
        with Lines(title, lambda line: print(line, file=stream, flush=True), tenths=lines) as shown:
            yield shown
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True) as bar:
        yield Bar(bar, title)
