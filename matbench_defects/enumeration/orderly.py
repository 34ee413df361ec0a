"""Inequivalent configurations by orderly generation: only canonical ones are ever built.

Sets of sites grow one site at a time, in increasing order; a set that some operation maps to a smaller one is dropped
with everything that would grow from it, because a canonical set's beginning is canonical too. The next species is then
placed under the operations that leave the previous ones where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.canonical import Stage, configuration_id, stages
from matbench_defects.enumeration.counting import count_inequivalent


@dataclass(frozen=True)
class Configurations:
    """Inequivalent configurations of a space.

    Parameters
    ----------
    space : Space
        The space.
    occupations : ndarray of uint8, shape (m, n)
        The canonical member of each orbit, contents in the order of the spec and keys increasing within one.
    multiplicities : ndarray of int, shape (m,)
        How many configurations each orbit holds.
    """

    space: Space
    occupations: NDArray[np.uint8]
    multiplicities: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.occupations)

    def ids(self) -> list[str]:
        """Return the id of each configuration."""
        return [configuration_id(self.space, occupation) for occupation in self.occupations]


def enumerate_configurations(space: Space, contents: list[Content] | None = None) -> Configurations:
    """Return every symmetry-inequivalent configuration with its multiplicity.

    Parameters
    ----------
    space : Space
        The space.
    contents : list of contents, optional
        Only these; all that the space allows where left out.

    Returns
    -------
    Configurations
        Canonical members. Their number equals Burnside's count, which is checked.
    """
    occupations: list[NDArray[np.uint8]] = []
    multiplicities: list[int] = []
    for content in space.contents() if contents is None else contents:
        before = len(occupations)
        for occupation, stabiliser in _of_content(space, content):
            occupations.append(occupation)
            multiplicities.append(len(space.group) // stabiliser)
        expected = count_inequivalent(space, content)
        if len(occupations) - before != expected:
            raise AssertionError(f"{len(occupations) - before} configurations of {content}, Burnside says {expected}")
    return Configurations(
        space,
        np.array(occupations, dtype=np.uint8).reshape(-1, space.size),
        np.array(multiplicities, dtype=np.int64),
    )


def _of_content(space: Space, content: Content) -> Iterator[tuple[NDArray[np.uint8], int]]:
    placements, rest = stages(content)
    start = np.concatenate(
        [np.full(r.stop - r.start, k, dtype=np.uint8) for r, k in zip(space.ranges, rest, strict=True)]
    )
    free = [np.arange(r.start, r.stop) for r in space.ranges]
    yield from _place(placements, start, free, space.group)


def _place(
    placements: list[Stage], occupation: NDArray[np.uint8], free: list[NDArray[np.int64]], group: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.uint8], int]]:
    if not placements:
        yield occupation, len(group)
        return
    stage = placements[0]
    sites = free[stage.sublattice]
    for chosen, stabiliser in _canonical_subsets(sites, stage.count, group):
        following = occupation.copy()
        following[chosen] = stage.species
        left = [*free]
        left[stage.sublattice] = np.setdiff1d(sites, chosen)
        yield from _place(placements[1:], following, left, stabiliser)


def _canonical_subsets(
    sites: NDArray[np.int64], count: int, group: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Yield each canonical set of `count` of the sites with the operations that keep it."""

    def grow(chosen: list[int], first: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
        stabiliser = group
        if chosen:
            images = np.sort(group[:, chosen], axis=1)
            difference = images - np.array(chosen)
            moved = difference != 0
            where = moved.argmax(axis=1)
            leading = np.take_along_axis(difference, where[:, None], axis=1)[:, 0]
            if (leading < 0).any():
                return
            stabiliser = group[leading == 0]
        if len(chosen) == count:
            yield np.array(chosen, dtype=np.int64), stabiliser
            return
        for position in range(first, len(sites) - (count - len(chosen)) + 1):
            yield from grow([*chosen, int(sites[position])], position + 1)

    yield from grow([], 0)
