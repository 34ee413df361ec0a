"""Configurations that an exchange of species makes equal, among those that no operation does.

Generation yields the smallest configuration of each orbit of the group. Exchanges carry whole orbits into each other, so
one is the smallest of all where no operation makes any of its exchanged ones smaller.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import stages
from matbench_defects.crystal.relabelling import exchanged_contents, keeping_content, number_keeping
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.configurations import decode

SLICE = 65_536
"""Configurations that are compared at a time."""


def merge_exchanged(
    space: Space, content: Content, placed: NDArray[np.unsignedinteger], multiplicities: NDArray[np.int32]
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int32]]:
    """Keep one configuration of those that exchanges make equal, with the number of all that it stands for.

    Parameters
    ----------
    space : Space
        The space.
    content : Content
        The content of all; the smallest of those that exchanges make of it.
    placed : ndarray of uint8 or wider, shape (k, m)
        The smallest configuration of each orbit of the group, compactly.
    multiplicities : ndarray of int32, shape (m,)
        How many configurations each orbit holds.
    """
    parts = np.zeros(len(multiplicities), dtype=np.int32)
    for i in range(0, len(multiplicities), SLICE):
        here = slice(i, i + SLICE)
        parts[here] = _parts(space, content, decode(space, content, placed[:, here]))
    kept = parts > 0
    return placed[:, kept], multiplicities[kept] * parts[kept] * np.int32(exchanged_contents(space.exchange, content))


def _parts(space: Space, content: Content, occupations: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return how many orbits of the group each one stands for; zero where it is not the smallest of these."""
    by_site = np.ascontiguousarray(occupations.T)
    alive = np.arange(by_site.shape[1])
    keeping = np.ones(by_site.shape[1], dtype=np.int32)
    placements, _ = stages(space, content)
    for exchange in itertools.islice(keeping_content(space.exchange, content), 1, None):
        # Which sites of an exchanged image hold what a placement puts down: those where its forerunner sits.
        compared = [
            (site, stage.species, int(np.flatnonzero(exchange[stage.sublattice] == stage.species)[0]))
            for stage in placements
            for site in range(space.ranges[stage.sublattice].start, space.ranges[stage.sublattice].stop)
        ]
        same = np.zeros(by_site.shape[1], dtype=bool)
        for operation in space.group:
            rows, larger_or_same = alive, np.ones(len(alive), dtype=bool)
            places = np.arange(len(alive))
            for site, species, forerunner in compared:
                image = by_site[operation[site], rows] == forerunner
                differ = image != (by_site[site, rows] == species)
                if differ.any():
                    larger_or_same[places[differ & image]] = False
                    rows, places = rows[~differ], places[~differ]
                    if not len(rows):
                        break
            same[rows] = True
            alive = alive[larger_or_same]
        keeping += same
    parts = np.zeros(len(occupations), dtype=np.int32)
    parts[alive] = number_keeping(space.exchange, content) // keeping[alive]
    return parts
