"""Vacuum between layers and slabs: an empty region across a supercell."""

from __future__ import annotations

import numpy as np

from matbench_defects.crystal.space import Space

VACUUM = 6.0
"""Planes of atoms farther apart than this, Å, have vacuum between them; those of layered crystals are nearer."""


def vacuum_across(space: Space) -> tuple[str, float] | None:
    """Return along which vector of the supercell there is vacuum, and how thick it is, Å; None where there is none."""
    fractional = space.positions @ np.linalg.inv(space.lattice)
    heights = 1 / np.linalg.norm(np.linalg.inv(space.lattice), axis=0)
    for axis, name in enumerate("abc"):
        along = np.sort(np.mod(fractional[:, axis], 1))
        gap = float(np.diff(np.append(along, along[0] + 1)).max() * heights[axis])
        if gap > VACUUM:
            return name, gap
    return None
