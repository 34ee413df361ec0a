"""Atoms of a structure as the species of a space: with the oxidation states that the space tells apart."""

from __future__ import annotations

import dataclasses
import itertools

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.species import element_of, with_state


def in_species_of(space: Space, crystal: Crystal) -> tuple[Crystal, str]:
    """Return a structure whose atoms are named as a space names them, and why they cannot be; empty where they can.

    Parameters
    ----------
    space : Space
        The space.
    crystal : Crystal
        The structure. An atom without an oxidation state is of the only one that the space has of its element.

    Returns
    -------
    Crystal
        What it is called stands in its `species`, as in `Configuration.site_species`. It is only for identifying.
    str
        The reason.
    """
    if not space.has_states:
        return crystal, ""
    possible = _possible(space)
    states = crystal.oxidation_states or (None,) * len(crystal)
    names = []
    for element, state in zip(crystal.species, states, strict=True):
        named = with_state(element, state)
        if named in possible.get(element, [named]):
            names.append(named)
        elif state is not None and element not in possible[element]:
            return crystal, f"it has {named}; the space has {' and '.join(possible[element])}"
        elif len(possible[element]) == 1:
            names += possible[element]
        else:
            return crystal, (
                f"its {element} may be {' or '.join(possible[element])}: give oxidation states, as pymatgen's Species "
                f"or as an array oxidation_states of ASE"
            )
    return dataclasses.replace(crystal, species=tuple(names), oxidation_states=None), ""


def _possible(space: Space) -> dict[str, list[str]]:
    """Return of each element the species that some site may hold."""
    variable = set(space.variable_sites.tolist())
    fixed = (species for i, species in enumerate(space.host_species) if i not in variable)
    found: dict[str, list[str]] = {}
    for species in dict.fromkeys(itertools.chain(fixed, *(s.species for s in space.sublattices))):
        if species != VACANCY:
            found.setdefault(element_of(species), []).append(species)
    return found
