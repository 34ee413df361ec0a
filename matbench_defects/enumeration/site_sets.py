"""Sets of sites, as every search for them gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.enumeration.colourings import colourings_of
from matbench_defects.enumeration.cycles import cycle_types


@dataclass(frozen=True)
class Subsets:
    """Sets of k sites, the smallest of each orbit, in lexicographic order.

    Parameters
    ----------
    sites : ndarray of uint8 or uint16, shape (k, t)
        The sites of each set, increasing, one set a column.
    orders : ndarray of int32, shape (t,)
        How many operations keep each set.
    """

    sites: NDArray[np.unsignedinteger]
    orders: NDArray[np.int32]


def site_type(size: int) -> type[np.unsignedinteger]:
    """Return the smallest integer type that numbers `size` sites."""
    return np.uint8 if size <= 256 else np.uint16 if size <= 65536 else np.uint32


def number_of_sets(action: NDArray[np.int32], count: int) -> int:
    """Return how many sets of `count` sites differ under a group, by Burnside's lemma.

    Parameters
    ----------
    action : ndarray of int, shape (h, n)
        Where each operation sends each site; rows may repeat, all equally often.
    count : int
        How many sites a set holds.
    """
    size = action.shape[1]
    types = cycle_types(action, (size,))
    fixed = sum(number * colourings_of(cycles)((count, size - count)) for (cycles,), number in types.items())
    return fixed // len(action)
