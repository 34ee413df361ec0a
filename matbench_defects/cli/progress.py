"""How far a command is: a bar on a terminal, now and then a line in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from rich.console import Console


class Show:
    """Takes how many are done and how many there are; where the output is a file, it says so now and then.

    Parameters
    ----------
    title : str
        What is done; nothing is said where it is empty.
    """

    def __init__(self, title: str) -> None:
        self._title = title

    def __call__(self, done: int, total: int) -> None:
        """Show how many are done."""
        if self._title and total and done % max(1, total // 10) == 0:
            print(f"{self._title}: {done} of {total}", flush=True)

    def passes(self, done: int, most: int, error: float) -> None:
        """Show how far the training of a model is; nothing but on a terminal."""


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
        super().__init__(title)
        self._bar = bar
        self._task = bar.add_task(title, total=None, visible=False)

    def __call__(self, done: int, total: int) -> None:
        """Show how many are done."""
        self._bar.update(self._task, description=self._title, completed=done, total=total, visible=True)

    def passes(self, done: int, most: int, error: float) -> None:
        """Show how many passes over the training part are done, and the validation error in the target's unit."""
        text = f"{self._title}: epoch {done} of {most}, validation error {error:.3g}"
        self._bar.update(self._task, description=text)


Progress = Callable[[str], AbstractContextManager[Show]]
"""Takes a title."""


@contextmanager
def show_progress(console: Console, title: str, *, lines: bool = True) -> Iterator[Show]:
    """Show a progress bar on a terminal, and now and then a line where the output is a file.

    Parameters
    ----------
    console : rich.console.Console
        Where it is shown.
    title : str
        What is done.
    lines : bool
        Whether there are lines where the output is a file.

    Yields
    ------
    Show
        Takes how many are done and how many there are.
    """
    if not console.is_terminal:
        yield Show(title if lines else "")
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
