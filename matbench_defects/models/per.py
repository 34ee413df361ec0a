"""What a sum over the cell is divided by, so that a feature is per what the target is per."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.models.model import Rows
from matbench_defects.spec.fields import VACANCY

DEFECT_SITE = "defect site"
_WHOLE = ("cell", "hop")
"""What a target may be per without anything being divided."""


def divisors(rows: Rows) -> NDArray[np.float64]:
    """Return what sums over each row's cell are divided by.

    Parameters
    ----------
    rows : Rows
        The rows; the quantity in their background says what the target is per.

    Returns
    -------
    ndarray of float, shape (n,)
        One for a target per cell or hop, the number of atoms or defect sites, and the number of formula units for all
        else: a length or a voltage depends on how much there is of something, not on how large the cell is.
    """
    per = rows.background.quantity.per
    if per in _WHOLE:
        return np.ones(len(rows))
    if per == DEFECT_SITE:
        found = np.asarray(pc.list_value_length(rows.table["defect_species"]).to_numpy(), dtype=np.float64)
        return np.maximum(found, 1.0)
    return np.asarray(rows.table["nsites" if per == "atom" else "formula_units"].to_numpy(), dtype=np.float64)


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
    if per in _WHOLE:
        return np.ones(len(occupations))
    if per not in (DEFECT_SITE, "atom"):
        return np.full(len(occupations), float(space.formula_units))
    result: NDArray[np.float64] = np.full(len(occupations), 0.0 if per == DEFECT_SITE else float(len(space.positions)))
    occupations = space.end_points(occupations)[0]
    for sublattice, where in zip(space.sublattices, space.ranges, strict=True):
        here = occupations[:, where]
        if per == "atom":
            if VACANCY in sublattice.species:
                result -= (here == sublattice.species.index(VACANCY)).sum(axis=1)
            continue
        known = {s: i for i, s in enumerate(sublattice.species)}
        host = np.array([known.get(space.host_species[i], -1) for i in sublattice.sites])
        result += (here != host).sum(axis=1)
    return np.asarray(np.maximum(result, 1.0))
