"""Compiling inner loops with numba; importing this file imports numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """Compile a function without the interpreter's lock, and keep the result where numba finds a folder to write to.

    Parameters
    ----------
    function : callable
        Loops over arrays and numbers.
    **options
        Further options of ``numba.njit``.
    """
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no such folder
        return numba.njit(nogil=True, **options)(function)
