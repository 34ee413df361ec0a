"""What a worker does, whichever backend started it: its surroundings, its GPU, one batch after another."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matbench_defects.errors import InputError
from matbench_defects.execution.executor import Function, results_of

DEVICE = "MATBENCH_DEFECTS_DEVICE"
"""Environment variable: ``cpu`` or ``cuda``, what engines that can use a GPU compute on."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Two numerical threads that contend for a core are many times slower than one."""
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**33), "MALLOC_TOP_PAD_": str(2**28)}
"""Settings of glibc's allocator for processes that compute labels: memory that was freed is kept for the next step."""

_held: list[Any] = []
_prepared: list[bool] = []


def surroundings() -> dict[str, str]:
    """Return the environment variables that a worker process starts with; what the user has set stays.

    glibc gives large blocks back to the system and gets them again, page by page, at each step of a relaxation; with
    `KEEP_MEMORY` SevenNet needed 10 to 20 % less processor time on NCA.
    """
    return ONE_THREAD | {name: value for name, value in KEEP_MEMORY.items() if name not in os.environ}


@contextlib.contextmanager
def environment(wanted: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are started inside."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def prepare(device: str) -> None:
    """Make this process ready to compute; done once, before anything numerical is loaded.

    Parameters
    ----------
    device : str
        ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        If there is no GPU where one is wanted.
    """
    warnings.simplefilter("ignore")
    os.environ[DEVICE] = device
    if device == "cuda" and not _held:
        found = visible_gpus()
        if not found:
            raise InputError("`cuda` was asked for, but a worker sees no NVIDIA GPU")
        os.environ["CUDA_VISIBLE_DEVICES"] = _claim(found)


def visible_gpus() -> list[str]:
    """Return the NVIDIA GPUs that this process may use, by the names that ``CUDA_VISIBLE_DEVICES`` takes."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    numbers = (path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))
    return sorted((number for number in numbers if number.isdigit()), key=int)


def _claim(gpus: list[str]) -> str:
    """Return a GPU that no other worker of this machine holds; where all are taken, one of them.

    A claim is a lock on a file, which the system lets go of when its process ends, however that ends: so a worker that
    takes the place of a killed one takes its GPU too.
    """
    from filelock import FileLock, Timeout

    # Two jobs on one machine may each call their own GPUs 0, 1, ...
    job = os.environ.get("SLURM_JOB_ID") or os.environ.get("PBS_JOBID") or "none"
    for gpu in gpus:
        name = f"matbench-defects-{os.getuid()}-{job}-gpu-{gpu}.lock".replace(os.sep, "-")
        lock = FileLock(Path(tempfile.gettempdir()) / name)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        _held.append(lock)
        return gpu
    return gpus[os.getpid() % len(gpus)]


def compute(function: Function, items: Sequence[Any], shared: Any, device: str) -> list[Any]:
    """Return what a function gives for each item of a batch; before the first one the process is prepared."""
    if not _prepared:
        prepare(device)
        _prepared.append(True)
    return results_of(function, items, shared)
