"""What is known of elements: numbers that place an element which no training row had beside those that were there."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import NotServedError
from matbench_defects.spec.fields import VACANCY

PROPERTIES = ("electronegativity", "covalent radius", "group", "row")
"""Pauling's electronegativity, covalent radius (Å, Cordero et al., Dalton Trans. 2832 (2008), doi:10.1039/b801115j),
group and row of the periodic table."""
SCALES = (4.0, 2.5, 18.0, 7.0)
"""About the largest of each, for models that want numbers of order one."""
CHANGES = tuple(f"change of {name}" for name in PROPERTIES)
REMOVED = tuple(f"{name} of what is gone" for name in PROPERTIES)
OF_ONE = (
    "defects",
    "vacancies",
    *CHANGES,
    *(f"squared {name}" for name in CHANGES),
    *REMOVED,
    *(f"{name} for nothing" for name in REMOVED),
)
"""What a defect says of itself; the last ones of a vacancy alone."""
OF_PAIRS = ("defects", "vacancies", *CHANGES)
"""What pairs of defects are weighted by."""


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


def of_defects(gone: Sequence[str], there: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `OF_ONE` and `OF_PAIRS` of each defect, shapes (n, len(OF_ONE)) and (n, len(OF_PAIRS)).

    Parameters
    ----------
    gone, there : sequence of str
        What the host has on each site, and what is there instead; either may be a vacancy.

    Raises
    ------
    NotServedError
        If the properties of an element are not known.
    """
    nothing = np.zeros(len(PROPERTIES))
    before = np.array([nothing if s == VACANCY else element_properties(s) for s in gone]).reshape(-1, len(PROPERTIES))
    after = np.array([nothing if s == VACANCY else element_properties(s) for s in there]).reshape(-1, len(PROPERTIES))
    vacancy = np.array([s == VACANCY for s in there], dtype=float)[:, None]
    exchanged = np.array([VACANCY not in pair for pair in zip(gone, there, strict=True)], dtype=float)[:, None]
    change = (after - before) * exchanged  # of a vacancy the flag says what there is to say
    ones = np.ones_like(vacancy)
    single = np.hstack([ones, vacancy, change, change**2, before, before * vacancy])
    return single, np.hstack([ones, vacancy, change])


def learnable(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which columns of `OF_ONE` or `OF_PAIRS` tell the defects of training apart, shape (f,).

    A property that is the same wherever it is not zero, as with a single dopant, is but another count of defects: a
    regression could give it any part of what that count says, and would be wrong for the next dopant. The counts stay.

    Parameters
    ----------
    values : ndarray of float, shape (n, f)
        One row for each kind of defect in the training part.
    """
    counts = [name in ("defects", "vacancies") for name in OF_ONE[: values.shape[1]]]
    found = [len(set(column[column != 0].round(6).tolist())) > 1 for column in values.T]
    return np.logical_or(counts, found)
