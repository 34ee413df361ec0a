"""Sites that several elements share, or that are not always filled: their occupancies, as a file lists them."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matbench_defects.crystal.cell import SAME_SITE
from matbench_defects.crystal.distances import near_sites
from matbench_defects.crystal.structure import ListedCrystal, Occupancy
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import ELEMENTS

FULL = 1e-6
"""How far an occupancy may be from one."""
MOST_ROUNDING = 0.01
"""However coarsely occupancies are printed, those of one site add up to one within this."""


@dataclasses.dataclass(frozen=True)
class Share:
    """How often one atom of a list is there.

    Parameters
    ----------
    value : float
        Above zero, at most one.
    rounding : float
        Half a unit of its last printed digit.
    """

    value: float = 1.0
    rounding: float = 0.0

    @property
    def is_full(self) -> bool:
        """Whether the atom is always there."""
        return self.value >= 1 - FULL


ALWAYS = Share()
"""That of an atom that is always there."""


def share_of(value: float, text: str, label: str) -> Share:
    """Return an occupancy, checked.

    Parameters
    ----------
    value : float
        The number.
    text : str
        How it is printed, an uncertainty in brackets perhaps behind it.
    label : str
        What the site is called in a message.

    Raises
    ------
    InputError
        If it is not above zero and at most one.
    """
    if value > 1 + FULL:
        raise InputError(f"the occupancy of {label} is {value:g}, more than one")
    if value == 0:
        raise InputError(f"lists a site that nothing fills ({label} has an occupancy of 0); leave it out")
    if not value > 0:
        raise InputError(f"the occupancy of {label} is {value:g}; a number above 0 and at most 1 was expected")
    digits = re.search(r"\.(\d*)", text)
    return Share(min(value, 1.0), 0.5 * 10.0 ** -len(digits[1] if digits else ""))


def with_occupancies(listed: ListedCrystal, shares: Sequence[Share]) -> ListedCrystal:
    """Return a crystal in which atoms that share a site are one, with what sits there and how often.

    The most frequent element of a site stands for it, the first of equally frequent ones.

    Parameters
    ----------
    listed : ListedCrystal
        Every atom of the list, those that share a site at one position.
    shares : sequence of Share
        How often each is there.

    Raises
    ------
    InputError
        If those of a site add up to more than one.
    """
    if all(share.is_full for share in shares):
        return listed
    partial = [i for i, share in enumerate(shares) if not share.is_full]
    together = _together(listed, partial)
    occupancies: dict[int, Occupancy] = {}
    stands_for: dict[int, int] = {}
    notes: dict[str, None] = {}
    for group in together:
        occupancy, note = _occupancy(listed, shares, group)
        notes |= dict.fromkeys(note)
        occupancies[group[0]] = occupancy
        stands_for[group[0]] = next(i for i in group if listed.species[i] == occupancy[0][0])
    others = {i for group in together for i in group[1:]}
    kept = [i for i in range(len(listed.species)) if i not in others]
    named = [stands_for.get(i, i) for i in kept]
    found = tuple(occupancies.get(i, ((listed.species[i], 1.0),)) for i in kept)
    return dataclasses.replace(
        listed,
        species=tuple(listed.species[i] for i in named),
        labels=tuple(listed.labels[i] for i in named),
        positions=listed.positions[kept],
        occupancies=found if any(is_partial(one) for one in found) else (),
        notes=(*listed.notes, *notes),
    )


def _together(listed: ListedCrystal, partial: list[int]) -> list[list[int]]:
    """Return partly present atoms by the site that they share, each site and its atoms in the order of the list."""
    group = {i: i for i in partial}

    def top(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    species = [listed.species[i] for i in partial]
    for _, (one, other) in near_sites(listed.lattice, species, listed.positions[partial], SAME_SITE):
        low, high = sorted((top(partial[one]), top(partial[other])))
        group[high] = low
    members: dict[int, list[int]] = {}
    for i in partial:
        members.setdefault(top(i), []).append(i)
    return list(members.values())


def _occupancy(listed: ListedCrystal, shares: Sequence[Share], group: list[int]) -> tuple[Occupancy, list[str]]:
    found: dict[str, float] = {}
    for i in group:
        found[listed.species[i]] = found.get(listed.species[i], 0.0) + shares[i].value
    total = sum(found.values())
    slack = min(sum(shares[i].rounding for i in group), MOST_ROUNDING) if len(group) > 1 else 0.0
    labels = " and ".join(dict.fromkeys(listed.labels[i] for i in group))
    if total > 1 + slack + FULL:
        raise InputError(f"the occupancies of {labels:.100}, which share a site, add up to {total:.6g}, more than one")
    notes = []
    if abs(total - 1) <= slack + FULL:
        if abs(total - 1) > FULL:
            notes.append(f"the occupancies of {labels:.100} add up to {total:.6g}, which their digits make one")
        found = {element: share / total for element, share in found.items()}
        total = 1.0
    if len(found) == 1 and len(group) > 1:
        notes.append(f"{labels:.100} share a site and are one element, {listed.species[group[0]]}")
    ordered = sorted(found.items(), key=lambda pair: -round(pair[1], 9))  # of equal ones the first stays first
    return tuple((element, float(share)) for element, share in ordered), notes


def is_partial(occupancy: Occupancy) -> bool:
    """Return whether a site has several elements, or is not always filled."""
    return len(occupancy) > 1 or occupancy[0][1] < 1 - FULL


def vacant_share(occupancy: Occupancy) -> float:
    """Return how often a site is empty; zero where rounding alone leaves something."""
    left = 1 - sum(share for _, share in occupancy)
    return round(left, 9) if left > FULL else 0.0


def shown_occupancy(occupancy: Occupancy) -> str:
    """Return what sits on a site for people: ``Mg 0.75, Ni 0.25``."""
    return ", ".join(f"{element} {share:.4g}" for element, share in occupancy)


def kinds_of(species: Sequence[str], occupancies: Sequence[Occupancy]) -> list[str]:
    """Return what tells atoms apart that symmetry cannot carry into each other: their species and its occupancy."""
    if not occupancies:
        return list(species)
    return [
        " ".join(f"{e}{share:.4f}" for e, share in sorted(one)) if is_partial(one) else name
        for name, one in zip(species, occupancies, strict=True)
    ]


def split_labels(listed: ListedCrystal) -> set[str]:
    """Return the labels of sites that are not always filled, and so may be nearer to each other than atoms are."""
    found = zip(listed.labels, listed.occupancies, strict=True) if listed.occupancies else ()
    return {label for label, occupancy in found if vacant_share(occupancy)}


def held(listed: ListedCrystal) -> dict[str, float]:
    """Return how many atoms of each element the cell holds on average."""
    if not listed.occupancies:
        return dict(Counter(listed.species))
    found: dict[str, float] = {}
    for occupancy in listed.occupancies:
        for element, share in occupancy:
            found[element] = found.get(element, 0.0) + share
    return found


def partly_present(listed: ListedCrystal) -> set[str]:
    """Return the elements that some site holds partly."""
    return {element for one in listed.occupancies if is_partial(one) for element, _ in one}


def shares_of_kinds(kinds: Mapping[str, Any], each: Sequence[str]) -> list[list[tuple[str, Share]]]:
    """Return what sits on each site from the occupancies of kinds of sites, as ASE has them.

    Parameters
    ----------
    kinds : mapping
        For each kind the share of each element.
    each : sequence of str
        The kind of each site.

    Raises
    ------
    InputError
        If they are none.
    """
    known: dict[str, list[tuple[str, Share]]] = {}
    for kind in dict.fromkeys(each):
        held_there = kinds.get(kind)
        if not isinstance(held_there, Mapping) or not held_there:
            raise InputError(f"its `occupancy` says nothing of the sites of kind {kind:.20}")
        for element, value in held_there.items():
            if element not in ELEMENTS:
                raise InputError(f"its `occupancy` names '{element!s:.20}', which is no element")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"its `occupancy` of {element} is {value!r:.40}; a number was expected")
        known[kind] = [(e, share_of(float(v), repr(v), e)) for e, v in held_there.items()]
    return [known[kind] for kind in each]
