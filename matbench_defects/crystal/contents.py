"""Which contents of a space a spec means: named ones, or those with some number of defects."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import InputError
from matbench_defects.spec.fields import Content as Counts

if TYPE_CHECKING:
    from matbench_defects.crystal.space import Content, Space


def defect_count(space: Space, content: Content) -> int:
    """Return how many sites of a configuration differ from the ideal host.

    Sites of a sublattice on which the host has several species are counted by how many of each there are, so an
    exchange of two of them counts as none.
    """
    different = 0
    for host, counts in zip(space.host_contents, content, strict=True):
        different += sum(counts) - sum(map(min, counts, host))
    return different


def defect_counts(space: Space, contents: Sequence[Content]) -> NDArray[np.int64]:
    """Return `defect_count` of many contents at once.

    Returns
    -------
    ndarray of int, shape (len(contents),)
    """
    table = np.array([list(itertools.chain.from_iterable(c)) for c in contents], dtype=np.int64)
    host = np.array(list(itertools.chain.from_iterable(space.host_contents)), dtype=np.int64)
    different: NDArray[np.int64] = (table - np.minimum(table, host)).reshape(len(contents), -1).sum(axis=1)
    return different


def matches(space: Space, content: Content, wanted: Mapping[str, Counts]) -> bool:
    """Return whether a content has the wanted number of each species that is mentioned.

    Parameters
    ----------
    space : Space
        The space.
    content : tuple of tuple of int
        The content.
    wanted : mapping of str to Content
        Allowed numbers by species, or by ``sublattice.species``.

    Raises
    ------
    InputError
        If no sublattice, or more than one, holds a species.
    """
    numbers = {name: space.count(content, name) for name in wanted}  # every name is checked
    return all(w.counts is None or numbers[name] in w.counts for name, w in wanted.items())


def tied_contents(space: Space, ties: Sequence[Sequence[str]]) -> list[Content]:
    """Return the contents of a space in which some numbers go together, in its order.

    Parameters
    ----------
    space : Space
        The space, not yet limited.
    ties : sequence of sequence of str
        Numbers that are equal: the name of a species as in `Space.count`, or a multiple of it, ``2 vacancy``.

    Raises
    ------
    InputError
        If no sublattice, or more than one, holds a species; or one is tied to itself or to zero.
    """
    every = space.contents()
    table = np.array([list(itertools.chain.from_iterable(c)) for c in every], dtype=np.int64)
    starts = np.cumsum([0, *(len(s.species) for s in space.sublattices)])
    kept = np.ones(len(every), dtype=bool)
    for terms in ties:
        numbers = []
        met: dict[tuple[int, int], str] = {}
        for term in terms:
            times, (sublattice, species) = _multiple(space, term)
            if not times:
                raise InputError(f"'{term}' is always zero, to which no number is tied")
            if (sublattice, species) in met:
                raise InputError(f"ties '{met[sublattice, species]}' to '{term}', which is the same species")
            met[sublattice, species] = term
            numbers.append(times * table[:, starts[sublattice] + species])
        kept &= (np.array(numbers) == numbers[0]).all(axis=0)
    return list(itertools.compress(every, kept.tolist()))


def _multiple(space: Space, term: str) -> tuple[int, tuple[int, int]]:
    """Read ``2 vacancy``; a name may begin with a number itself, so the whole is looked up first where it is one."""
    match = re.fullmatch(r"\s*(\d{1,6})\s+(\S.*?)\s*", term)
    if match is None or any(term == f"{s.name}.{k}" for s in space.sublattices for k in s.species):
        return 1, space.place(term)
    return int(match[1]), space.place(match[2])


def meant_contents(
    space: Space,
    every: Sequence[Content],
    named: Mapping[str, Mapping[str, Counts]] | None,
    fillers: list[str],
    defects: Counts | None,
) -> dict[Content, str]:
    """Return the contents that a spec means, in the order of the space, each with its name.

    Parameters
    ----------
    space : Space
        The space, not yet limited.
    every : sequence of contents
        Its contents, or those of them in which what is tied goes together.
    named : mapping, optional
        Wanted contents by name; a species that is not mentioned is absent.
    fillers : list of str
        Of each sublattice the species that fills the rest.
    defects : Content, optional
        How many sites may differ from the ideal host.

    Raises
    ------
    InputError
        If a name stands for no content, two names for the same, or no content is left.
    """
    if defects is not None and defects.counts is not None:
        every = [c for c, n in zip(every, defect_counts(space, every).tolist(), strict=True) if n in defects.counts]
        if not every:
            raise InputError(f"no content has {_shown(defects)} sites that differ from the host")
    if named is None:
        return dict.fromkeys(every, "")
    names: dict[Content, str] = {}
    for name, wanted in named.items():
        found = [c for c in every if matches(space, c, wanted) and not _others(space, c, wanted, fillers)]
        if not found:
            raise InputError(f"'{name}' is no content of the sublattices")
        for content in found:
            if content in names:
                raise InputError(f"'{names[content]}' and '{name}' are the same content {space.content_name(content)}")
            names[content] = name
    return {c: names[c] for c in every if c in names}


def _others(space: Space, content: Content, wanted: Mapping[str, Counts], fillers: list[str]) -> bool:
    """Return whether a content holds a species that is neither mentioned nor the filler of its sublattice."""
    for sublattice, counts, filler in zip(space.sublattices, content, fillers, strict=True):
        for species, number in zip(sublattice.species, counts, strict=True):
            mentioned = species in wanted or f"{sublattice.name}.{species}" in wanted
            if number and not mentioned and species != filler:
                return True
    return False


def _shown(counts: Counts) -> str:
    numbers = counts.counts or ()
    return str(numbers[0]) if len(numbers) == 1 else f"one of {', '.join(map(str, numbers))}"
