"""Derivative structures: the configurations of every supercell shape that are not a repetition of a smaller cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.configurations import Configurations
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import draw_positions
from matbench_defects.errors import InputError
from matbench_defects.files import digest
from matbench_defects.spec.spaces import Conditions, Selection


def derivative_structures(space: Space, *, exchange: bool = False, where: Conditions | None = None) -> Configurations:
    """Return the inequivalent configurations of a supercell that are not a repetition of a smaller cell.

    Parameters
    ----------
    space : Space
        The space of one supercell.
    exchange : bool
        Whether two configurations are the same if exchanging any species throughout a sublattice makes them so; where
        not, those are that the space exchanges itself.
    where : Conditions, optional
        What each configuration must fulfil.
    """
    every = tuple((i, tuple(range(len(s.species)))) for i, s in enumerate(space.sublattices))
    chosen = every if exchange else space.exchange
    one = dataclasses.replace(space, family=space.family or space.name, exchange=chosen, memory={})
    return enumerate_configurations(one, where=where)


def draw_from_shapes(shapes: Mapping[str, Configurations], selection: Selection) -> dict[str, NDArray[np.int64]]:
    """Choose among the derivative structures of several supercell shapes as if they were one space.

    Parameters
    ----------
    shapes : mapping of str to Configurations
        The derivative structures of each shape.
    selection : Selection
        All; or how many are drawn, of all shapes together or of each content. By multiplicity means the number of
        equivalent decorations of a configuration's own supercell.

    Returns
    -------
    dict of str to ndarray of int
        Positions of the chosen ones in each shape, increasing.

    Raises
    ------
    InputError
        If more are asked for than there are.
    """
    lengths = [len(found) for found in shapes.values()]
    if selection.select == "all":
        return {name: np.arange(length) for name, length in zip(shapes, lengths, strict=True)}
    multiplicities = np.concatenate([found.multiplicities for found in shapes.values()])
    if selection.count is not None:
        if selection.count > len(multiplicities):
            raise InputError(f"{selection.count} were asked for, but only {len(multiplicities)} configurations differ")
        chosen = draw_positions(multiplicities, selection.count, selection.seed, selection.select)
    else:
        assert selection.per_content is not None
        members: dict[Content, list[NDArray[np.int64]]] = {}
        start = 0
        for part in (part for found in shapes.values() for part in found.parts):
            members.setdefault(part.content, []).append(np.arange(start, start + len(part)))
            start += len(part)
        drawn = []
        for content, positions in members.items():
            here = np.concatenate(positions)
            number, seed = min(selection.per_content, len(here)), int(digest([selection.seed, content]), 16)
            drawn.append(here[draw_positions(multiplicities[here], number, seed, selection.select)])
        chosen = np.sort(np.concatenate(drawn)) if drawn else np.zeros(0, dtype=np.int64)
    ends = np.cumsum(lengths)
    return {
        name: chosen[(chosen >= end - length) & (chosen < end)] - (end - length)
        for name, length, end in zip(shapes, lengths, ends.tolist(), strict=True)
    }
