"""The outermost compositions of a space: end members that follow from its contents, and so survive their changes."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from matbench_defects.crystal.contents import defect_counts
from matbench_defects.crystal.space import Content, Space
from matbench_defects.spec.fields import VACANCY

INDEPENDENT = 1e-6
"""A composition is independent of others where it is farther than this from what they can be mixed to, atoms."""


class Extreme(NamedTuple):
    """One of the outermost compositions of each space."""

    number: int
    """Which of them: its place in `extremes`."""


def extremes(space: Space) -> list[Content]:
    """Return contents whose compositions can be mixed to that of every other, in one way.

    The first is the ideal host, or what is nearest to it; then always the one that is farthest from all mixtures of
    those before. Of equally far ones it is the first.

    Parameters
    ----------
    space : Space
        The space.

    Returns
    -------
    list of Content
        As many as there are independent compositions.
    """
    if "extremes" not in space.memory:
        space.memory["extremes"] = _extremes(space)
    known: list[Content] = space.memory["extremes"]
    return known


def _extremes(space: Space) -> list[Content]:
    contents = space.contents()
    compositions = _compositions(space, contents)
    left = compositions.copy()
    chosen = [int(np.argmin(defect_counts(space, contents)))]
    while True:
        direction = left[chosen[-1]] / np.linalg.norm(left[chosen[-1]])
        left = left - np.outer(left @ direction, direction)
        far = np.linalg.norm(left, axis=1).round(9)
        if far.max() < INDEPENDENT:
            return [contents[i] for i in chosen]
        chosen.append(int(far.argmax()))


def _compositions(space: Space, contents: list[Content]) -> np.ndarray:
    """Return the atoms of each content by element, shape (contents, elements)."""
    fixed = np.ones(len(space.host_species), dtype=bool)
    fixed[space.variable_sites] = False
    hosts = [species for species, stays in zip(space.host_species, fixed, strict=True) if stays]
    letters = [species for sublattice in space.sublattices for species in sublattice.species]
    elements = sorted({*hosts, *letters} - {VACANCY})
    counts = np.array([list(itertools.chain.from_iterable(content)) for content in contents], dtype=float)
    of_letters = np.array([[letter == element for element in elements] for letter in letters], dtype=float)
    constant = np.array([hosts.count(element) for element in elements], dtype=float)
    atoms: np.ndarray = counts @ of_letters + constant
    return atoms
