"""Free energies of compositions from all their arrangements, and the convex hull that they span.

A space that is labelled whole has its exact partition function within the supercell: for a composition
Z = sum of g exp(-E/kT) over its inequivalent arrangements, g how many are equivalent, and F = -kT ln Z. Vibrations,
electronic excitations and longer periods than the cell's are not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.columns import BOLTZMANN, Quantity
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.phases import reference_parents
from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.targets import Labelled
from matbench_defects.dataset.targets.end_members import atoms_of, formula
from matbench_defects.dataset.targets.energy_above_hull import elements_of, entry_of
from matbench_defects.enumeration.counting import count_space
from matbench_defects.enumeration.selection import Selected
from matbench_defects.spec.models import Spec

ON_HULL = 1e-9
"""Compositions less than this above the hull, eV per atom, are on it."""

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Composition:
    """One composition of a space at several temperatures.

    Parameters
    ----------
    space : Space
        The space.
    content : Content
        How many of each species every sublattice holds.
    orbits : int
        Inequivalent arrangements.
    configurations : int
        All arrangements.
    temperatures : list of float
        K.
    free_energy : ndarray of float, shape (temperatures,)
        eV per supercell, on the scale of the label's total energies.
    formation : ndarray of float, shape (temperatures,)
        eV per atom, against the elements.
    above_hull : ndarray of float, shape (temperatures,)
        eV per atom.
    """

    space: Space
    content: Content
    orbits: int
    configurations: int
    temperatures: list[float]
    free_energy: NDArray[np.float64]
    formation: NDArray[np.float64]
    above_hull: NDArray[np.float64]


def free_energies(
    energies: NDArray[np.float64], multiplicities: NDArray[np.int64], temperatures: Sequence[float]
) -> NDArray[np.float64]:
    """Return the free energy of all arrangements of one composition.

    Parameters
    ----------
    energies : ndarray of float, shape (n,)
        Energy of each inequivalent arrangement, eV per supercell.
    multiplicities : ndarray of int, shape (n,)
        How many arrangements are equivalent to it.
    temperatures : sequence of float
        K; at 0 it is the lowest energy.

    Returns
    -------
    ndarray of float, shape (len(temperatures),)
        eV per supercell.
    """
    lowest = energies.min()
    result = np.full(len(temperatures), lowest)
    for i, temperature in enumerate(temperatures):
        if temperature:
            kt = BOLTZMANN * temperature
            result[i] -= kt * np.log(multiplicities @ np.exp(-(energies - lowest) / kt))
    return result


def check_thermodynamics(
    spec: Spec, selected: Mapping[str, Selected], copies: Sequence[tuple[Configuration, str]]
) -> None:
    """Refuse free energies where a space is not labelled whole, or an element has no reference phase.

    Parameters
    ----------
    spec : Spec
        The spec.
    selected : mapping of str to Selected
        What is labelled.
    copies : sequence of (Configuration, str)
        Configurations that are labelled as rows of other spaces.

    Raises
    ------
    InputError
        Naming file and line.
    """
    asked = spec.thermodynamics
    if asked is None:
        return
    with spec.at(("thermodynamics", "label")):
        spec.label(asked.label)
    single = {p.elements[0] for p in reference_parents(spec).values() if len(set(p.elements)) == 1}
    for name, part in selected.items():
        if part.space.kind.stands_for != "structures" or part.space.family:
            raise spec.error(("thermodynamics",), f"is of structures in one supercell, which {name} does not hold")
        every = count_space(part.space)[1]
        labelled = len(part.chosen) + sum(copy.space.name == name for copy, _ in copies)
        if labelled != every:
            raise spec.error(
                ("thermodynamics",),
                f"needs every configuration of {name} labelled, but {labelled:,} of {every:,} are",
            )
        if missing := sorted(elements_of(part.space) - single):
            raise spec.error(("thermodynamics",), f"no reference phase is the element {' or '.join(missing)}")


def compositions(spec: Spec, labelled: Mapping[str, Labelled]) -> list[Composition]:
    """Return the free energy of every composition all of whose arrangements have a usable label.

    Parameters
    ----------
    spec : Spec
        The spec, which asks for them.
    labelled : mapping of str to Labelled
        The rows with each label.

    Raises
    ------
    InputError
        If a reference phase has no usable label.
    """
    asked = spec.thermodynamics
    assert asked is not None
    known = labelled[spec.label(asked.label).label_name]
    by_content: dict[tuple[str, Content], list[tuple[float | None, int]]] = {}
    for row in known.rows:
        energy = None if row.outcome is None else row.outcome.energy
        by_content.setdefault((row.space.name, row.content), []).append((energy, row.multiplicity))
    spaces = {row.space.name: row.space for row in known.rows}
    found: list[tuple[Space, Content, int, int, NDArray[np.float64]]] = []
    for (name, content), members in by_content.items():
        if any(energy is None for energy, _ in members):
            continue
        energies = np.array([energy for energy, _ in members], dtype=np.float64)
        numbers = np.array([number for _, number in members], dtype=np.int64)
        free = free_energies(energies, numbers, asked.temperatures)
        found.append((spaces[name], content, len(members), int(numbers.sum()), free))
    phases = {name: known.phase(name) for name in spec.reference_phases}
    formation, above = (np.zeros((len(found), len(asked.temperatures))) for _ in range(2))
    for t in range(len(asked.temperatures)):
        formation[:, t], above[:, t] = _hull(found, t, phases)
    return [
        Composition(space, content, orbits, every, list(asked.temperatures), free, formation[i], above[i])
        for i, (space, content, orbits, every, free) in enumerate(found)
    ]


def _hull(
    found: list[tuple[Space, Content, int, int, NDArray[np.float64]]], t: int, phases: Mapping[str, Any]
) -> tuple[list[float], list[float]]:
    """Return formation free energy and distance to the hull of each composition at one temperature, eV per atom."""
    from pymatgen.analysis.phase_diagram import PhaseDiagram

    entries = [
        entry_of(str(i), atoms_of(space, content), free[t]) for i, (space, content, *_, free) in enumerate(found)
    ]
    references = [entry_of(name, Counter(p.crystal.species), p.energy) for name, p in phases.items()]
    diagrams: dict[frozenset[str], Any] = {}
    formation, above = [], []
    for (space, *_), entry in zip(found, entries, strict=True):
        system = frozenset(elements_of(space))
        if system not in diagrams:
            inside = [e for e in (*entries, *references) if {el.symbol for el in e.composition.elements} <= system]
            diagrams[system] = PhaseDiagram(inside)
        formation.append(float(diagrams[system].get_form_energy_per_atom(entry)))
        above.append(float(diagrams[system].get_e_above_hull(entry)))
    return formation, above


def free_energy_table(found: Sequence[Composition]) -> pa.Table:
    """Return free energies as a table, a row a composition and temperature."""
    rows = [
        {
            "space": one.space.name,
            "content": one.space.content_name(one.content),
            "formula": formula(one.space, one.content),
            "orbits": one.orbits,
            "configurations": one.configurations,
            "temperature": temperature,
            "free_energy": round(float(one.free_energy[t]), 6),
            "formation_free_energy": round(float(one.formation[t]), 6) + 0.0,
            "above_hull": round(float(one.above_hull[t]), 6) + 0.0,
        }
        for one in found
        for t, temperature in enumerate(one.temperatures)
    ]
    import pyarrow as pa  # `check` does without

    schema = pa.schema(
        [
            pa.field("space", pa.string()),
            pa.field("content", pa.string()),
            pa.field("formula", pa.string()),
            Quantity("1", description="inequivalent arrangements").field("orbits", pa.int64()),
            Quantity("1", description="arrangements").field("configurations", pa.int64()),
            Quantity("K").field("temperature"),
            Quantity("eV", "cell", "total energies of the label", "configurational free energy").field("free_energy"),
            Quantity("eV", "atom", "the elements", "configurational free energy").field("formation_free_energy"),
            Quantity("eV", "atom", "the hull at this temperature", "free energy above the hull").field("above_hull"),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def thermodynamic_facts(spec: Spec, found: Sequence[Composition], selected: Mapping[str, Selected]) -> dict[str, Any]:
    """Return what a manifest says of free energies.

    Parameters
    ----------
    spec : Spec
        The spec, which asks for them.
    found : sequence of Composition
        The compositions.
    selected : mapping of str to Selected
        The spaces.
    """
    asked = spec.thermodynamics
    assert asked is not None
    every = sum(len(part.space.contents()) for part in selected.values())
    stable = {
        f"{temperature:g}": sorted({formula(o.space, o.content) for o in found if o.above_hull[t] < ON_HULL})
        for t, temperature in enumerate(asked.temperatures)
    }
    return {
        "label": spec.label(asked.label).label_name,
        "temperatures": list(asked.temperatures),
        "compositions": len(found),
        "left_out": every - len(found),
        "on_the_hull": stable,
    }
