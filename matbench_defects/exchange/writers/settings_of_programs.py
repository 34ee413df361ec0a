"""What settings of inputs for other programs can be: finite numbers, positive where nothing else makes sense."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

KSpacing = Annotated[float, Field(ge=0.01, le=10)]
"""Spacing of k-points, 1/Å, 2π included; less would be 600 along each vector of 1 Å, and more is Γ in any cell."""
POSITIVE = frozenset({"ECUTWFC", "ECUTRHO", "CONV_THR", "DEGAUSS", "ENCUT", "KSPACING", "EDIFF", "NELM"})
"""Settings of pw.x and VASP that are above zero, in capitals."""
LARGEST = 1e6
"""No cutoff, number of steps or of k-points in an input is larger."""


def check_values(value: Any, name: str = "") -> Any:
    """Refuse numbers that no input can hold, at any depth of lists and mappings.

    Raises
    ------
    ValueError
        Naming the setting.
    """
    if isinstance(value, dict):
        for key, inside in value.items():
            check_values(inside, str(key))
    elif isinstance(value, list | tuple):
        for inside in value:
            check_values(inside, name)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: a finite number was expected, not {value}")
    elif name.upper() in POSITIVE:
        if isinstance(value, bool | str) or not 0 < value <= LARGEST:
            raise ValueError(f"{name}: a number above 0 and up to {LARGEST:g} was expected, not {value!r}")
    elif isinstance(value, str) and any(ord(letter) < 32 for letter in value):
        raise ValueError(f"{name}: one line of text was expected, not {value!r:.80}")
    return value


def _check_file(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9_+.()-]*", name) is None:
        raise ValueError(f"the name of a file was expected, without spaces, quotes and folders, not {name!r:.80}")
    return name


Options = Annotated[dict[str, Any], AfterValidator(check_values)]
"""Settings as another program names them."""
FileName = Annotated[str, AfterValidator(_check_file)]
"""The name of a file beside others, such as a pseudopotential."""
