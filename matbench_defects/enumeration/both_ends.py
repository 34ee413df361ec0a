"""Filling a table of known length from the front and from the back at once, by two threads that meet."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Task = TypeVar("Task")


def fill_from_both_ends(
    tasks: Sequence[Task], total: int, walk: Callable[[], Callable[[Task, int, int], int]], *, alone: bool = False
) -> int:
    """Do tasks that write rows one after another, and return how many rows they wrote.

    Parameters
    ----------
    tasks : sequence
        In the order of their rows.
    total : int
        How many rows all of them write.
    walk : callable
        Called once in each thread; what it returns takes a task, a direction and a position, writes the task's rows
        from the position on (direction 1) or before it (-1), and returns their number.
    alone : bool
        Whether one thread does everything.
    """
    lock = threading.Lock()
    waiting = [0, len(tasks)]  # the next task from the front, and the one after the next from the back
    filled = [0, 0]

    def work(back: int) -> None:
        do = walk()
        while True:
            with lock:
                if waiting[0] == waiting[1]:
                    return
                waiting[back] += -1 if back else 1
                task = tasks[waiting[1] if back else waiting[0] - 1]
            filled[back] += do(task, -1 if back else 1, total - filled[1] if back else filled[0])

    helper = None if alone or (os.cpu_count() or 1) < 2 else threading.Thread(target=work, args=(1,))
    if helper is not None:
        helper.start()
    work(0)
    if helper is not None:
        helper.join()
    return sum(filled)
