"""Which sublattices a crystal has: its sets of symmetry-equivalent sites, under names of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.occupancies import is_partial, vacant_share
from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.structure import Occupancy
from matbench_defects.crystal.symmetry import parent_action
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import VACANCY, is_label

ALIKE = 1e-4
"""Occupancies that differ by less than this are the same."""


@dataclass(frozen=True)
class SuggestedSublattice:
    """Sites that a spec can tell from the others, under the name they should go by.

    Parameters
    ----------
    name : str
        Name of the sublattice.
    element : str
        What sits there in the ideal host.
    sites : tuple of str or None
        Labels or elements of its sites in the file; None where the name alone leads to them.
    count : int
        How many of its sites the parent cell holds.
    orbits : int
        How many orbits of symmetry-equivalent sites it holds; more than one where the labels do not tell them apart,
        or where several are occupied alike.
    atoms : tuple of int
        Its atoms in the parent.
    occupancy : Occupancy
        What sits there and how often, where it is partly occupied; empty where it is not.
    parts : tuple of SuggestedSublattice
        What it was joined from, since their sites exclude each other; empty where it was not.
    """

    name: str
    element: str
    sites: tuple[str, ...] | None
    count: int
    orbits: int
    atoms: tuple[int, ...] = ()
    occupancy: Occupancy = ()
    parts: tuple[SuggestedSublattice, ...] = ()

    @property
    def shares(self) -> dict[str, float]:
        """What sits there and how often, vacancies among it."""
        vacant = vacant_share(self.occupancy) if self.occupancy else 0.0
        return {**dict(self.occupancy), **({VACANCY: vacant} if vacant else {})}


def suggested_sublattices(parent: Parent) -> list[SuggestedSublattice]:
    """Return one sublattice for each orbit of symmetry-equivalent sites that the file's labels tell apart.

    Partly occupied orbits with the same occupancies are one sublattice: they share a composition, which a cell may
    hold where it cannot hold it on each of them.

    Parameters
    ----------
    parent : Parent
        The crystal.

    Returns
    -------
    list of SuggestedSublattice
        In the order of the file; together they hold every site once.
    """
    orbits = _orbits(parent)
    groups = _told_apart(parent, orbits)
    for members in groups:
        if len(kinds := {parent.species[i] for i in members}) > 1:
            raise InputError(
                f"sites of {' and '.join(sorted(kinds))} share the label '{parent.labels[members[0]]}'; "
                "give each element labels of its own in the file"
            )
    groups = _sharing_a_composition(parent, groups)
    occupancies = [mean_occupancy(parent, members) for members in groups]
    elements = [parent.species[members[0]] for members in groups]
    shown = [
        "".join(name for name, _ in one) if one else element for one, element in zip(occupancies, elements, strict=True)
    ]
    labels = [tuple(dict.fromkeys(parent.labels[i] for i in members)) for members in groups]
    wanted = [
        own[0] if shown.count(e) > 1 and len(own) == 1 and is_label(own[0]) else e
        for own, e in zip(labels, shown, strict=True)
    ]
    taken: Counter[str] = Counter()
    result = []
    for members, element, own, name, one in zip(groups, elements, labels, wanted, occupancies, strict=True):
        taken[name] += 1
        unique = name if wanted.count(name) == 1 else _free(f"{name}{taken[name]}", wanted)
        sites = None if _reached(parent, unique) == sorted(members) else own
        number = len({orbits[i] for i in members})
        result.append(SuggestedSublattice(unique, element, sites, len(members), number, tuple(sorted(members)), one))
    return result


def _orbits(parent: Parent) -> NDArray[np.int64]:
    """Return, for each atom, the first atom that symmetry carries it onto."""
    first: NDArray[np.int64] = parent_action(parent)[0].min(axis=0)
    return first


def _told_apart(parent: Parent, orbits: NDArray[np.int64]) -> list[list[int]]:
    """Return the atoms of each orbit; orbits that share a label are one, because a spec cannot part them."""
    group = list(range(len(orbits)))

    def top(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    by_label: dict[str, int] = {}
    for i, label in enumerate(parent.labels):
        for other in (int(orbits[i]), by_label.setdefault(label, i)):
            low, high = sorted((top(i), top(other)))
            group[high] = low
    members: dict[int, list[int]] = {}
    for i in range(len(orbits)):
        members.setdefault(top(i), []).append(i)
    return list(members.values())


def mean_occupancy(parent: Parent, members: Sequence[int]) -> Occupancy:
    """Return what sits on some sites and how often, on average; empty where all are filled by their own."""
    if not parent.occupancies or not any(is_partial(parent.occupancies[i]) for i in members):
        return ()
    if len({parent.occupancies[i] for i in members}) == 1:
        return parent.occupancies[members[0]]
    found: dict[str, float] = {}
    for i in members:
        for element, share in parent.occupancies[i]:
            found[element] = found.get(element, 0.0) + share / len(members)
    return tuple(sorted(found.items(), key=lambda pair: -round(pair[1], 9)))


def _sharing_a_composition(parent: Parent, groups: list[list[int]]) -> list[list[int]]:
    """Return the groups, those that are partly occupied alike as one."""
    result: list[list[int]] = []
    known: dict[tuple[tuple[str, int], ...], int] = {}
    for members in groups:
        key = tuple(sorted((e, round(share / ALIKE)) for e, share in mean_occupancy(parent, members)))
        if key and key in known:
            result[known[key]].extend(members)
            continue
        if key:
            known[key] = len(result)
        result.append(list(members))
    return result


def _free(name: str, wanted: list[str]) -> str:
    return name if name not in wanted else _free(name + "b", wanted)


def _reached(parent: Parent, name: str) -> list[int]:
    """Return the atoms that a sublattice of this name takes: by label, else by element."""
    by_label = [i for i, label in enumerate(parent.labels) if label == name]
    return by_label or [i for i, element in enumerate(parent.species) if element == name]
