"""Free energies of compositions: along a line for two species, on triangles for three."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.figures.figure import View, as_list, figure
from matbench_defects.dataset.thermodynamics import ON_HULL, Composition
from matbench_defects.plotting import COLOURS, DARK, GREY, canvas
from matbench_defects.spec.fields import VACANCY

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])
"""Of a triangle of side one; a line has the first two."""
INNER = 0.17
"""Side of the triangle of the second sublattice beside that of the first, where two vary."""


@figure("free_energies", order=25)
def free_energies(view: View, folder: Path) -> dict[str, str]:
    """Draw the free energy of each composition at the lowest and the highest temperature."""
    drawn = {}
    for name, part in view.selected.items():
        found = [one for one in view.free_energies if one.space is part.space]
        varying = varying_sublattices(part.space)
        if not found or not 1 <= len(varying) <= 2 or any(len(part.space.sublattices[i].species) > 3 for i in varying):
            continue
        path = f"free_energies{view.suffix(name)}.png"
        if len(varying) == 1 and len(part.space.sublattices[varying[0]].species) == 2:
            draw_line(folder / path, found, varying[0])
            drawn[path] = (
                "Configurational free energy of formation against composition, and the hull at each temperature"
            )
        else:
            draw_simplex(folder / path, found, varying)
            small = (
                " Small triangles are of the second sublattice, each where the first stands" if len(varying) > 1 else ""
            )
            drawn[path] = (
                f"Free energy above the hull of every composition at the lowest and the highest temperature; stars are "
                f"on the hull.{small}"
            ).rstrip(".")
    return drawn


def varying_sublattices(space: Space) -> list[int]:
    """Return the sublattices that hold several species."""
    return [i for i, sublattice in enumerate(space.sublattices) if len(sublattice.species) > 1]


def simplex_points(space: Space, contents: list[Content], varying: list[int]) -> NDArray[np.float64]:
    """Return where compositions stand: on a triangle, or on small ones at the points of a large one.

    Parameters
    ----------
    space : Space
        The space.
    contents : list of Content
        Its compositions.
    varying : list of int
        One or two sublattices of at most three species each.

    Returns
    -------
    ndarray of float, shape (len(contents), 2)
    """
    points = np.zeros((len(contents), 2))
    for order, i in enumerate(varying):
        counts = np.array([content[i] for content in contents], dtype=float)
        shares = counts / counts.sum(axis=1, keepdims=True)
        here = shares @ CORNERS[: shares.shape[1]]
        points += here if not order else INNER * (here - CORNERS.mean(axis=0))
    return points


def draw_simplex(path: Path, found: list[Composition], varying: list[int]) -> None:
    """Draw the free energy above the hull on triangles, at the lowest and the highest temperature.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    found : list of Composition
        Compositions of one space.
    varying : list of int
        The sublattices that vary, one or two.
    """
    space = found[0].space
    points = simplex_points(space, [one.content for one in found], varying)
    shown = sorted({0, len(found[0].temperatures) - 1})
    values = np.array([one.above_hull for one in found])
    most = float(values[:, shown].max()) or 1.0
    with canvas(path, 5.0 * len(shown), 4.6, ncols=len(shown), squeeze=False) as axes:
        dots: Any = None
        for axis, t in zip(as_list(axes), shown, strict=True):
            _frame(axis, space, [one.content for one in found], varying)
            dots = axis.scatter(*points.T, c=values[:, t], s=9, vmin=0, vmax=most, cmap="viridis_r", linewidths=0)
            stable = points[values[:, t] < ON_HULL]
            axis.scatter(*stable.T, marker="*", s=46, color=COLOURS[1], edgecolors="white", linewidths=0.4)
            _name_corners(axis, space, varying)
            axis.set_title(f"{found[0].temperatures[t]:g} K")
            axis.set_aspect("equal")
            axis.set_xlim(-0.25, 1.25)
            axis.set_ylim(-0.3, 1.2)
            axis.axis("off")
        dots.axes.figure.colorbar(dots, ax=as_list(axes), label="above the hull (eV per atom)", shrink=0.7)


def _frame(axis: Any, space: Space, contents: list[Content], varying: list[int]) -> None:
    """Draw the triangles that compositions stand on."""
    centres = np.unique(np.round(simplex_points(space, contents, varying[:1]), 6), axis=0)
    small = [centre + INNER * (CORNERS - CORNERS.mean(axis=0)) for centre in centres] if len(varying) > 1 else [CORNERS]
    for corners in small:
        axis.fill(*corners.T, facecolor="none", edgecolor=GREY, linewidth=0.5)


def _name_corners(axis: Any, space: Space, varying: list[int]) -> None:
    species = space.sublattices[varying[0]].species
    for name, corner in zip(species, CORNERS, strict=False):
        away = corner - CORNERS.mean(axis=0)
        axis.text(*(corner + 0.3 * away), _word(name), ha="center", va="center", color=DARK, fontweight="bold")
    if len(varying) > 1:
        inner = space.sublattices[varying[1]].species
        text = f"within each triangle: {', '.join(f'{_word(n)} {w}' for n, w in zip(inner, _WHERE, strict=False))}"
        axis.text(0.5, -0.27, text, ha="center", va="center", color=DARK, fontsize=7)


_WHERE = ("left", "right", "top")


def _word(species: str) -> str:
    return "vacancies" if species == VACANCY else species


def draw_line(path: Path, found: list[Composition], sublattice: int) -> None:
    """Draw free energies of formation against the share of a sublattice's first species, a line a temperature.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    found : list of Composition
        Compositions of one space.
    sublattice : int
        The sublattice that varies, of two species.
    """
    temperatures = found[0].temperatures
    shares = np.array([one.content[sublattice][0] / sum(one.content[sublattice]) for one in found])
    order = np.argsort(shares)
    name = found[0].space.sublattices[sublattice].species[0]
    with canvas(path, 5.4, 3.4) as axis:
        for position, t in enumerate(dict.fromkeys([0, len(temperatures) // 2, len(temperatures) - 1])):
            energy = 1000 * np.array([one.formation[t] for one in found])
            stable = np.array([one.above_hull[t] < ON_HULL for one in found])
            colour = COLOURS[position % len(COLOURS)]
            axis.plot(
                shares[order], energy[order], color=colour, lw=1, marker="o", ms=3, label=f"{temperatures[t]:g} K"
            )
            axis.scatter(shares[stable], energy[stable], marker="*", s=50, color=colour, zorder=3)
        axis.axhline(0, color=GREY, lw=0.6)
        axis.set_xlabel(f"share of {_word(name)}")
        axis.set_ylabel("free energy of formation (meV per atom)")
        axis.legend(title="stars: on the hull")
