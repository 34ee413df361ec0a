"""What a sum over the cell is divided by, so that a feature is per what the target is per."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from matbench_defects.columns import Per
from matbench_defects.crystal.per import counts_per
from matbench_defects.crystal.space import Space
from matbench_defects.models.rows import Rows

FORMULA_UNIT: Per = "formula unit"
DEFECT_SITE: Per = "defect site"


def divisors(rows: Rows) -> NDArray[np.float64]:
    """Return what sums over each row's cell are divided by.

    Parameters
    ----------
    rows : Rows
        The rows; the quantity in their background says what the target is per.

    Returns
    -------
    ndarray of float, shape (n,)
        The number of atoms or defect sites, at least one, or one for a target per cell or hop; the number of formula
        units for all else: a length or a voltage depends on how much there is of something, not on how large the cell
        is.
    """
    per = rows.background.quantity.per
    if per in ("cell", "hop"):
        return np.ones(len(rows))
    counts = rows.table["nsites" if per == "atom" else "formula_units"]
    if per == DEFECT_SITE:
        counts = pc.list_value_length(rows.table["defect_species"])
    return np.maximum(np.asarray(counts.to_numpy(), dtype=np.float64), 1.0)


def occupation_divisors(space: Space, occupations: NDArray[np.uint8], per: str) -> NDArray[np.float64]:
    """Return the same as `divisors` straight from occupations.

    Parameters
    ----------
    space : Space
        The space.
    occupations : ndarray of uint8, shape (m, n)
        Configurations of it.
    per : str
        What the target is per.

    Returns
    -------
    ndarray of float, shape (m,)
    """
    counts = counts_per(space, occupations, per if per in get_args(Per) else FORMULA_UNIT)
    return np.maximum(counts, 1).astype(np.float64)


def is_excess(rows: Rows) -> bool:
    """Return whether a value is what a row has more than its ideal host, as what is per defect site is."""
    return rows.background.quantity.per == DEFECT_SITE
