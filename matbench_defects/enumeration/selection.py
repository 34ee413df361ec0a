"""Which configurations of a spec's spaces are wanted: enumerated where that is possible, and those to be labelled."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.configurations import Configurations
from matbench_defects.enumeration.counting import LARGEST_INDEX, check_enumerable, count_space
from matbench_defects.enumeration.derivative import derivative_structures, draw_from_shapes
from matbench_defects.enumeration.named_in_files import named_in_file, spaces_with_rows
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample, sample_each_content
from matbench_defects.enumeration.selection_size import held_as_objects
from matbench_defects.enumeration.strata import listed, sample_strata, union
from matbench_defects.errors import InputError
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import Selection

ROWS_AT_A_TIME = 1024
"""So many are decoded together where all are gone through."""

RowBatches = Callable[[], Iterator[tuple[Sequence[str], Sequence[Configuration]]]]
"""Yields configurations, some at a time: ids, and a sequence that decodes them when one is asked for."""


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
    def rows(self) -> Sequence[Configuration]:
        """The labelled configurations, one by one; of not too many, what is worked out is kept, and all share it."""
        return list(self.labelled) if held_as_objects(self.space, len(self.chosen)) else self.labelled

    def by_content(self) -> Iterator[tuple[Content, RowBatches]]:
        """Yield each content with what yields its labelled configurations, some at a time, and their ids."""
        start = 0
        for part in self.labelled.parts:
            if isinstance(self.rows, list):
                yield part.content, functools.partial(_held, self.rows[start : start + len(part)])
            else:
                yield part.content, functools.partial(_decoded, Configurations(self.space, (part,)))
            start += len(part)

    def ids(self) -> list[str]:
        """Return the id of each labelled configuration."""
        return [row.id for row in self.rows] if isinstance(self.rows, list) else self.labelled.ids()

    def at(self, places: NDArray[np.int64]) -> list[Configuration]:
        """Return some of the labelled configurations, in the order of their places."""
        return [self.rows[i] for i in places.tolist()] if isinstance(self.rows, list) else self.labelled.at(places)

    def only(self, ids: Container[str]) -> Selected:
        """Return the same with only those of the labelled configurations that have one of these ids."""
        return self.where(np.array([id_ in ids for id_ in self.ids()], dtype=bool))

    def where(self, kept: NDArray[np.bool_]) -> Selected:
        """Return the same with only some of the labelled configurations."""
        fewer = dataclasses.replace(self, chosen=self.chosen[kept])
        if isinstance(self.rows, list):
            vars(fewer)["rows"] = list(itertools.compress(self.rows, kept.tolist()))
        return fewer


def _held(rows: list[Configuration]) -> Iterator[tuple[list[str], Sequence[Configuration]]]:
    yield [row.id for row in rows], rows


def _decoded(rows: Configurations) -> Iterator[tuple[list[str], Sequence[Configuration]]]:
    for batch in rows.decoded():
        yield batch.ids, batch


class Rows(Sequence[Configuration]):
    """The labelled configurations of several spaces, one space after another; decoded some at a time.

    Parameters
    ----------
    parts : sequence of Selected
        The spaces.
    """

    def __init__(self, parts: Sequence[Selected]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part.chosen) for part in parts], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __iter__(self) -> Iterator[Configuration]:
        return itertools.chain.from_iterable(part.rows for part in self._parts)

    def batches(self) -> Iterator[list[Configuration]]:
        """Yield them some at a time."""
        for part in self._parts:
            rows = iter(part.rows)
            while some := list(itertools.islice(rows, ROWS_AT_A_TIME)):
                yield some

    def ids(self) -> list[str]:
        """Return the id of each."""
        return [id_ for part in self._parts for id_ in part.ids()]

    @overload
    def __getitem__(self, place: int) -> Configuration: ...
    @overload
    def __getitem__(self, place: slice) -> list[Configuration]: ...
    def __getitem__(self, place: int | slice) -> Configuration | list[Configuration]:
        if isinstance(place, slice):
            return self.at(np.arange(*place.indices(len(self))))
        if not -len(self) <= place < len(self):
            raise IndexError(f"there are {len(self)} rows, none at {place}")
        return self.at(np.array([place % len(self)]))[0]

    def at(self, places: NDArray[np.int64]) -> list[Configuration]:
        """Return the rows at some places, in the order of these."""
        which = np.searchsorted(self._ends, places, side="right")
        found: dict[int, Configuration] = {}
        for number in np.unique(which).tolist():
            part, here = self._parts[number], np.flatnonzero(which == number)
            inside = places[here] - (self._ends[number] - len(part.chosen))
            found.update(zip(here.tolist(), part.at(inside), strict=True))
        return [found[i] for i in range(len(places))]

    def by_space(self) -> dict[str, Rows]:
        """Return the rows of each space that has any."""
        return {part.space.name: Rows([part]) for part in self._parts if len(part.chosen)}


def select(spec: Spec, *, index: bool = True) -> dict[str, Selected]:
    """Choose what is labelled in each space of a spec, and enumerate the space where it is not too large.

    Parameters
    ----------
    spec : Spec
        The spec.
    index : bool
        Whether spaces of which a sample is labelled are enumerated besides.

    Raises
    ------
    InputError
        Naming file and line, if more configurations are asked for than differ.
    """
    result = {}
    every = build_spaces(spec)
    spaces = spaces_with_rows(spec, every)
    check_enumerable(spec, spaces)
    for name, space in spaces.items():
        part, route = spec.all_spaces()[space.family or name]
        chosen = part.configurations
        if chosen.from_file is not None:
            named = named_in_file(spec, space, every)
            result[name] = Selected(space, named, np.arange(len(named)), whole=False)
            continue
        with spec.at((*route, "configurations", "also"), keep_file=True):
            besides = [] if not chosen.also or space.family else [listed(space, chosen.also, chosen.where)]
        drawn = [name for name in ("count", "per_content", "strata") if getattr(chosen, name) is not None]
        field = drawn[0] if drawn else "where"
        with spec.at((*route, "configurations", field), keep_file=True):
            result[name] = _select(space, chosen, besides, index)
    for family, (part, route) in spec.all_spaces().items():
        shapes = {name: found.configurations for name, found in result.items() if found.space.family == family}
        if shapes and part.configurations.from_file is None:
            try:
                chosen_in = draw_from_shapes(shapes, part.configurations)
            except InputError as error:
                raise spec.error((*route, "configurations", "count"), error.message) from None
            result |= {name: dataclasses.replace(result[name], chosen=here) for name, here in chosen_in.items()}
    return result


def _select(space: Space, selection: Selection, besides: list[Configurations], index: bool) -> Selected:
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
    if not index or count_space(space)[1] > LARGEST_INDEX:
        return Selected(space, labelled, np.arange(len(labelled)), whole=False)
    every = enumerate_configurations(space, where=selection.where)
    return Selected(space, every, every.positions(labelled))
