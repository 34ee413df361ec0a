"""Which configurations of a spec's spaces are wanted: enumerated where that is possible, and those to be labelled."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.configurations import Configurations
from matbench_defects.enumeration.counting import LARGEST_INDEX, check_enumerable, count_space
from matbench_defects.enumeration.derivative import derivative_structures, draw_from_shapes
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample, sample_each_content
from matbench_defects.enumeration.strata import listed, sample_strata, union
from matbench_defects.errors import InputError
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import Selection


@dataclass(frozen=True)
class Selected:
    """A space with its configurations and those that are labelled.

    Parameters
    ----------
    space : Space
        The space.
    configurations : Configurations
        Every inequivalent configuration that fulfils the spec's conditions, or only the labelled ones of a space too
        large to be enumerated.
    chosen : ndarray of int
        Positions of the labelled ones, increasing.
    whole : bool
        Whether `configurations` are all there are.
    """

    space: Space
    configurations: Configurations
    chosen: np.ndarray
    whole: bool = True

    def count(self) -> tuple[int, int]:
        """Return how many configurations there are, equivalent ones counted each, and how many differ.

        Exact however large the space; where it is not enumerated, conditions of the selection are not regarded.
        """
        if self.whole:
            return int(self.configurations.multiplicities.sum()), len(self.configurations)
        return count_space(self.space)

    @functools.cached_property
    def labelled(self) -> Configurations:
        """The labelled configurations, compactly."""
        return self.configurations.take(self.chosen)

    @functools.cached_property
    def rows(self) -> list[Configuration]:
        """The labelled configurations, one by one; what is worked out of one is kept, and all who ask share it."""
        return list(self.labelled)

    def only(self, ids: Container[str]) -> Selected:
        """Return the same with only those of the labelled configurations that have one of these ids."""
        kept = [i for i, row in enumerate(self.rows) if row.id in ids]
        fewer = dataclasses.replace(self, chosen=self.chosen[np.array(kept, dtype=np.int64)])
        vars(fewer)["rows"] = [self.rows[i] for i in kept]
        return fewer


def select(spec: Spec) -> dict[str, Selected]:
    """Choose what is labelled in each space of a spec, and enumerate the space where it is not too large.

    Raises
    ------
    InputError
        Naming file and line, if more configurations are asked for than differ.
    """
    result = {}
    spaces = build_spaces(spec)
    check_enumerable(spec, spaces)
    for name, space in spaces.items():
        part, route = spec.all_spaces()[space.family or name]
        chosen = part.configurations
        with spec.at((*route, "configurations", "also"), keep_file=True):
            besides = [] if not chosen.also or space.family else [listed(space, chosen.also)]
        drawn = [name for name in ("count", "per_content", "strata") if getattr(chosen, name) is not None]
        field = drawn[0] if drawn else "where"
        with spec.at((*route, "configurations", field), keep_file=True):
            result[name] = _select(space, chosen, besides)
    for family, (part, route) in spec.all_spaces().items():
        shapes = {name: found.configurations for name, found in result.items() if found.space.family == family}
        if shapes:
            try:
                chosen_in = draw_from_shapes(shapes, part.configurations)
            except InputError as error:
                raise spec.error((*route, "configurations", "count"), error.message) from None
            result |= {name: dataclasses.replace(result[name], chosen=here) for name, here in chosen_in.items()}
    return result


def _select(space: Space, selection: Selection, besides: list[Configurations]) -> Selected:
    if space.family:
        every = derivative_structures(space, where=selection.where)
        return Selected(space, every, np.arange(len(every)))
    if selection.select == "all":
        every = enumerate_configurations(space, where=selection.where)
        return Selected(space, every, np.arange(len(every)))
    if selection.strata is not None:
        labelled = sample_strata(space, selection.strata, selection.seed, selection.select, where=selection.where)
    elif selection.per_content is not None:
        labelled = sample_each_content(
            space, selection.per_content, selection.seed, selection.select, where=selection.where
        )
    else:
        assert selection.count is not None
        labelled = sample(space, selection.count, selection.seed, selection.select, where=selection.where)
    if besides:
        labelled = union(space, [labelled, *besides])
    if count_space(space)[1] > LARGEST_INDEX:
        return Selected(space, labelled, np.arange(len(labelled)), whole=False)
    every = enumerate_configurations(space, where=selection.where)
    return Selected(space, every, every.positions(labelled))
