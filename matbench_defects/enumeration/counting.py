"""Exact counts by Burnside's lemma: how many configurations, and how many of them differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from matbench_defects.crystal.content_names import number_of_contents
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.burnside import count_unbound_both, count_unbound_together
from matbench_defects.enumeration.conditions import exclusions_of
from matbench_defects.enumeration.exclusion_cost import found_sooner
from matbench_defects.spec.models import Spec

LARGEST_INDEX = 1_000_000
"""Up to this many inequivalent configurations a space is enumerated whole though only a sample is labelled."""
COUNTED_APART = 1000
"""Up to so many contents of a space are counted one by one, which others ask for too."""
ROWS = 262_144
"""Configurations that are held at a time to count them."""


def count_all(space: Space, content: Content) -> int:
    """Return how many configurations have this content, equivalent ones counted each.

    Parameters
    ----------
    space : Space
        The space; what its exclusions forbid is not counted.
    content : tuple of tuple of int
        How many of each species on each sublattice.

    Raises
    ------
    InputError
        If the exclusions reach too far to be counted exactly.
    """
    return count_both(space, content)[0]


def count_inequivalent(space: Space, content: Content) -> int:
    """Return how many symmetry-inequivalent configurations have this content, by Burnside's lemma.

    Parameters
    ----------
    space : Space
        The space. Its cycle classes are found once and kept.
    content : tuple of tuple of int
        How many of each species on each sublattice.

    Raises
    ------
    InputError
        If the exclusions reach too far to be counted exactly.
    """
    return count_both(space, content)[1]


def count_both(space: Space, content: Content) -> tuple[int, int]:
    """Return `count_all` and `count_inequivalent`."""
    if not space.exclusions:
        return count_unbound_both(space, content)
    if found_sooner(space):
        return _found(space, content)
    exclusions = exclusions_of(space)
    every = exclusions.count_all(content)
    return every, exclusions.count_inequivalent(content) if every > 1 else every


def _found(space: Space, content: Content) -> tuple[int, int]:
    """Return how many configurations of a content are found by going through all of them."""
    from matbench_defects.enumeration.orderly import generate  # what counts alone does without

    known: dict[Content, tuple[int, int]] = space.memory.setdefault("found", {})
    if content not in known:
        every = inequivalent = 0
        # What repeats a smaller cell is counted, with exclusions as without.
        alone = dataclasses.replace(space, family="", memory={"found sooner": True}) if space.family else space
        for part in generate(alone, content, rows=ROWS):
            every += int(part.multiplicities.sum(dtype=np.int64))
            inequivalent += len(part)
        known[content] = every, inequivalent
    return known[content]


def impossible(space: Space, contents: list[Content]) -> str:
    """Return, for a message, which numbers of these contents the exclusions make impossible; empty without any."""
    return exclusions_of(space).reason(contents) if space.exclusions else ""


def count_space(space: Space) -> tuple[int, int]:
    """Return how many configurations all contents of a space have together, and how many of them differ."""
    if not space.exclusions and number_of_contents(space) > COUNTED_APART:
        together = count_unbound_together(space)
        if together is not None:
            return together
    both = [count_both(space, content) for content in space.contents()]
    return sum(every for every, _ in both), sum(differ for _, differ in both)


def check_enumerable(spec: Spec, spaces: Mapping[str, Space]) -> None:
    """Refuse sizes of supercells whose shapes hold too many configurations: all of them are enumerated, even to count.

    Raises
    ------
    InputError
        Naming file and line, if the shapes of one space hold more than `LARGEST_INDEX` together.
    """
    for family, (part, route) in spec.all_spaces().items():
        if part.configurations.from_file is not None:
            continue
        total = 0
        for space in (s for s in spaces.values() if s.family == family and part.sizes is not None):
            with spec.at((*route, "exclude")):
                total += count_space(space)[1]
            if total > LARGEST_INDEX:
                message = (
                    f"the shapes up to {space.name} hold {total:,} configurations; sizes are enumerated, and at most "
                    f"{LARGEST_INDEX:,} are handled; `configurations: {{from: published.parquet}}` takes those "
                    "that have a label and enumerates nothing"
                )
                raise spec.error((*route, "supercell"), message)
