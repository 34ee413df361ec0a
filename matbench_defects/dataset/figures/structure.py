"""One configuration as it was put in and as it relaxed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.figures.figure import View, figure
from matbench_defects.dataset.targets import LabelledConfiguration
from matbench_defects.plotting import COLOURS, DARK, canvas
from matbench_defects.spec.fields import VACANCY

_EMPTY = 0.4
"""A crystal with a wider gap than this share of its third axis is a sheet, and is seen from above."""
_LARGEST = 0.75
"""Radius of the largest atoms drawn, Å."""
_VACANCY = 0.8
"""Radius of a vacancy, Å."""


@figure("structure", order=90)
def structure(view: View, folder: Path) -> dict[str, str]:
    """Draw the configuration with the lowest value of the first target, ideal and relaxed."""
    for target in view.targets.values():
        if not target.label or view.spec.label(target.label).relax is None:
            continue
        lowest: tuple[float, str, LabelledConfiguration] | None = None
        for row, value in view.known(target):
            if (lowest is None or (value, row.id) < lowest[:2]) and row.count("defect site"):
                lowest = (value, row.id, row)
        if lowest is not None:
            _, id_, row = lowest
            draw_structure(folder / "structure.png", row)
            return {"structure.png": f"{id_}, which has the lowest {target.name}: ideal, and relaxed by {target.label}"}
    return {}


def draw_structure(path: Path, row: LabelledConfiguration) -> None:
    """Draw the ideal and the relaxed structure of a configuration side by side.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    row : LabelledConfiguration
        A configuration with a usable label. Vacancies are drawn as empty circles on the ideal structure.
    """
    from matplotlib.lines import Line2D

    assert row.outcome is not None
    ideal = row.crystal
    vacant = row.space.positions[[i for i, species in enumerate(row.site_species) if species == VACANCY]]
    elements = list(dict.fromkeys([*row.space.host_elements, *ideal.species]))
    elements = [e for e in elements if e in ideal.species]
    with canvas(path, 8, 4.2, ncols=2) as axes:
        _draw(axes[0], ideal, vacant, row.space)
        axes[0].set_title("Ideal")
        _draw(axes[1], row.outcome.crystal, np.zeros((0, 3)), row.space)
        axes[1].set_title("Relaxed")
        handles = [
            Line2D([], [], marker="o", linestyle="", color=_colour(e), markeredgecolor=DARK, markersize=8)
            for e in elements
        ]
        names = list(elements)
        if len(vacant):
            handles.append(
                Line2D(
                    [], [], marker="o", linestyle="", markerfacecolor="none", markeredgecolor=COLOURS[1], markersize=8
                )
            )
            names.append("vacancy")
        axes[0].figure.legend(handles, names, ncols=len(names), fontsize=8, loc="outside lower center")


def _draw(axes: Any, crystal: Crystal, vacant: NDArray[np.float64], space: Space) -> None:
    from ase import Atoms
    from ase.data import covalent_radii
    from ase.visualize.plot import plot_atoms
    from matplotlib.patches import Circle

    atoms = crystal.to_ase()
    heights = np.sort((space.positions @ np.linalg.inv(space.lattice))[:, 2])
    empty = np.diff(np.append(heights, heights[0] + 1)).max()  # the widest gap between atoms, periodic
    colours = [_colour(e) for e in crystal.species] + ["none"] * len(vacant)
    radii = [min(0.5 * covalent_radii[n], _LARGEST) for n in atoms.numbers] + [_VACANCY] * len(vacant)
    if len(vacant):
        atoms += Atoms("X" * len(vacant), positions=vacant)
    plot_atoms(atoms, axes, radii=radii, colors=colours, rotation="" if empty > _EMPTY else "-82x,8y,0z")
    for patch in axes.patches:
        vacancy = isinstance(patch, Circle) and patch.get_facecolor()[3] == 0
        patch.set(linewidth=1.4 if vacancy else 0.5, edgecolor=COLOURS[1] if vacancy else DARK)
        if vacancy:
            patch.set_zorder(patch.get_zorder() + 1)  # one below another atom is to be seen too
    axes.set_axis_off()


def _colour(element: str) -> Any:
    from ase.data import atomic_numbers
    from ase.data.colors import jmol_colors

    return tuple(jmol_colors[atomic_numbers[element]])
