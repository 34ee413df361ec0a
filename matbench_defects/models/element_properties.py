"""What is known of elements: numbers that place an element which no training row had beside those that were there."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import NotServedError

PROPERTIES = ("electronegativity", "covalent radius", "group", "row")
"""Pauling's electronegativity, covalent radius (Å, Cordero et al., Dalton Trans. 2832 (2008), doi:10.1039/b801115j),
group and row of the periodic table."""
SCALES = (4.0, 2.5, 18.0, 7.0)
"""About the largest of each, for models that want numbers of order one."""


@functools.cache
def element_properties(symbol: str) -> NDArray[np.float64]:
    """Return the properties of an element, shape (4,), in the order of `PROPERTIES`.

    Raises
    ------
    NotServedError
        If one of them is not known, as the electronegativity of some noble gases and of the heaviest elements.
    """
    import warnings

    from ase.data import atomic_numbers, covalent_radii
    from pymatgen.core import Element

    if symbol not in atomic_numbers:
        raise NotServedError(f"{symbol} is no element")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an electronegativity that is not known; said below
        element = Element(symbol)
        found = np.array([element.X, covalent_radii[atomic_numbers[symbol]], element.group, element.row], dtype=float)
    for name, value in zip(PROPERTIES, found, strict=True):
        if not np.isfinite(value):
            raise NotServedError(f"the {name} of {symbol} is not known")
    found.flags.writeable = False
    return found
