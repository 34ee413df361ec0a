"""Draws from strata: some contents of a space, and how many configurations of them."""

from __future__ import annotations

import itertools

from matbench_defects.crystal.canonical import configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.contents import defect_counts, matches
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.configurations import Configurations
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import Weighting, collect, sample
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import digest
from matbench_defects.spec.spaces import Conditions, Stratum


def contents_of(space: Space, stratum: Stratum) -> list[Content]:
    """Return the contents of a stratum.

    Raises
    ------
    InputError
        If it names a content that the spec does not, or holds none.
    """
    names = [] if space.meant is None else [n for n in space.meant.values() if n]
    for name in stratum.contents or []:
        if name not in names:
            raise InputError(f"no content of {space.name} is called '{name}'; {nearest(name, names)}")
    found = space.contents()
    if stratum.contents is not None:
        found = [c for c in found if (space.meant or {}).get(c) in stratum.contents]
    if stratum.defects is not None:
        wanted = stratum.defects.counts or ()
        found = [c for c, n in zip(found, defect_counts(space, found).tolist(), strict=True) if n in wanted]
    if stratum.content:
        found = [c for c in found if matches(space, c, stratum.content)]
    if not found:
        raise InputError(f"a stratum holds none of the contents of {space.name}")
    return found


def sample_strata(
    space: Space, strata: list[Stratum], seed: int, weighting: Weighting = "uniform", *, where: Conditions | None = None
) -> Configurations:
    """Draw distinct configurations of each stratum.

    Parameters
    ----------
    space : Space
        The space.
    strata : list of Stratum
        Which contents, and how many of each.
    seed : int
        Seed; the draw from one stratum does not depend on the others.
    weighting : {"uniform", "by-multiplicity"}
        Whether each orbit of a stratum is equally likely, or each decoration.
    where : Conditions, optional
        What each configuration must fulfil.

    Raises
    ------
    InputError
        If a stratum has fewer configurations than it shall give, or two strata share a content.
    """
    seen: set[Content] = set()
    drawn = []
    for stratum in strata:
        contents = contents_of(space, stratum)
        if shared := seen.intersection(contents):
            raise InputError(f"two strata hold the content {space.content_name(min(shared))}")
        seen.update(contents)
        if stratum.count == "all":
            drawn.append(enumerate_configurations(space, contents, where))
        else:
            own = int(digest([seed, *map(space.content_name, contents)]), 16)
            drawn.append(sample(space, stratum.count, own, weighting, contents=contents, where=where))
    return union(space, drawn)


def listed(space: Space, ids: list[str], where: Conditions | None = None) -> Configurations:
    """Return the configurations that ids name, in the order of the enumeration.

    Raises
    ------
    InputError
        If an id is not one of this space, or of one that does not fulfil the conditions.
    """
    checks = Checks.of(space, where)
    found = [Configuration(space, configuration_of(space, name)) for name in sorted(set(ids))]
    for one in found:
        if reason := checks.refused(one.canonical_occupation, one.stabiliser_order):
            raise InputError(f"'{one.id}' is not meant: {reason}")
    return collect(space, found)


def union(space: Space, several: list[Configurations]) -> Configurations:
    """Return what is in any of several sets of configurations of one space, each once."""
    return collect(space, set(itertools.chain.from_iterable(several)))
