"""Which pictures a dataset gets, and from what."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.electrochemistry import VoltageStep, voltage_curve
from matbench_defects.dataset.figures import EnergySeries, draw_contents, draw_energies
from matbench_defects.dataset.targets import LabelledRow, ResolvedTarget
from matbench_defects.dataset.targets.formation_energy import FormationEnergy
from matbench_defects.labels.jobs import Selected
from matbench_defects.labels.store import Label
from matbench_defects.spec.fields import VACANCY

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def draw_pictures(
    folder: Path,
    selected: dict[str, Selected],
    targets: dict[str, ResolvedTarget],
    rows: dict[str, list[LabelledRow]],
    phases: dict[tuple[str, str], Label],
) -> dict[str, str]:
    """Draw what suits a dataset.

    Parameters
    ----------
    folder : path
        The dataset's folder; pictures go to ``figures/`` in it.
    selected : dict of str to Selected
        The spaces with their configurations.
    targets : dict of str to ResolvedTarget
        The targets.
    rows : dict of str to list of LabelledRow
        The configurations with each label, by the label's name.
    phases : dict of (str, str) to Label
        Labels of the reference phases, by label name and phase.

    Returns
    -------
    dict of str to str
        Path in the folder and caption of each picture.
    """
    pictures = {}
    path = "figures/contents.png"
    names, multiplicities = Counter[str](), []
    for part in selected.values():
        for one in part.configurations.parts:
            names[part.space.content_name(one.content)] += len(one)
        multiplicities.extend(part.configurations.multiplicities.tolist())
    draw_contents(folder / path, list(names), list(names.values()), multiplicities)
    pictures[path] = "Inequivalent configurations by content and by multiplicity"
    for name, part in selected.items():
        ion = _mobile(part.space)
        series = [] if ion is None else _series(part.space, ion, targets, rows, phases)
        if ion is None or not series:
            continue
        path = "figures/formation_energy.png" if len(selected) == 1 else f"figures/formation_energy_{name}.png"
        formula = part.space.parent.formula.translate(_SUBSCRIPTS)
        first = next(t for t in targets.values() if isinstance(t.computed, FormationEnergy))
        draw_energies(
            folder / path,
            f"{formula}: every inequivalent arrangement of {ion} and vacancies",
            f"{ion} per formula unit of {formula}",
            first.quantity.shown_unit,
            ion,
            series,
        )
        implied = ", and the voltage curve it implies" if any(one.voltage for one in series) else ""
        pictures[path] = f"Formation energies against {ion} content with the lower hull{implied}"
    return pictures


def _mobile(space: Space) -> str | None:
    """Return the species that leaves, where it is the only thing that varies."""
    varying = [s for s in space.sublattices if len(s.contents) > 1]
    if len(varying) != 1 or VACANCY not in varying[0].species or len(varying[0].species) != 2:
        return None
    return next(s for s in varying[0].species if s != VACANCY)


def _series(
    space: Space,
    ion: str,
    targets: dict[str, ResolvedTarget],
    rows: dict[str, list[LabelledRow]],
    phases: dict[tuple[str, str], Label],
) -> list[EnergySeries]:
    result = []
    for target in targets.values():
        if not isinstance(target.computed, FormationEnergy) or target.computed.settings.per != "formula_unit":
            continue
        usable = [row for row in rows[target.label] if row.label is not None and row.space is space]
        energies = target.computed.values(usable)
        amounts = [space.count(row.content, ion) / space.formula_units for row in usable]
        metal = phases.get((target.label, ion))
        voltage: list[VoltageStep] = []
        if metal is not None and metal.usable and metal.outcome is not None:
            known = [
                (row.label.outcome.energy, row.label.outcome.crystal)
                for row in usable
                if row.label and row.label.outcome
            ]
            voltage = voltage_curve(known, (metal.outcome.energy, metal.outcome.crystal), space.formula_units)
        result.append(EnergySeries(target.label, amounts, [e or 0.0 for e in energies], voltage))
    return result
