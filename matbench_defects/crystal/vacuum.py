"""Layers, slabs, wires and molecules, recognised by the vacuum around them."""

from __future__ import annotations

import warnings

import numpy as np

from matbench_defects.crystal.cell import wrap
from matbench_defects.crystal.parent import Parent

UNKNOWN_RADIUS = 2.0
"""Van der Waals radius of elements for which pymatgen has none, Å: the heaviest, known for milliseconds."""


def vacuum_across(parent: Parent) -> dict[int, float]:
    """Return across which of a cell's vectors there is vacuum, and how much.

    An empty space between two planes of atoms is vacuum where another such pair of planes would fit into it: where it
    is wider than twice the distance at which the atoms on its two sides would touch, by their van der Waals radii. The
    gap between layers of a bulk crystal is about that distance, once.

    Parameters
    ----------
    parent : Parent
        The crystal.

    Returns
    -------
    dict of int to float
        For each such vector the height of the vacuum, Å: one of a layer or a slab, two of a wire, three of a molecule.
    """
    volume = abs(float(np.linalg.det(parent.lattice)))
    found = {}
    for axis in range(3):
        first, second = (parent.lattice[i] for i in range(3) if i != axis)
        height = volume / float(np.linalg.norm(np.cross(first, second)))
        along = wrap(parent.positions)[:, axis]
        order = np.argsort(along, kind="stable")
        gaps = np.diff(along[order], append=along[order[0]] + 1) * height
        widest = int(gaps.argmax())
        below, above = order[widest], order[(widest + 1) % len(order)]
        touching = _radius(parent.elements[below]) + _radius(parent.elements[above])
        if gaps[widest] > 2 * touching:
            found[axis] = float(gaps[widest])
    return found


def _radius(element: str) -> float:
    """Return a van der Waals radius, Å."""
    from pymatgen.core.periodic_table import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there is none, pymatgen says so
        return float(Element(element).van_der_waals_radius or UNKNOWN_RADIUS)
