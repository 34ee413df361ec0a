"""Energies of a delithiated host against its content, their lower hull, and the voltage that it implies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.electrochemistry import VoltageStep, voltage_curve
from matbench_defects.dataset.figures.figure import View, figure, mobile_ion
from matbench_defects.dataset.hull import lower_hull
from matbench_defects.dataset.targets.end_members import formula
from matbench_defects.dataset.targets.formation_energy import FormationEnergy
from matbench_defects.plotting import COLOURS, GREY, canvas, chemical
from matbench_defects.spec.species import element_of


@dataclass(frozen=True)
class EnergySeries:
    """Formation energies by one label.

    Parameters
    ----------
    name : str
        The label, for the legend.
    amount : sequence of float
        Mobile atoms per formula unit of each configuration.
    energy : sequence of float
        Formation energy of each configuration.
    voltage : sequence of VoltageStep
        Its voltage curve; empty where there is none.
    """

    name: str
    amount: Sequence[float]
    energy: Sequence[float]
    voltage: Sequence[VoltageStep]


@figure("energies", order=20)
def energies(view: View, folder: Path) -> dict[str, str]:
    """Draw formation energies against the content of the mobile ion, with hull and voltage curve."""
    drawn = {}
    for name, parts in view.families.items():
        space = parts[0].space
        ion = mobile_ion(space)
        series = [] if ion is None else _series(view, space, ion)
        if ion is None or not series:
            continue
        host = host_formula(space, ion)
        number = sum(len(part.chosen) for part in parts)
        whole = all(part.whole and len(part.chosen) == len(part.configurations) for part in parts)
        every = "every inequivalent" if whole else f"{number} labelled"
        path = f"formation_energy{view.suffix(name)}.png"
        draw_energies(
            folder / path,
            f"{host}: {every} arrangement{'' if every.startswith('every') else 's'} of {ion} and vacancies",
            f"{ion} per formula unit of {host}",
            "eV per formula unit",
            ion,
            series,
        )
        implied = ", and the voltage curve it implies" if any(one.voltage for one in series) else ""
        drawn[path] = f"Formation energies against {ion} content with the lower hull{implied}"
    return drawn


def host_formula(space: Space, ion: str) -> str:
    """Return the formula of the content with the most mobile ions, for matplotlib."""
    return chemical(formula(space, max(space.contents(), key=lambda content: space.count(content, ion))))


def _series(view: View, space: Space, ion: str) -> list[EnergySeries]:
    result = []
    for target in view.of_kind("formation_energy"):
        assert isinstance(target.computed, FormationEnergy)
        known = view.known(target, space)
        if target.computed.settings.per != "formula_unit" or not known:
            continue
        amounts = [row.space.count(row.content, ion) / row.space.formula_units for row, _ in known]
        metal = view.labelled[target.label].phases.get(element_of(ion))
        voltage: list[VoltageStep] = []
        if metal is not None and metal.outcome is not None and not space.family:  # of one supercell
            outcomes = ((found.energy, found.crystal) for row, _ in known if (found := row.outcome))
            voltage = voltage_curve(outcomes, (metal.outcome.energy, metal.outcome.crystal), space.formula_units)
        result.append(EnergySeries(target.label, amounts, [value for _, value in known], voltage))
    return result


def draw_energies(path: Path, title: str, axis: str, unit: str, ion: str, series: Sequence[EnergySeries]) -> None:
    """Draw formation energies against content with the lower hull, and below it the voltage curve that it implies.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    title : str
        Title of the picture.
    axis : str
        Label of the content's axis.
    unit : str
        Unit of the energies.
    ion : str
        The working ion, for the voltage's axis.
    series : sequence of EnergySeries
        One a label.
    """
    with_voltage = any(s.voltage for s in series)
    rows = 2 if with_voltage else 1
    ratios = [1.5, 1] if with_voltage else [1]
    with canvas(path, 6.4, 6.2 if with_voltage else 4, nrows=rows, sharex=True, height_ratios=ratios) as axes:
        upper, lower = (axes[0], axes[1]) if with_voltage else (axes, None)
        upper.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        for colour, one in zip(COLOURS, series, strict=False):
            hull = lower_hull(one.amount, one.energy)
            upper.scatter(one.amount, one.energy, s=16, color=colour, alpha=0.45, linewidths=0, label=one.name)
            x, y = [one.amount[i] for i in hull], [one.energy[i] for i in hull]
            upper.plot(x, y, color=colour, linewidth=1.6, marker="o", markersize=4.5, label="its lower hull")
            if lower is not None and one.voltage:
                edges = [one.voltage[0].low, *(step.high for step in one.voltage)]
                lower.stairs([s.voltage for s in one.voltage], edges, baseline=None, color=colour, linewidth=1.6)
        upper.set_title(title, pad=24)
        upper.set_ylabel(f"Formation energy ({unit})")
        # Above the axes, where it hides no point.
        upper.legend(fontsize=8, ncols=2 * len(series), loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
        if lower is not None:
            lower.set_title(f"Equilibrium voltage of the hull, against {ion} metal by the same engine")
            lower.set_ylabel("Voltage (V)")
            lower.margins(y=0.15)
        (lower if lower is not None else upper).set_xlabel(axis)
