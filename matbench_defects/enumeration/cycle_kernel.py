"""The compiled loop over the cycles of many operations; importing this file imports numba."""

from __future__ import annotations

import numba


@numba.njit
def sort_by_cycles(action, order, size, ends, parts, seen, types, most, members):  # type: ignore[no-untyped-def]
    """Sort operations by how many cycles of each length they have on each part of the sites; return the types' number.

    Parameters
    ----------
    action : pointer to int32, order rows of size
        Where each operation sends each site.
    order, size, parts, most : int
        Operations, sites, parts of the sites, and for how many types there is room.
    ends : pointer to int64
        Where each part ends.
    seen : pointer to int32, size numbers
        Scratch memory.
    types : pointer to int32, most + 1 rows of size + parts
        Filled with how many cycles each type has; of a part that begins at site s, as the p-th, those of length L stand
        at s + p + L - 1.
    members : pointer to int32, order numbers
        Filled with the type of each operation.

    Returns
    -------
    int
        How many types there are; -1 if there are more than there is room for.
    """
    width = size + parts
    number = 0
    for z in range(size):
        seen[z] = -1
    for g in range(order):
        row = number * width
        for i in range(width):
            types[row + i] = 0
        start = 0
        for p in range(parts):
            for z in range(start, ends[p]):
                length = 0
                site = z
                while seen[site] != g:
                    seen[site] = g
                    site = action[g * size + site]
                    length += 1
                if length:
                    types[row + start + p + length - 1] += 1
            start = ends[p]
        found = number
        for t in range(number):
            i = 0
            while i < width and types[t * width + i] == types[row + i]:
                i += 1
            if i == width:
                found = t
                break
        if found == number:
            if number == most:
                return -1
            number += 1
        members[g] = found
    return number
