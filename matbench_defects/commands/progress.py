"""How far a command is: a bar on a terminal, now and then a line in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console

Show = Callable[[int, int], None]
"""Takes how many are done and how many there are."""
Progress = Callable[[str], AbstractContextManager[Show]]
"""Takes a title."""


@contextmanager
def show_progress(console: Console, title: str) -> Iterator[Show]:
    """Show a progress bar on a terminal, and now and then a line where the output is a file.

    Parameters
    ----------
    console : rich.console.Console
        Where it is shown.
    title : str
        What is done.

    Yields
    ------
    callable
        Takes how many are done and how many there are.
    """
    if not console.is_terminal:

        def say(done: int, total: int) -> None:
            if total and done % max(1, total // 10) == 0:
                print(f"{title}: {done} of {total}", flush=True)

        yield say
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
        task = bar.add_task(title, total=None, visible=False)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield show
