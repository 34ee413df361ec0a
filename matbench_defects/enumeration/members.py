"""How many configurations are meant: those that fulfil the conditions of a spec and repeat no smaller cell."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.counting import LARGEST_INDEX, count_both, count_space
from matbench_defects.errors import InputError
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import Conditions, SpaceSpec

if TYPE_CHECKING:
    from matbench_defects.enumeration.configurations import Configurations


class Members(NamedTuple):
    """How many configurations of each content are meant."""

    by_content: dict[Content, tuple[int, int]]
    """Equivalent ones counted each, and those that differ."""
    exact: bool
    """Whether conditions are regarded; else, in a space too large to be enumerated, there may be fewer."""

    @property
    def every(self) -> int:
        """Equivalent ones counted each."""
        return sum(every for every, _ in self.by_content.values())

    @property
    def inequivalent(self) -> int:
        """Those that differ."""
        return sum(inequivalent for _, inequivalent in self.by_content.values())


def count_members(space: Space, where: Conditions | None, contents: Iterable[Content] | None = None) -> Members:
    """Count the configurations of a space that are meant.

    Distances are counted exactly; conditions on symmetry, and what repeats smaller cells, by enumerating, which spaces
    of up to `LARGEST_INDEX` are.

    Parameters
    ----------
    space : Space
        The space; in one that is a shape of supercell among several, repetitions of a smaller cell do not count.
    where : Conditions or None
        What each configuration must fulfil.
    contents : iterable of contents, optional
        Only these; all where left out.

    Raises
    ------
    InputError
        If the conditions name a species that no sublattice holds, or leave a charge out.
    """
    checks = Checks.of(space, where)
    chosen = list(space.contents() if contents is None else contents)
    neutral = [content for content in chosen if checks.content(content)]
    found = dict.fromkeys(chosen, (0, 0))
    small = not space.exclusions and count_space(space)[1] <= LARGEST_INDEX
    exclusions = None if small else checks.exclusions()
    if exclusions is not None and checks.on_distances_alone:
        own = exclusions is space.memory.get("exclusions")
        with contextlib.nullcontext() if own else contextlib.suppress(InputError):  # they reach too far
            found |= {
                c: count_both(space, c) if own else (exclusions.count_all(c), exclusions.count_inequivalent(c))
                for c in neutral
            }
            return Members(found, True)
    if checks.on_contents_alone or not (small or count_space(space)[1] <= LARGEST_INDEX):
        found |= {content: count_both(space, content) for content in neutral}
        return Members(found, checks.on_contents_alone)
    from matbench_defects.enumeration.orderly import enumerate_configurations  # `check` seldom needs it

    return members_in(chosen, enumerate_configurations(space, neutral, where))


def members_in(contents: Iterable[Content], enumerated: Configurations) -> Members:
    """Count configurations that are enumerated already.

    Parameters
    ----------
    contents : iterable of contents
        The contents that are counted, also where there is none of them.
    enumerated : Configurations
        Every configuration of these that is meant.
    """
    found = dict.fromkeys(contents, (0, 0))
    for part in enumerated.parts:
        every, inequivalent = found[part.content]
        found[part.content] = (every + int(part.multiplicities.sum()), inequivalent + len(part))
    return Members(found, True)


def empty_sizes(spec: Spec, spaces: Mapping[str, Space], members: Mapping[str, int]) -> list[str]:
    """Return a sentence for each family of supercells whose sizes do not all hold something.

    Parameters
    ----------
    spec : Spec
        The spec.
    spaces : mapping of str to Space
        Its spaces.
    members : mapping of str to int
        How many configurations of each space are meant.
    """
    sentences = []
    for family, (part, _) in spec.all_spaces().items():
        if part.sizes is None or part.configurations.from_file is not None:
            continue
        held = dict.fromkeys(part.sizes, -1)
        for name, space in spaces.items():
            if space.family == family:
                size = len(space.cells.offsets)
                held[size] = max(held[size], 0) + members[name]
        empty = [space for name, space in spaces.items() if space.family == family and not members[name]]
        none = _why_empty([space for space in empty if held[len(space.cells.offsets)] == 0], part)
        no_content = "no content adds up to their sites" + (" and goes together as `tied` says" if part.tied else "")
        for missing, why in ((-1, no_content), (0, none)):
            if sizes := [str(size) for size, number in held.items() if number == missing]:
                sentences.append(f"{family}: the sizes {', '.join(sizes)} hold nothing, for {why}")
    return sentences


def _why_empty(spaces: list[Space], part: SpaceSpec) -> str:
    """Return why none of what some shapes of supercells hold is meant."""
    causes = ["repeats a smaller cell"]
    if part.exclude:
        left = [count_space(space)[1] for space in spaces]
        if not any(left):
            return "`exclude` leaves no configuration of them"
        without = [dataclasses.replace(space, exclusions=(), memory={}) for space in spaces]
        if left != [count_space(space)[1] for space in without]:
            causes.append("is excluded by `exclude`")
    if part.configurations.where is not None:
        causes.append("does not fulfil `where`")
    return f"all that they hold {' or '.join(causes)}"
