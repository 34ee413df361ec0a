"""What to know about the symmetry that counts: whether the atoms have another one, and what that would change."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.parent import Parent, found_symmetry
from matbench_defects.crystal.parts import keeping, with_group
from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.counting import count_space
from matbench_defects.plotting import shown_number
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import SpaceSpec

TOLERANCES = (1e-3, 1e-2, 1e-1)
"""How far an atom may lie from its symmetry image, Å, where the symmetry of the atoms is questioned."""
MOST_COUNTED = 20_000_000
"""Entries of the table of a supercell's permutations up to which advice counts with another group."""
_STEPS = 12
"""Halvings of the range in which a group changes; to a thousandth of it."""

_Group = tuple[str, int]
"""Symbol and number of operations."""


def symmetry_advice(spec: Spec, spaces: Mapping[str, Space]) -> dict[str, str]:
    """Return what to know about the symmetry of each space that `spaces` begins with, by its name.

    Advice never stops what it is given beside: what cannot be worked out is said instead.

    Parameters
    ----------
    spec : Spec
        The spec.
    spaces : mapping of str to Space
        Every space of it, as `build_spaces` returns them.
    """
    found: dict[str, str] = {}
    done: set[str] = set()
    for name, space in spaces.items():
        owner = space.family or name
        if owner in done:  # the shapes of one domain have one parent
            continue
        done.add(owner)
        members = [s for n, s in spaces.items() if (s.family or n) == owner]
        advice = _more_than_declared if space.parent.declared else _by_tolerance
        try:
            found[name] = advice(spec, owner, members)
        except Exception as error:  # whatever it is, the counts stand
            found[name] = f"whether the atoms have another symmetry could not be worked out: {error}"
    return found


def _more_than_declared(spec: Spec, owner: str, members: list[Space]) -> str:
    """Return a warning where the atoms have more symmetry than the declared space group, which counts."""
    parent = members[0].parent
    if "found" not in parent.memory:
        parent.memory["found"] = _found(parent, TOLERANCES[0])
    higher: Parent = parent.memory["found"]
    if len(higher.rotations) <= len(parent.rotations):
        return ""
    count, kept = _count_with(spec, owner, higher)
    if parent.kept is not None and kept <= len(parent.rotations):
        return ""  # what is more does not keep a part of an orbit
    apart = "" if kept == len(higher.rotations) else f", {kept} of which keep the sublattices apart"
    return (
        f"the atoms have {higher.space_group} with {len(higher.rotations)} operations{apart}, more than the declared "
        f"{parent.space_group} with {len(parent.rotations)}: {count} configurations would differ instead "
        f"of {shown_number(_count(spec, members))}. The declared one counts."
    )


def _by_tolerance(spec: Spec, owner: str, members: list[Space]) -> str:
    """Return a warning where the symmetry that is found depends on the tolerance."""
    parent = members[0].parent
    steps = sorted({*TOLERANCES, parent.tolerance})
    groups = {tolerance: _found(parent, tolerance) for tolerance in steps}
    used = _group(groups[parent.tolerance])
    if len({_group(g) for g in groups.values()}) == 1:
        return ""
    said = [_named(_group(groups[steps[0]]))]
    for low, high in itertools.pairwise(steps):
        if _group(groups[low]) != _group(groups[high]):
            edge = _edge(parent, low, high)
            said[-1] += f" up to {edge:.2g} Å"
            said.append(f"{_named(_group(groups[high]))} beyond")
    count = shown_number(_count(spec, members))
    counts = [
        f"{count} configurations differ with {used[0]}, which counts (`symmetry_tolerance: {parent.tolerance:g}`)"
    ]
    seen = {used}
    for tolerance in steps:
        if (group := _group(groups[tolerance])) not in seen:
            seen.add(group)
            count, kept = _count_with(spec, owner, groups[tolerance])
            apart = "" if kept == group[1] else f", {kept} of whose operations keep the sublattices apart"
            counts.append(f"{count} with {group[0]} (`symmetry_tolerance: {tolerance:g}`{apart})")
    return (
        f"the symmetry of the atoms depends on how exactly it is asked for: {', '.join(said)}. {', '.join(counts)}. "
        "Rounded or noisy positions lower a symmetry, and so does a true distortion: state the one that is meant."
    )


def _found(parent: Parent, tolerance: float) -> Parent:
    """Return the parent with the symmetry that its atoms have within a tolerance."""
    rotations, translations, symbol = found_symmetry(parent.lattice, parent.positions, parent.kinds, tolerance)
    return dataclasses.replace(
        parent,
        rotations=rotations,
        translations=translations,
        space_group=symbol,
        declared=False,
        tolerance=tolerance,
    )


def _group(parent: Parent) -> _Group:
    return parent.space_group, len(parent.rotations)


def _named(group: _Group) -> str:
    return f"{group[0]} ({group[1]} operations)"


def _edge(parent: Parent, low: float, high: float) -> float:
    """Return the tolerance between two at which the first group ends, Å."""
    first = _group(_found(parent, low))
    for _ in range(_STEPS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if _group(_found(parent, middle)) == first else (low, middle)
    return low


def _count(spec: Spec, spaces: list[Space]) -> int:
    """Return how many configurations of a space, or of all shapes of one, differ.

    Of shapes that are not enumerated, repetitions of smaller cells are counted too.
    """
    owner = spaces[0].family or spaces[0].name
    if not spaces[0].family or spec.all_spaces()[owner][0].configurations.from_file is not None:
        return sum(count_space(space)[1] for space in spaces)
    from matbench_defects.enumeration.derivative import derivative_structures

    return sum(len(part) for space in spaces for part in derivative_structures(space).parts)


def _count_with(spec: Spec, owner: str, other: Parent) -> tuple[str, int]:
    """Return how many configurations would differ with a parent's other group, and how many operations then count."""
    kept = 0

    def reworked(parent: Parent, part: SpaceSpec) -> Parent:
        nonlocal kept
        keeps = keeping(other, part.sublattices)
        kept = int(keeps.sum())
        return with_group(other, keeps)

    spaces = build_spaces(spec, only=owner, reworked=reworked)
    if max(kept * len(s.cells.offsets) ** 2 * len(other.species) for s in spaces.values()) > MOST_COUNTED:
        return "fewer (too many to be counted here)", kept
    return shown_number(_count(spec, list(spaces.values()))), kept
