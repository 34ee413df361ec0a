"""What a spec holds and what building it would cost, before anything is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.content_names import number_of_contents
from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.identity import frame_of
from matbench_defects.dataset.parts_of_spec import resolved
from matbench_defects.dataset.references import check_references
from matbench_defects.dataset.symmetry_advice import symmetry_advice
from matbench_defects.dataset.targets import ResolvedTarget
from matbench_defects.enumeration.chains import TooFarError
from matbench_defects.enumeration.counting import (
    COUNTED_APART,
    LARGEST_INDEX,
    check_enumerable,
    count_both,
    count_space,
)
from matbench_defects.enumeration.members import Members, count_members, members_in
from matbench_defects.enumeration.named_in_files import named_in_file, spaces_with_rows
from matbench_defects.enumeration.selection_size import selection_size
from matbench_defects.spec.document import Route
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import Conditions

if TYPE_CHECKING:
    from matbench_defects.enumeration.configurations import Configurations


@dataclass(frozen=True)
class SpaceEstimate:
    """The size of one space.

    Parameters
    ----------
    space : Space
        The space.
    every : int
        Configurations, equivalent ones counted each.
    inequivalent : int
        Configurations that differ, by Burnside's lemma.
    by_content : list of (Content, int, int)
        Configurations and inequivalent ones of each content; only of those with labelled rows, where a file names these
        and there are many others.
    labelled : int
        How many are labelled.
    exact : bool
        Whether that is exact; else it is the most that may be.
    warning : str
        What the user should know; empty where there is nothing.
    counted : bool
        Whether the numbers are of what is meant alone; else conditions and smaller cells would leave fewer.
    indexed : bool
        Whether the space is enumerated where it is small enough.
    """

    space: Space
    every: int
    inequivalent: int
    by_content: list[tuple[Content, int, int]]
    labelled: int
    exact: bool
    warning: str
    counted: bool = True
    indexed: bool = True

    @property
    def contents(self) -> int:
        """How many contents the space has."""
        return number_of_contents(self.space)

    @property
    def index_bytes(self) -> int:
        """About what the index takes in memory: an id of some 24 characters, one byte a variable site, 24 besides."""
        rows = self.inequivalent if self.indexed and self.inequivalent <= LARGEST_INDEX else self.labelled
        return rows * (self.space.size + 48)

    @property
    def structure_bytes(self) -> int:
        """About what the labelled structures take: 32 bytes a site for the ideal one, 24 for each relaxed one."""
        return self.labelled * len(self.space.host_species) * 56


def estimate_spaces(spec: Spec) -> list[SpaceEstimate]:
    """Count every space of a spec exactly; nothing is enumerated, and the whole spec is checked.

    Raises
    ------
    InputError
        Naming file and line of the first mistake.
    """
    built = build_spaces(spec)
    spaces = spaces_with_rows(spec, built)
    _, targets, _ = resolved(spec, spaces)
    check_enumerable(spec, spaces)
    advice = symmetry_advice(spec, spaces)
    result = []
    shapes: dict[str, dict[str, Configurations]] = {}
    for name, space in spaces.items():
        part, route = spec.all_spaces()[space.family or name]
        where = part.configurations.where
        labelled, exact = 0, True  # of a family, drawn among all shapes together, below
        if part.configurations.from_file is not None:
            result.append(_named(spec, space, built, advice.get(name, "")))
            continue
        with spec.at((*route, "configurations", "where"), keep_file=True):
            if space.family:
                from matbench_defects.enumeration.derivative import derivative_structures

                derived = shapes.setdefault(space.family, {})[name] = derivative_structures(space, where=where)
                members = members_in(space.contents(), derived)
            else:
                members = _members(spec, space, where, route)
        if not space.family:
            labelled, exact = selection_size(spec, space, members)
        rows = [(content, *numbers) for content, numbers in members.by_content.items()]
        warning = advice.get(name, "")
        result.append(
            SpaceEstimate(space, members.every, members.inequivalent, rows, labelled, exact, warning, members.exact)
        )
    result = result if not shapes else _in_shapes(spec, shapes, result)
    return result if spec.rules == 1 else _with_references(spec, targets, result)


def _members(spec: Spec, space: Space, where: Conditions | None, route: Route) -> Members:
    """Count what is meant; of distances those of `exclude` alone are refused where they reach too far."""
    try:
        return count_members(space, where)
    except TooFarError as error:
        raise spec.error((*route, "exclude"), error.message) from None


def _named(spec: Spec, space: Space, spaces: Mapping[str, Space], warning: str) -> SpaceEstimate:
    """Return the size of a space of which a file names what is labelled: counted, repetitions of smaller cells too."""
    named = named_in_file(spec, space, spaces)
    with spec.at((*spec.all_spaces()[space.family or space.name][1], "exclude")):
        every, inequivalent = count_space(space)
    contents = space.contents() if number_of_contents(space) <= COUNTED_APART else [p.content for p in named.parts]
    rows = [(content, *count_both(space, content)) for content in contents]
    counted = not space.family and spec.all_spaces()[space.name][0].configurations.where is None
    return SpaceEstimate(space, every, inequivalent, rows, len(named), True, warning, counted, indexed=False)


def _with_references(
    spec: Spec, targets: dict[str, ResolvedTarget], estimates: list[SpaceEstimate]
) -> list[SpaceEstimate]:
    """Add what targets refer to and was perhaps not drawn; a crystal that two spaces hold is counted twice, perhaps."""
    added = check_references(spec, {one.space.name: one.space for one in estimates}, targets)
    frames = [frame_of(one.space) for one in estimates] if len(estimates) > 1 else []
    return [
        dataclasses.replace(
            one,
            labelled=min(one.labelled + added[one.space.name], max(one.inequivalent, one.labelled)),
            exact=one.exact and not added[one.space.name] and len(set(frames)) == len(frames),
        )
        for one in estimates
    ]


def _in_shapes(
    spec: Spec, shapes: dict[str, dict[str, Configurations]], estimates: list[SpaceEstimate]
) -> list[SpaceEstimate]:
    from matbench_defects.enumeration.derivative import draw_from_shapes

    labelled = {estimate.space.name: estimate.labelled for estimate in estimates}
    for family, derived in shapes.items():
        part, route = spec.all_spaces()[family]
        with spec.at((*route, "configurations", "count")):
            labelled |= {name: len(chosen) for name, chosen in draw_from_shapes(derived, part.configurations).items()}
    return [dataclasses.replace(estimate, labelled=labelled[estimate.space.name]) for estimate in estimates]
