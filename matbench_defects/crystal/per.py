"""How many formula units, atoms or defect sites a configuration has: what a value of the whole cell is divided by."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from matbench_defects.columns import Per
from matbench_defects.crystal.space import Space
from matbench_defects.errors import InputError, nearest
from matbench_defects.spec.fields import VACANCY


def counts_per(space: Space, occupations: NDArray[np.uint8], per: Per | str) -> NDArray[np.int64]:
    """Return how many of something each of many configurations has; of a pathway, its first end point.

    Parameters
    ----------
    space : Space
        The space.
    occupations : ndarray of uint8, shape (m, n)
        Configurations of it.
    per : Per
        What is counted: ``formula unit``, those of the parent in the supercell; ``atom``; ``defect site``, the sites
        that differ from the ideal host, which may be none; one ``cell`` and one ``hop`` each. Specs write
        ``formula_unit`` and ``defect_site``, which are the same.

    Returns
    -------
    ndarray of int, shape (m,)

    Raises
    ------
    InputError
        If nothing is called so.
    """
    per = per.replace("_", " ")
    if per not in get_args(Per):
        raise InputError(f"nothing is counted per '{per}'; {nearest(per, get_args(Per))}")
    if per in ("cell", "hop", "formula unit"):
        return np.full(len(occupations), space.formula_units if per == "formula unit" else 1)
    if space.structures is not space and len(occupations):
        occupations = np.stack([space.end_points(occupation)[0] for occupation in occupations])
    result = np.full(len(occupations), len(space.positions) if per == "atom" else 0)
    for sublattice, where in zip(space.sublattices, space.ranges, strict=True):
        here = occupations[:, where]
        numbers = {species: i for i, species in enumerate(sublattice.species)}
        if per == "atom":
            result -= (here == numbers.get(VACANCY, -1)).sum(axis=1)
        else:
            host = np.array([numbers.get(space.host_species[i], -1) for i in sublattice.sites])
            result += (here != host).sum(axis=1)
    return result
