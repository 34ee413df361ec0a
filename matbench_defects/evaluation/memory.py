"""The most memory that something took."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PROCESS = Path("/proc/self")


@contextmanager
def peak_memory(device: str) -> Iterator[Callable[[], int | None]]:
    """Watch the memory that is taken in the block.

    Parameters
    ----------
    device : str
        ``cuda``, or ``cuda:`` and a number: the memory that torch's tensors took on it. Else the whole process's
        resident memory, what was there before included.

    Yields
    ------
    callable
        Returns the most so far, bytes; None where the system does not say.
    """
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        yield lambda: int(torch.cuda.max_memory_allocated(device))
        return
    try:
        # Linux: 5 sets the mark of the highest resident memory back to what is resident now (proc(5)).
        (_PROCESS / "clear_refs").write_text("5")
    except OSError:
        yield lambda: None
        return
    yield _highest_resident


def _highest_resident() -> int | None:
    found = re.search(r"^VmHWM:\s+(\d+) kB$", (_PROCESS / "status").read_text(), re.MULTILINE)
    return None if found is None else 1024 * int(found[1])
