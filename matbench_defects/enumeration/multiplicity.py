"""How many inequivalent configurations have each multiplicity, without enumerating them.

For each subgroup the number of configurations that it leaves as they are is known from its orbits of sites. Taken from
the largest subgroups down, subtracting what larger ones keep leaves the configurations with exactly that stabiliser.
Only subgroups that keep some configuration of the content are looked at: of a dilute content, few.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.counting import Cycles, colourings, count_all
from matbench_defects.errors import InputError

MOST_SUBGROUPS = 5000
"""With more subgroups to look at than this, the count is refused rather than taking hours."""


def count_by_multiplicity(space: Space, content: Content) -> dict[int, int]:
    """Return how many inequivalent configurations of a content have each multiplicity.

    Parameters
    ----------
    space : Space
        The space.
    content : tuple of tuple of int
        How many of each species on each sublattice.

    Returns
    -------
    dict of int to int
        Number of orbits by their multiplicity, increasing; multiplicities that none has are left out.

    Raises
    ------
    InputError
        If the content is so symmetric that too many subgroups would have to be looked at.
    """
    if not count_all(space, content):
        return {}
    order = len(space.group)
    kept = _subgroups(space, content)
    exact: dict[int, int] = {}  # configurations whose stabiliser is just this subgroup
    result: Counter[int] = Counter()
    for subgroup in sorted(kept, key=lambda members: -members.bit_count()):
        larger = sum(number for other, number in exact.items() if other & subgroup == subgroup)
        exact[subgroup] = kept[subgroup] - larger
        result[order // subgroup.bit_count()] += exact[subgroup] * subgroup.bit_count()
    return {m: result[m] // order for m in sorted(result) if result[m]}


def _subgroups(space: Space, content: Content) -> dict[int, int]:
    """Return each subgroup that keeps a configuration, as the bits of its operations, with how many it keeps."""
    table = _products(space)
    identity = int(np.flatnonzero((space.group == np.arange(space.size)).all(axis=1))[0])
    trivial = 1 << identity
    found = {trivial: count_all(space, content)}
    members: dict[int, NDArray[np.int64]] = {trivial: np.array([identity])}
    cyclic: dict[int, int] = {}
    for operation in range(len(table)):
        group = _generated(table, members[trivial], operation)
        cyclic.setdefault(_bits(group), operation)
    # Every subgroup is one smaller by a cyclic one, and a larger subgroup never keeps more.
    waiting = [trivial]
    refused: set[int] = set()
    while waiting:
        base = waiting.pop()
        for bits, operation in cyclic.items():
            if base & bits == bits or bits in refused:
                continue
            joined = _generated(table, members[base], operation)
            key = _bits(joined)
            if key in found or key in refused:
                continue
            kept = _kept(space, content, joined)
            if not kept:
                refused.add(key)
                continue
            if len(found) == MOST_SUBGROUPS:
                raise InputError(
                    f"{space.content_name(content)} is kept by more than {MOST_SUBGROUPS} subgroups; "
                    "enumerate it instead"
                )
            found[key] = kept
            members[key] = joined
            waiting.append(key)
    return found


def _products(space: Space) -> NDArray[np.int64]:
    """Return the multiplication table: row a, column b, the operation that is b and then a."""
    group = space.group.astype(np.int64)
    codes = {row.tobytes(): i for i, row in enumerate(group)}
    return np.array([[codes[row.tobytes()] for row in one[group]] for one in group])


def _generated(table: NDArray[np.int64], members: NDArray[np.int64], operation: int) -> NDArray[np.int64]:
    """Return the subgroup that a subgroup and one more operation generate, its members increasing."""
    generators = np.append(members, operation)
    inside = np.zeros(len(table), dtype=bool)
    inside[generators] = True
    fresh = generators
    while len(fresh):
        images = np.unique(table[np.ix_(fresh, generators)])
        fresh = images[~inside[images]]
        inside[fresh] = True
    return np.flatnonzero(inside)


def _bits(members: NDArray[np.int64]) -> int:
    return sum(1 << m for m in members.tolist())


def _kept(space: Space, content: Content, members: NDArray[np.int64]) -> int:
    """Return how many configurations a subgroup leaves as they are."""
    smallest = space.group[members].min(axis=0)  # of each site's orbit
    sizes = np.bincount(smallest, minlength=space.size)
    total = 0
    points = space.kind.points
    images = points.action(space.group[members])
    for point in np.flatnonzero((images == np.arange(len(points))).all(axis=0)).tolist():
        rest = sizes.copy()
        rest[smallest[points.sites[point]]] = 0
        total += _colourings(space, content, rest)
    return total


def _colourings(space: Space, content: Content, sizes: NDArray[np.int64]) -> int:
    product = 1
    for where, counts in zip(space.ranges, space.placed(content), strict=True):
        present = sizes[where][sizes[where] > 0].tolist()
        orbits: Cycles = tuple(sorted(Counter(present).items()))
        product *= colourings(orbits, counts)
    return product
