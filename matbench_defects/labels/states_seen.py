"""What an engine sees of oxidation states: one that sees elements alone gives orderings that differ in them one energy.

Such labels are refused, or merged (`oxidation_states: merged`): each is then computed once, for the configuration of
the blind space (`crystal.charge_blind`), named by that one's id and host.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from matbench_defects.crystal import charge_blind
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.labels.engine import Method, Outcome, Sees
from matbench_defects.spec.models import Spec
from matbench_defects.spec.species import differing_in_state_alone, element_of, oxidation_state


def alike(space: Space, sees: Sees) -> list[list[str]]:
    """Return the sets of species on one sublattice that an engine cannot tell apart.

    Parameters
    ----------
    space : Space
        The space.
    sees : str
        What of the species the engine takes: elements, moments too, or all.
    """
    if sees == "species" or not space.has_states:
        return []
    found: list[list[str]] = []
    for sublattice in space.sublattices:
        there = [s for k, s in enumerate(sublattice.species) if any(counts[k] for counts in sublattice.contents)]
        for members in differing_in_state_alone(there):
            by_start: dict[float, list[str]] = {}
            for species in members:
                start = _moment(species, space.moments) if sees == "moments" else 0.0
                by_start.setdefault(start, []).append(species)
            found += [some for some in by_start.values() if len(some) > 1 and some not in found]
    return found


def _moment(species: str, moments: Mapping[str, float]) -> float:
    return moments.get(species, moments.get(element_of(species), 0.0))


def check_states_seen(spec: Spec, position: int, method: Method, space: Space) -> None:
    """Refuse a label whose engine would give orderings that differ in oxidation states alone one energy, unsaid.

    Parameters
    ----------
    spec : Spec
        The spec.
    position : int
        The place of the label in it.
    method : Method
        The label's method.
    space : Space
        A space whose configurations have the label.

    Raises
    ------
    InputError
        With what can be done; also where merging them is asked for and makes no sense.
    """
    route = ("labels", position, "oxidation_states")
    sees = method.sees
    if method.merged:
        reason = _not_merged(method, space, sees)
        if reason:
            raise spec.error(route, reason)
        return
    same = alike(space, sees)
    if not same:
        return
    shown = "; ".join(" and ".join(members) for members in same)
    if sees == "moments":
        raise spec.error(
            ("labels", position, "engine"),
            f"{method.engine} tells oxidation states apart by the magnetic moments that it starts from, and those of "
            f"{shown} are equal in {space.name}; say in the spec `moments: {{{same[0][0]}: ..., {same[0][1]}: ...}}`",
        )
    raise spec.error(
        ("labels", position, "engine"),
        f"{method.engine} sees elements alone, so orderings of {space.name} that differ in {shown} alone would have "
        "one energy; take an engine that starts from magnetic moments, or say `oxidation_states: merged` in the label: "
        "each is then computed once, and the rows that share it are marked",
    )


def _not_merged(method: Method, space: Space, sees: Sees) -> str:
    """Return why configurations are not merged; empty where they may be."""
    if sees == "species":
        return f"{method.engine} has an energy for each oxidation state; leave `merged` out"
    if sees == "moments" and any(oxidation_state(species) is not None for species in method.moments):
        return f"{method.engine} starts from `moments` that tell oxidation states apart; leave `merged` out"
    if not alike(space, "elements"):
        return f"no configurations of {space.name} differ in oxidation states alone; leave `merged` out"
    for given, field in ((space.kind.points.blocks, space.kind.name), (space.exchange, "exchange")):
        if given:
            return f"`merged` does not go with `{field}`"
    return ""


def laid_back(outcome: Outcome, row: Configuration) -> Outcome:
    """Return what was found for `charge_blind.computed_for(row)`, on the row's own sites and in its own order.

    Parameters
    ----------
    outcome : Outcome
        What was found.
    row : Configuration
        The row.
    """
    crystal, order = charge_blind.laid_back(outcome.crystal, row)
    moments = outcome.magnetic_moments
    return dataclasses.replace(
        outcome, crystal=crystal, magnetic_moments=None if moments is None else np.asarray(moments)[order]
    )
