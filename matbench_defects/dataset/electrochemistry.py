"""Voltage of a cathode from its labelled configurations, through pymatgen's battery analysis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matbench_defects.crystal.structure import Crystal


@dataclass(frozen=True)
class VoltageStep:
    """One plateau of a voltage curve.

    Parameters
    ----------
    low : float
        Atoms of the working ion per formula unit at its charged end.
    high : float
        The same at its discharged end.
    voltage : float
        Average voltage between the two, V against the metal.
    """

    low: float
    high: float
    voltage: float


def voltage_curve(
    energies: Iterable[tuple[float, Crystal]], metal: tuple[float, Crystal], formula_units: int
) -> list[VoltageStep]:
    """Return the equilibrium voltage curve at zero temperature.

    Parameters
    ----------
    energies : iterable of (float, Crystal)
        Total energy in eV and structure of each configuration of one supercell.
    metal : (float, Crystal)
        Total energy in eV and structure of the working ion's metal, computed with the same engine.
    formula_units : int
        Formula units of the supercell.

    Returns
    -------
    list of VoltageStep
        From charged to discharged; each step joins neighbouring points of the lower hull (Aydinol et al., Phys. Rev. B
        56, 1354 (1997), doi:10.1103/PhysRevB.56.1354). Energies stand for free energies.
    """
    from pymatgen.apps.battery.insertion_battery import InsertionElectrode
    from pymatgen.entries.computed_entries import ComputedEntry, ComputedStructureEntry

    (ion,) = set(metal[1].species)
    lowest: dict[int, tuple[float, Crystal]] = {}
    for energy, crystal in energies:  # only the lowest of a content can lie on the hull
        count = crystal.species.count(ion)
        if count not in lowest or energy < lowest[count][0]:
            lowest[count] = (energy, crystal)
    entries = [ComputedStructureEntry(c.to_pymatgen(), e, entry_id=str(n)) for n, (e, c) in sorted(lowest.items())]
    electrode = InsertionElectrode.from_entries(entries, ComputedEntry({ion: len(metal[1])}, metal[0]))
    framework = min(lowest.values(), key=lambda pair: len(pair[1]))[1]
    units_per_atom = formula_units / sum(s != ion for s in framework.species)
    steps = []
    for pair in electrode.voltage_pairs:
        ends = []
        for entry in (pair.entry_charge, pair.entry_discharge):
            amounts = entry.composition.get_el_amt_dict()
            rest = sum(n for e, n in amounts.items() if e != ion)
            ends.append(amounts.get(ion, 0.0) / (rest * units_per_atom))
        steps.append(VoltageStep(min(ends), max(ends), float(pair.voltage)))
    return sorted(steps, key=lambda step: step.low)
