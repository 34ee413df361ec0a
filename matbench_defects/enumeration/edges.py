"""The types of a space's edges: which of them symmetry makes equal."""

from __future__ import annotations

import string

import numpy as np

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import nearest_images
from matbench_defects.enumeration.counting import edge_action
from matbench_defects.errors import InputError


def edge_types(space: Space) -> list[str]:
    """Return the type of each edge of a space of pathways, a letter for each orbit under the host's group.

    Letters go by increasing length of the edges, and by the first edge where lengths agree to 0.0001 Å.

    Parameters
    ----------
    space : Space
        A space of pathways.

    Returns
    -------
    list of str, length e
        In the order of ``space.pathway.edges``.

    Raises
    ------
    InputError
        If the space does not hold pathways.
    """
    if space.pathway is None:
        raise InputError(f"the space {space.name} holds structures, which have no pathway type")
    first = edge_action(space).min(axis=0)
    lengths = {int(edge): _length(space, int(edge)) for edge in np.unique(first)}
    order = sorted(lengths, key=lambda edge: (round(lengths[edge], 4), edge))
    letters = string.ascii_lowercase
    names = {edge: letters[i] if len(order) <= len(letters) else str(i + 1) for i, edge in enumerate(order)}
    return [names[int(edge)] for edge in first]


def _length(space: Space, edge: int) -> float:
    assert space.pathway is not None
    start, end = space.positions[space.variable_sites[space.pathway.edges[edge]]]
    return float(np.linalg.norm(nearest_images(space.lattice, (end - start)[None])))
