"""Functions that workers import by name, and a run to be killed from outside."""

from __future__ import annotations

import os
import signal
import sys
import time

from matbench_defects.execution.local import LocalPool


def plus(item, shared):
    return item + (shared or 0)


def process_of(item, shared):
    time.sleep(0.05)
    return os.getpid()


def dies_of(item, shared):
    if item == shared:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def dies_once(item, shared):
    if item == 3 and not shared.exists():
        shared.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def refuses(item, shared):
    raise ValueError(f"no {item}")


def names_its_process(item, shared):
    (shared / str(os.getpid())).touch()
    time.sleep(60)


class Unloadable:
    """Ends the process that unpickles it, as a worker ends that cannot start."""

    def __reduce__(self):
        return os._exit, (3,)


if __name__ == "__main__":
    from pathlib import Path

    with LocalPool(2).run(names_its_process, [[1], [2]], shared=Path(sys.argv[1])) as results:
        list(results)
