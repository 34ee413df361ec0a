"""Split sites: sites nearer to each other than atoms can be, of which one at most is filled."""

from __future__ import annotations

from matbench_defects.crystal.distances import TOO_NEAR, near_sites
from matbench_defects.crystal.parent import Parent

LENGTH = 1e-4
"""Distances that differ by less than this, Å, are the same; limits are widened by it."""
Pair = tuple[float, tuple[int, int]]
"""A distance, Å, and the two atoms of the parent."""


def split_sites(parent: Parent) -> list[Pair]:
    """Return the pairs of a parent's sites that are nearer than atoms are, nearest first."""
    if "split" not in parent.memory:
        found = near_sites(parent.lattice, parent.species, parent.positions, TOO_NEAR)
        parent.memory["split"] = sorted(set(found))
    known: list[Pair] = parent.memory["split"]
    return known


def sites_apart(parent: Parent) -> float:
    """Return a distance, Å, than which no two sites of a parent are nearer: `TOO_NEAR` where none are split."""
    return min((distance for distance, _ in split_sites(parent)), default=TOO_NEAR)
