"""The compiled loop that compares configurations with images of exchanged ones; importing this file imports numba."""

from __future__ import annotations

import numba


@numba.njit
def compare_images(  # type: ignore[no-untyped-def]
    occupations, number, size, action, order, sites, species, before, compared, smaller, same
):
    """Mark configurations that have a smaller image, and those that are an image of themselves; return 0.

    Parameters
    ----------
    occupations : pointer to uint8, number rows of size
        The configurations.
    number, size, order, compared : int
        Configurations, sites, operations, and comparisons.
    action : pointer to int32, order rows of size
        Where each operation takes what an image has on each site from.
    sites : pointer to int32, species and before : pointers to uint8; compared numbers each
        One comparison after another: whether the configuration holds a species on a site, and its image does, which is
        where the configuration holds the species before the exchange. Of two, the one that holds it first is smaller.
    smaller : pointer to uint8, number numbers
        Set to 1 where an image is smaller; configurations that have it already are left out.
    same : pointer to uint8, number numbers
        Set to 1 where an image is the configuration itself.
    """
    for row in range(number):
        if smaller[row]:
            continue
        start = row * size
        for g in range(order):
            t = 0
            while t < compared:
                image = occupations[start + action[g * size + sites[t]]] == before[t]
                if image != (occupations[start + sites[t]] == species[t]):
                    if image:
                        smaller[row] = 1
                    break
                t += 1
            if smaller[row]:
                break
            if t == compared:
                same[row] = 1
    return 0
