"""Configurations that the values of others refer to: always labelled, and never tested."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.targets import ResolvedTarget
from matbench_defects.dataset.targets.end_members import end_member_contents
from matbench_defects.dataset.targets.extremes import Extreme
from matbench_defects.dataset.targets.target import EndMember
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.errors import InputError
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import ALL

if TYPE_CHECKING:
    from matbench_defects.enumeration.configurations import Configurations
    from matbench_defects.enumeration.selection import Selected

MOST_LABELLED = 20
"""Of an end member with at most so many configurations all are labelled: the lowest of them is what values refer to."""


def with_references(
    spec: Spec, selected: Mapping[str, Selected], targets: Mapping[str, ResolvedTarget]
) -> dict[str, Selected]:
    """Return a selection with what its targets refer to, drawn or not.

    Parameters
    ----------
    spec : Spec
        The spec.
    selected : mapping of str to Selected
        What it draws.
    targets : mapping of str to ResolvedTarget
        Its targets.

    Raises
    ------
    InputError
        Naming file and line of a target that refers to an end member of so many configurations that not all are
        labelled, and of which none is drawn; or that has no value at some content.
    """
    drawn_in: Counter[tuple[str, tuple[str, int]]] = Counter()
    for name, part in selected.items():
        for key, _, contents in _end_members(spec, part.space, targets, [p.content for p in part.labelled.parts]):
            drawn_in[part.space.family or name, key] += sum(
                len(p) for p in part.labelled.parts if p.content in contents
            )
    result = {}
    for name, part in selected.items():
        owner = part.space.family or name
        named = spec.all_spaces()[owner][0].configurations.from_file
        alone = not part.space.family and named is None
        missing: list[Content] = []
        for key, wanted, contents in _end_members(spec, part.space, targets, None if alone else ()):
            drawn = drawn_in[owner, key]
            differ = sum(count_inequivalent(part.space, content) for content in contents)
            if drawn < differ <= MOST_LABELLED:
                missing += contents
            elif not drawn:
                why = (
                    f"of which {named} names none"
                    if named is not None
                    else "which holds no repetition of a smaller cell; refer to a reference phase instead"
                    if not alone
                    else f"of which {differ} configurations differ and none is drawn; name some in "
                    "`configurations.also`, or draw them with `per_content` or `strata`"
                )
                raise spec.error(("targets", key[0]), f"refers to {_words(wanted)} in {owner}, {why}")
        result[name] = _with_contents(part, list(dict.fromkeys(missing))) if missing else part
    for part in result.values():
        held = dict.fromkeys(p.content for p in part.labelled.parts)
        for target, resolved in targets.items():
            with spec.at(("targets", target)):
                resolved.computed.check_contents(part.space, list(held))
    return result


def check_references(spec: Spec, spaces: Mapping[str, Space], targets: Mapping[str, ResolvedTarget]) -> dict[str, int]:
    """Check before anything is drawn what `with_references` checks, and return how many configurations it may add.

    Parameters
    ----------
    spec : Spec
        The spec.
    spaces : mapping of str to Space
        Its spaces.
    targets : mapping of str to ResolvedTarget
        Its targets.

    Returns
    -------
    dict of str to int
        By space, at most so many configurations are labelled besides those that are drawn.

    Raises
    ------
    InputError
        As `with_references`. It is drawn only where contents alone do not tell.
    """
    added = {}
    for name, space in spaces.items():
        selection = spec.all_spaces()[space.family or name][0].configurations
        whole = selection == ALL and not space.family
        if selection.from_file is not None:
            added[name] = 0  # what the file names is known at once, and checked with it
            continue
        alone = not space.family
        unsure = False
        try:
            for resolved in targets.values():
                resolved.computed.check_contents(space, space.contents())
        except InputError:
            unsure = True  # such a content may never be drawn
        besides: dict[Content, int] = {}
        for _, _, contents in _end_members(spec, space, targets, None if alone else ()):
            differ = {content: count_inequivalent(space, content) for content in contents}
            if alone and sum(differ.values()) <= MOST_LABELLED:
                besides |= differ
            else:
                unsure = unsure or not whole
        if unsure:
            from matbench_defects.enumeration.selection import select  # `check` seldom needs it

            drawn = select(spec)
            every = with_references(spec, drawn, targets)
            return {name: len(part.chosen) - len(drawn[name].chosen) for name, part in every.items()}
        added[name] = 0 if whole else sum(besides.values())
    return added


def reference_contents(
    spec: Spec, space: Space, targets: Mapping[str, ResolvedTarget], among: Sequence[Content] | None = None
) -> set[Content]:
    """Return every content of a space that some target refers to.

    Parameters
    ----------
    spec : Spec
        The spec.
    space : Space
        The space.
    targets : mapping of str to ResolvedTarget
        The targets by name.
    among : sequence of contents, optional
        Only these; all where left out.
    """
    return {content for _, _, contents in _end_members(spec, space, targets, among) for content in contents}


def _end_members(
    spec: Spec, space: Space, targets: Mapping[str, ResolvedTarget], among: Sequence[Content] | None = None
) -> Iterator[tuple[tuple[str, int], EndMember | Extreme, list[Content]]]:
    """Yield each end member of each target, by its name and number, with the contents of a space that are it.

    Of those the neutral ones, if any are. Only some contents are looked at where they are given.
    """
    where = spec.all_spaces()[space.family or space.name][0].configurations.where
    checks = Checks.of(space, where) if where is not None and where.charges else None
    for name, target in targets.items():
        for number, wanted in enumerate(target.computed.refers_to):
            contents = end_member_contents(space, wanted, among)
            neutral = contents if checks is None else [content for content in contents if checks.content(content)]
            yield (name, number), wanted, neutral or contents


def _words(wanted: EndMember | Extreme) -> str:
    if isinstance(wanted, Extreme):
        return f"the extreme composition {wanted.number + 1}"
    if isinstance(wanted, dict):
        return " ".join(f"{species} {number}" for species, number in wanted.items())
    return "the ideal host" if wanted == "host" else "the host with every variable site exchanged"


def _with_contents(part: Selected, contents: list[Content]) -> Selected:
    from matbench_defects.enumeration.orderly import enumerate_configurations  # `check` does without it

    more = enumerate_configurations(part.space, contents)
    labelled = _with_parts(part.labelled, more)
    if not part.whole:
        return dataclasses.replace(part, configurations=labelled, chosen=np.arange(len(labelled)))
    every = _with_parts(part.configurations, more)  # conditions of the selection may have left some out
    return dataclasses.replace(part, configurations=every, chosen=every.positions(labelled))


def _with_parts(some: Configurations, whole: Configurations) -> Configurations:
    """Return configurations with all of some contents."""
    from matbench_defects.enumeration.configurations import Configurations

    parts = {part.content: part for part in (*some.parts, *whole.parts)}
    return Configurations(some.space, tuple(parts[c] for c in some.space.contents() if c in parts))
