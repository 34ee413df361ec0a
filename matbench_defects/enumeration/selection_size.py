"""How many configurations a selection labels, before they are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.counting import count_space, impossible
from matbench_defects.enumeration.members import Members
from matbench_defects.spec.document import Route
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import Selection, Stratum

LARGEST_DRAW = 100
"""Up to this many configurations are drawn to see which of the listed ones are among them."""
MOST_CONTENTS = 40
"""A draw from more contents than this takes too long for that."""
KEPT_SITES = 400_000
"""Labelled configurations of a space are held as objects while they have up to so many sites together."""


@dataclass(frozen=True)
class _Draw:
    """A part of a selection: contents, how many are labelled of theirs, and the stratum, where it is one."""

    contents: list[Content]
    count: int
    stratum: Stratum | None = None


def held_as_objects(space: Space, rows: int) -> bool:
    """Return whether so many labelled configurations of a space are few enough to be held, with what is worked out."""
    return rows * len(space.host_species) <= KEPT_SITES


def selection_size(spec: Spec, space: Space, members: Members) -> tuple[int, bool]:
    """Return how many configurations of a space are labelled, and whether that is exact; else there may be fewer.

    It is exact unless the conditions of a space too large to be enumerated leave some out, or it would take a large
    draw to see which of the configurations that are listed besides are drawn anyway.

    Parameters
    ----------
    spec : Spec
        The spec.
    space : Space
        One of its spaces, not one of a family of supercells.
    members : Members
        How many configurations of each content are meant.

    Raises
    ------
    InputError
        Naming file and line, if more are asked for than there are.
    """
    part, space_route = spec.all_spaces()[space.name]
    selection, route = part.configurations, (*space_route, "configurations")
    counted = {content: inequivalent for content, (_, inequivalent) in members.by_content.items()}
    inequivalent = members.inequivalent
    if not inequivalent and space.exclusions and not count_space(space)[1]:
        raise spec.error((*space_route, "exclude"), f"leaves no configuration{impossible(space, space.contents())}")
    if selection.select == "all":
        return inequivalent, members.exact
    draws = _draws(spec, space, selection, counted, route)
    drawn = sum(draw.count for draw in draws)
    if drawn > inequivalent:
        message = f"{drawn} were asked for, but only {inequivalent} configurations differ"
        raise spec.error((*route, "count"), message)
    # A given number is drawn, conditions or not, or the draw fails.
    exact = members.exact or selection.count is not None
    besides = set(selection.also)
    for draw in draws:
        with spec.at((*route, "where"), keep_file=True):
            known = _drawn_anyway(space, selection, draw, besides, counted)
        exact = exact and known is not None
        besides -= known or set()
    return min(drawn + len(besides), inequivalent), exact


def _draws(spec: Spec, space: Space, selection: Selection, counted: Mapping[Content, int], route: Route) -> list[_Draw]:
    if selection.strata is not None:
        return [
            _of_stratum(spec, space, stratum, counted, (*route, "strata", position))
            for position, stratum in enumerate(selection.strata)
        ]
    if (each := selection.per_content) is not None:
        return [_Draw(list(counted), sum(min(n, each) for n in counted.values()))]
    assert selection.count is not None
    return [_Draw(list(counted), selection.count)]


def _of_stratum(spec: Spec, space: Space, stratum: Stratum, counted: Mapping[Content, int], route: Route) -> _Draw:
    from matbench_defects.enumeration.strata import contents_of

    with spec.at(route):
        contents = contents_of(space, stratum)
    held = sum(counted[content] for content in contents)
    if stratum.count == "all":
        return _Draw(contents, held, stratum)
    if stratum.count > held:
        message = f"{stratum.count} were asked for, but only {held} configurations differ"
        raise spec.error((*route, "count"), message)
    return _Draw(contents, stratum.count, stratum)


def _drawn_anyway(
    space: Space, selection: Selection, draw: _Draw, ids: set[str], counted: Mapping[Content, int]
) -> set[str] | None:
    """Return which ids a draw holds; None where that would take long."""
    if not ids:
        return set()
    whole = draw.count == sum(counted[content] for content in draw.contents)
    cheap = len(draw.contents) <= MOST_CONTENTS and draw.count <= LARGEST_DRAW
    if not (whole or cheap):
        return None
    names = {space.content_name(content) for content in draw.contents}
    inside = {name for name in ids if name.partition(":")[2].partition(":")[0] in names}
    return inside if whole or not inside else inside & _drawn(space, selection, draw)


def _drawn(space: Space, selection: Selection, draw: _Draw) -> set[str]:
    from matbench_defects.enumeration.sampling import sample, sample_each_content
    from matbench_defects.enumeration.strata import sample_strata

    assert selection.select != "all"
    where = selection.where
    if draw.stratum is not None:
        found = sample_strata(space, [draw.stratum], selection.seed, selection.select, where=where)
    elif selection.per_content is not None:
        found = sample_each_content(space, selection.per_content, selection.seed, selection.select, where=where)
    else:
        found = sample(space, draw.count, selection.seed, selection.select, where=where)
    return set(found.ids())
