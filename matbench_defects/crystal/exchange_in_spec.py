"""What a spec says of exchanged species, checked: an exchange must be a symmetry of everything else that it says."""

from __future__ import annotations

import dataclasses
import itertools
import math

from matbench_defects.crystal.relabelling import LARGEST_EXCHANGE, Exchange
from matbench_defects.crystal.space import Space
from matbench_defects.errors import nearest
from matbench_defects.spec.document import Route
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import SpaceSpec


def with_exchange(spec: Spec, part: SpaceSpec, route: Route, space: Space) -> Space:
    """Return a space with the exchanges of species that its spec names.

    Parameters
    ----------
    spec, part : Spec, SpaceSpec
        The spec, and what it says of the space.
    route : Route
        Where in the spec that is.
    space : Space
        The space without.

    Raises
    ------
    InputError
        Naming file and line, if something in the spec tells the species apart.
    """
    here = (*route, "exchange")
    for field in [block.field for block in part.kind_blocks] + (["exclude"] if part.exclude else []):
        raise spec.error(here, f"does not go with `{field}`")
    if spec.thermodynamics is not None:
        raise spec.error(
            here,
            "does not go with `thermodynamics`: a free energy is of one composition, and an exchange makes one of two",
        )
    exchange = _exchange(spec, part, here, space)
    _check_contents(spec, here, space, exchange)
    _check_labels(spec, part.exchange)
    return dataclasses.replace(space, exchange=exchange, memory={})


def _exchange(spec: Spec, part: SpaceSpec, here: Route, space: Space) -> Exchange:
    """Return the sets by their places on one sublattice each."""
    variable = set(space.variable_sites.tolist())
    fixed = {s for i, s in enumerate(space.host_species) if i not in variable}
    known = {s for sublattice in space.sublattices for s in sublattice.species}
    seen: set[str] = set()
    found = []
    for number, members in enumerate(part.exchange):
        field = (*here, number) if len(part.exchange) > 1 else here
        for species in members:
            if species == VACANCY:
                raise spec.error(field, "a vacancy is not exchanged: the numbers of atoms would differ")
            if species not in known:
                raise spec.error(field, f"no sublattice holds {species}; {nearest(species, known - {VACANCY})}")
            if species in seen:
                raise spec.error(field, f"names {species} twice")
            seen.add(species)
            if species in fixed:
                raise spec.error(field, f"{species} also sits on sites of no sublattice, where it is not exchanged")
        holding = [[i for i, s in enumerate(space.sublattices) if species in s.species] for species in members]
        if len({i for places in holding for i in places}) > 1:
            shown = ", ".join(
                f"{species} on {' and '.join(space.sublattices[i].name for i in places)}"
                for species, places in zip(members, holding, strict=True)
            )
            raise spec.error(field, f"species that are exchanged sit on one sublattice, and nowhere else; {shown}")
        (i,) = holding[0]
        found.append((i, tuple(sorted(space.sublattices[i].species.index(species) for species in members))))
    if math.prod(math.factorial(len(members)) for _, members in found) > LARGEST_EXCHANGE:
        raise spec.error(here, f"more than the {LARGEST_EXCHANGE} ways to exchange species that are handled")
    return tuple(sorted(found))


def _check_contents(spec: Spec, here: Route, space: Space, exchange: Exchange) -> None:
    """Refuse contents that an exchange carries into none: the exchange would be no symmetry of what is allowed."""
    every = space.contents()
    known = set(every)
    names = space.meant or {}
    swaps = [
        (i, pair) for i, members in exchange for pair in itertools.pairwise(members)
    ]  # all others are made of these
    for content, (i, (one, other)) in itertools.product(every, swaps):
        counts = list(content[i])
        counts[one], counts[other] = counts[other], counts[one]
        swapped = (*content[:i], tuple(counts), *content[i + 1 :])
        if swapped not in known:
            raise spec.error(
                here,
                f"carries the content {space.content_name(content)} into {space.content_name(swapped)}, which is not "
                "allowed; give the species the same numbers",
            )
        if names.get(content, "") != names.get(swapped, ""):
            raise spec.error(here, f"makes '{names[content]}' and '{names[swapped]}' the same content")


def _check_labels(spec: Spec, sets: list[list[str]]) -> None:
    """Refuse settings of labels that tell exchanged species apart, such as charges."""
    pairs = [pair for members in sets for pair in itertools.pairwise(members)]
    for number, label in enumerate(spec.labels):
        for name, setting in label.options.items():
            for one, other in pairs:
                if isinstance(setting, dict) and setting.get(one) != setting.get(other):
                    raise spec.error(
                        ("labels", number, name),
                        f"tells {one} and {other} apart, which are exchanged (`exchange`)",
                    )
