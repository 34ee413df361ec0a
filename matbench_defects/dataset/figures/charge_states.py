"""Formation energies of charged defects against the Fermi level."""

from __future__ import annotations

from pathlib import Path

from matbench_defects.dataset.charge_transitions import formation_energy_at, stable_states
from matbench_defects.dataset.figures.figure import View, figure
from matbench_defects.dataset.targets.charged_defect_formation_energy import ChargedDefectFormationEnergy, ChargedRow
from matbench_defects.dataset.targets.target import labelled_for
from matbench_defects.plotting import COLOURS, GREY, canvas

MOST_DRAWN = len(COLOURS)
"""So many configurations are drawn, those of lowest formation energy in the middle of the gap."""


@figure("charge_states", order=35)
def charge_states(view: View, folder: Path) -> dict[str, str]:
    """Draw the formation energy of the stable charge state over the gap, with the lines of all states."""
    drawn = {}
    for target in view.of_kind("charged_defect_formation_energy"):
        assert isinstance(target.computed, ChargedDefectFormationEnergy)
        found = target.computed.charged_rows(labelled_for(target, view.labelled))
        rows = sorted(
            (one for one in found if one is not None), key=lambda one: formation_energy_at(one.lines, one.band_gap / 2)
        )
        if rows:
            path = f"{target.name}_over_gap.png"
            draw_charge_states(folder / path, rows[:MOST_DRAWN])
            drawn[path] = (
                "Defect formation energy against the Fermi level; thin lines are single charge states, dots transition "
                f"levels{f', {MOST_DRAWN} lowest of {len(rows)}' if len(rows) > MOST_DRAWN else ''}"
            )
    return drawn


def draw_charge_states(path: Path, rows: list[ChargedRow]) -> None:
    """Draw formation energies over the gap.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    rows : list of ChargedRow
        The configurations.
    """
    with canvas(path, 6.4, 4) as axes:
        for colour, one in zip(COLOURS, rows, strict=False):
            for charge, energy in one.lines.items():
                ends = [energy, energy + charge * one.band_gap]
                axes.plot([0, one.band_gap], ends, color=colour, linewidth=0.6, alpha=0.4, zorder=1)
            states = stable_states(one.lines, one.band_gap)
            levels = [0.0, *(state.high for state in states)]
            heights = [formation_energy_at(one.lines, level) for level in levels]
            axes.plot(levels, heights, color=colour, linewidth=1.6, label=one.row.id, zorder=2)
            axes.scatter(levels[1:-1], heights[1:-1], color=colour, s=18, zorder=3)
            for state in states:
                middle = (state.low + state.high) / 2
                where = (middle, formation_energy_at(one.lines, middle))
                axes.annotate(f"{state.charge:+d}" if state.charge else "0", where, (0, 4), textcoords="offset points")
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
        axes.axvline(rows[0].band_gap, color=GREY, linewidth=0.8, zorder=0)
        axes.set_xlabel("Fermi level above the valence-band maximum (eV)")
        axes.set_ylabel("Defect formation energy\n(eV per cell)")
        axes.legend(fontsize=7)
