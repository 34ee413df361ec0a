"""Guards: what makes a label unusable though an engine returned it."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal, shortest_distance
from matbench_defects.enumeration.identify import identify
from matbench_defects.labels.engine import Method, Outcome
from matbench_defects.labels.label import LEFT, Label

TOO_NEAR = 0.7
"""Interatomic distances below this, Å, are refused: potentials give absurd energies there (-3e9 eV was seen)."""
KEPT = 0.25
"""An atom is on its site for certain if none moved by more than this share of the shortest distance between sites."""
NEAREST = 3.0
"""Sites are taken to be at most so far apart, Å."""
LARGEST_ENERGY = 100.0
"""Energies per atom beyond this, eV, are refused."""
LARGEST_FORCE = 100.0
"""Forces on an atom beyond this, eV/Å, are refused."""


def too_near(crystal: Crystal) -> str:
    """Return why a structure is refused, empty where it is not."""
    distance = shortest_distance(crystal)
    return f"two atoms are {distance:.2f} Å apart" if distance < TOO_NEAR else ""


def doubtful(outcome: Outcome, method: Method) -> str:
    """Return what is wrong with an outcome by itself, empty where nothing is."""
    if not math.isfinite(outcome.energy):
        return "the energy is not a finite number"
    per_atom = outcome.energy / len(outcome.crystal)
    if abs(per_atom) > LARGEST_ENERGY:
        return f"an energy of {per_atom:.3g} eV per atom is out of all proportion"
    if problem := absurd_force(outcome):
        return problem
    if outcome.problem:
        return outcome.problem
    if not outcome.converged and method.relax is not None:
        return f"not relaxed to {method.relax.fmax} eV/Å within {method.relax.steps} steps"
    return too_near(outcome.crystal)


def absurd_force(outcome: Outcome) -> str:
    """Return why the forces are refused, empty where they are not."""
    if outcome.max_force is not None and not abs(outcome.max_force) <= LARGEST_FORCE:  # not-a-number included
        return f"a force of {outcome.max_force:.3g} eV/Å is out of all proportion"
    return ""


def kind_of_problem(problem: str) -> str:
    """Return a problem without what differs from label to label, so that equal ones are counted together."""
    return re.split(r"[:,] ", problem, maxsplit=1)[0]


def checked(label: Label, origin: Configuration) -> Label:
    """Return a label whose relaxation has been compared with the configuration it started from.

    Its largest displacement is recorded. An atom nearer to another site than to its own makes it another
    configuration, and then the label has a problem, unless symmetry makes both equal. Of a hop, each end point must
    have kept the very sites.

    Parameters
    ----------
    label : Label
        The label; one that did not relax, or was compared before, is returned as it is.
    origin : Configuration
        The configuration, from whose ideal structure the relaxation started; in a space of pathways, the pathway.
    """
    outcome = label.outcome
    if outcome is None or label.description["relax"] is None or outcome.displacement is not None:
        return label
    problem, largest = label.problem or absurd_force(outcome), 0.0
    relaxed = [outcome.crystal]
    if outcome.band is not None:
        relaxed.append(dataclasses.replace(outcome.crystal, positions=outcome.band.second))
    space = origin.space.structures
    starts, states = _starts(origin), origin.crystal.oxidation_states  # engines and tables keep elements alone
    for (which, sites), crystal in zip(starts, relaxed, strict=True):
        moved = _displacement(space, sites, crystal)
        largest = max(largest, moved)
        if moved < KEPT * _nearest_sites(space):
            continue
        found = identify(space, dataclasses.replace(crystal, oxidation_states=states), laid=True)
        if found.sites is not None and np.array_equal(found.sites, sites):
            continue
        if found.id is None:
            left = f"{which} {LEFT[0]}: {found.reason}"
        elif len(starts) == 1 and found.id == _first_structure(origin).id:
            continue
        else:
            left = f"{which} {LEFT[1]}, {found.id}"
        problem = problem or left
    return dataclasses.replace(label, outcome=dataclasses.replace(outcome, displacement=largest), problem=problem)


def _nearest_sites(space: Space) -> float:
    """Return the shortest distance between two sites of a supercell, Å."""
    if "nearest sites" not in space.memory:
        sites = Crystal(space.lattice, ("X",) * len(space.positions), space.positions)
        space.memory["nearest sites"] = min(NEAREST, shortest_distance(sites, cutoff=NEAREST))
    return float(space.memory["nearest sites"])


def _starts(origin: Configuration) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the sites that the atoms of each relaxed structure started on, with what a message calls it."""
    space, first = origin.space, origin.atoms().sites
    if len(space.kind.end_points) == 1:
        return [(space.kind.end_points[0], first)]
    starts = []
    for which, structure in zip(space.kind.end_points, space.end_points(origin.occupation), strict=True):
        reached = Configuration(space.structures, structure).atoms().sites
        # In the second end point the atom that hopped stands where it stood in the list, on another site.
        sites = first.copy()
        sites[~np.isin(first, reached)] = np.setdiff1d(reached, first)
        starts.append((which, sites))
    return starts


def _first_structure(origin: Configuration) -> Configuration:
    """Return the first structure that a configuration means, in the space of structures."""
    return Configuration(origin.space.structures, origin.space.end_points(origin.occupation)[0])


def _displacement(space: Space, sites: NDArray[np.int64], crystal: Crystal) -> float:
    """Return the largest distance of an atom from the site it started on, Å, strain and drift taken out."""
    ideal = space.positions[sites] @ np.linalg.inv(space.lattice)
    away = crystal.positions @ np.linalg.inv(crystal.lattice) - ideal
    away -= np.round(away)
    return float(np.linalg.norm((away - away.mean(axis=0)) @ space.lattice, axis=1).max(initial=0.0))
