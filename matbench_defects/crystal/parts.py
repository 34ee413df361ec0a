"""Sublattices that are a part of an orbit, such as one layer of a slab; only what keeps the part is a symmetry."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.symmetry import parent_action
from matbench_defects.errors import InputError, nearest
from matbench_defects.spec.spaces import SublatticeSpec
from matbench_defects.spec.species import element_of

ON_EDGE = 1e-6
"""A fractional coordinate so near to the end of a range is at it."""


def atoms_of(parent: Parent, label: str, description: SublatticeSpec) -> list[int]:
    """Return the atoms of a parent that a sublattice has sites of, increasing.

    Parameters
    ----------
    parent : Parent
        The parent, in its given cell or in a primitive one that its operations allow.
    label : str
        The sublattice's name, which names its sites where it does not name them otherwise.
    description : SublatticeSpec
        Its part of the spec.

    Raises
    ------
    InputError
        If a name is none of the parent's, or no site lies where it is looked for.
    """
    members: set[int] = set()
    for wanted in description.sites or [label]:
        found = atoms_called(parent, wanted)
        if not found:
            known = set(parent.labels) | set(parent.species) | set(parent.elements)
            raise InputError(f"the parent has no site '{wanted}'; {nearest(wanted, known)}")
        members |= found
    atoms = sorted(members)
    for axis, (low, high) in (description.within or {}).items():
        along = (parent.positions[atoms] @ np.linalg.inv(parent.axes))[:, "abc".index(axis)]
        inside = np.mod(along - low + ON_EDGE, 1) < high - low
        if not inside.any():
            lie = sorted({f"{x:.4g}" for x in np.round(np.mod(along, 1), 4)})
            shown = ", ".join(lie[:8]) + (", ..." if len(lie) > 8 else "")
            raise InputError(f"none of its sites lies within {axis} {low:g} to {high:g}; they lie at {shown}")
        atoms = [atom for atom, kept in zip(atoms, inside.tolist(), strict=True) if kept]
    return atoms


def atoms_called(parent: Parent, name: str) -> set[int]:
    """Return the atoms of a parent that a name leads to: those of that label, else those of that element."""
    found = {i for i, label in enumerate(parent.labels) if label == name}
    return found or {i for i, species in enumerate(parent.species) if name in (species, element_of(species))}


def keeping(parent: Parent, sublattices: dict[str, SublatticeSpec]) -> NDArray[np.bool_]:
    """Return which operations of a parent carry the sites of each of some sublattices into each other, shape (g,).

    Raises
    ------
    InputError
        As `atoms_of`, or if the operations are none of the atoms.
    """
    action, _ = parent_action(parent)
    keeps = np.ones(len(action), dtype=bool)
    for label, description in sublattices.items():
        atoms = atoms_of(parent, label, description)
        keeps &= np.isin(action[:, atoms], atoms).all(axis=1)
    return keeps


def with_group(parent: Parent, keeps: NDArray[np.bool_]) -> Parent:
    """Return a parent with some of its operations."""
    return dataclasses.replace(parent, rotations=parent.rotations[keeps], translations=parent.translations[keeps])


def with_parts(parent: Parent, parts: dict[str, SublatticeSpec]) -> Parent:
    """Return a parent with those of its operations that keep each of some parts of orbits."""
    keeps = keeping(parent, parts)
    if keeps.all():
        return parent
    return dataclasses.replace(with_group(parent, keeps), kept=(int(keeps.sum()), len(keeps)))
