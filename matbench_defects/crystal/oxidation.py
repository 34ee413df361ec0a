"""Oxidation states in a parent: those that the spec gives by label or element, and those that its sublattices leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from matbench_defects.crystal.structure import ListedCrystal
from matbench_defects.errors import InputError, nearest
from matbench_defects.spec.parents import ParentSpec, Site
from matbench_defects.spec.spaces import SublatticeSpec
from matbench_defects.spec.species import element_of, oxidation_state, with_state


def species_with_states(species: Sequence[str], labels: Sequence[str], states: Mapping[str, int]) -> list[str]:
    """Return species with the oxidation states that are given for their label, or else for their element.

    Parameters
    ----------
    species : sequence of str, length n
        Elements, some perhaps with a state already.
    labels : sequence of str, length n
        The label of each one's site.
    states : mapping of str to int
        Oxidation states by label or element.

    Raises
    ------
    InputError
        If a name is none of them, or one has another state already.
    """
    elements = [element_of(one) for one in species]
    for name in states:
        if name not in {*labels, *elements}:
            raise InputError(
                f"no site and no element of the parent is called '{name}'; {nearest(name, {*labels, *elements})}",
                field="oxidation_states",
            )
    result = []
    for one, element, label in zip(species, elements, labels, strict=True):
        state = states.get(label, states.get(element))
        known = oxidation_state(one)
        if state is not None and known not in (None, state):
            raise InputError(f"{label} is {one}, not {with_state(element, state)}", field="oxidation_states")
        result.append(one if state is None else with_state(element, state))
    return result


def with_states(listed: ListedCrystal, states: Mapping[str, int]) -> ListedCrystal:
    """Return the crystal of a file with oxidation states, as `species_with_states` gives them."""
    if not states:
        return listed
    return dataclasses.replace(listed, species=tuple(species_with_states(listed.species, listed.labels, states)))


def sites_with_states(parent: ParentSpec) -> dict[str, Site]:
    """Return the sites of a parent that is given by its space group, with their oxidation states."""
    assert parent.sites is not None
    sites = parent.sites
    if not parent.oxidation_states:
        return sites
    found = species_with_states([s.species for s in sites.values()], list(sites), parent.oxidation_states)
    return {
        label: site.model_copy(update={"species": species})
        for (label, site), species in zip(sites.items(), found, strict=True)
    }


def host_state(host: str, description: SublatticeSpec) -> str:
    """Return what the ideal host has on a sublattice, with the oxidation state that its species leave it.

    Parameters
    ----------
    host : str
        The host's species there, perhaps without a state.
    description : SublatticeSpec
        What may sit there.

    Raises
    ------
    InputError
        If it may be in several states, or the sublattice names the element without the state that the host has.
    """
    same = [species for species in description.species if element_of(species) == element_of(host)]
    if host in same or not same:
        return host
    element = element_of(host)
    if oxidation_state(host) is not None:
        if element in same:
            raise InputError(f"the ideal host has {host} here; write {host}, not {element}")
        return host
    if len(same) > 1:
        example = f"{{{element}: {oxidation_state(same[-1])}}}"
        raise InputError(
            f"the ideal host's {element} may be {' or '.join(same)}; say which in the parent: "
            f"`oxidation_states: {example}`"
        )
    return same[0]
