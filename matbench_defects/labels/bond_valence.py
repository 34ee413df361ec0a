"""Barriers in the energy landscape of bond-valence sums: empirical, a second a hop; bvlain is an optional extra."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
from collections.abc import Mapping
from importlib.metadata import version as package_version
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.crystal.hop import Hop
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Band, EngineSettings, Outcome, engines, require_extra
from matbench_defects.labels.engines.ewald import charge_of_each
from matbench_defects.spec.fields import Species
from matbench_defects.spec.models import Relaxation

CHUNK = 2048
"""Points whose distances from the framework are held at once."""


class BondValenceSettings(EngineSettings):
    """Settings of a bond-valence energy landscape."""

    charges: Annotated[dict[Species, float], Field(min_length=1)]
    """Charge of each element, elementary charges, such as ``{K: 1, Fe: 3, Ti: 4, O: -2}``. None is guessed. There are
    parameters for whole charges only."""
    spacing: Annotated[float, Field(ge=0.05, le=0.5)] = 0.1
    """Distance between grid points, Å. Barriers of K in KFeO2 change by 0.01 eV below 0.1 and by 0.1 eV at 0.2."""
    radius: Annotated[float, Field(ge=0.5, le=3)] = 1.5
    """The path stays this near to the straight line between the two sites, Å, so that it visits no third site."""
    cutoff: Annotated[float, Field(ge=5, le=20)] = 10.0
    """Ions of the framework farther away than this, Å, do not count."""


def bond_valence_framework(crystal: Crystal, mobile: str, charges: Mapping[str, float]) -> Any:
    """Return what stands still while an ion moves, with the parameters of each ion.

    Every ion of the mobile element is left out, as is usual for such landscapes: they do not repel one another.

    Parameters
    ----------
    crystal : Crystal
        The structure.
    mobile : str
        The element that moves.
    charges : mapping of str to float
        Charge of each element, elementary charges.

    Returns
    -------
    bvlain.Lain
        Its ``atoms`` are the framework, with arrays of parameters.

    Raises
    ------
    InputError
        If an element has no charge, or bvlain has no parameters for it.
    """
    from bvlain import Lain

    each = charge_of_each(crystal, charges)
    charge = charges[mobile]
    if charge == 0 or charge % 1:
        raise InputError(f"{mobile} moves and has the charge {charge:g}; a whole number was expected")
    if not any(charges[species] * charge < 0 for species in crystal.species):
        raise InputError(f"nothing binds {mobile}: no other ion has the opposite charge")
    structure = crystal.to_pymatgen()
    structure.add_oxidation_state_by_site(each)
    lain = Lain(verbose=False)
    lain.read_structure(structure, oxi_check=False)
    try:
        # The parameters come with a grid of energies: one of few points, since ours follows the hop. bvlain reads them
        # from its own files, and prints where it finds none.
        with contextlib.redirect_stdout(io.StringIO()):
            lain.bvse_distribution(
                f"{mobile}{abs(charge):.0f}{'+' if charge > 0 else '-'}",
                r_cut=1.0,
                resolution=min(lain.cell.lengths()) / 2,
                k=2,
                use_softbv_covalent_radii=True,
            )
    except KeyError:
        beside = ", ".join(f"{s} {charges[s]:+g}" for s in sorted(set(crystal.species) - {mobile}))
        raise InputError(f"bvlain has no parameters for {mobile} {charge:+g} beside {beside}") from None
    return lain


def bond_valence_energies(
    framework: Any, points: NDArray[np.float64], cutoff: float = BondValenceSettings.model_fields["cutoff"].default
) -> NDArray[np.float64]:
    """Return the bond-valence site energy of a mobile ion at given points.

    A Morse potential towards ions of opposite charge and a screened Coulomb repulsion from those of the same sign:
    Chen, Wong and Adams, Acta Cryst. B 75, 18 (2019), doi:10.1107/S2052520618015718, with the parameters of Chen and
    Adams, IUCrJ 4, 614 (2017), doi:10.1107/S2052252517010211, as bvlain has both.

    Parameters
    ----------
    framework : bvlain.Lain
        What `bond_valence_framework` returns.
    points : ndarray of float, shape (n, 3)
        Cartesian positions, Å.
    cutoff : float
        Ions farther away than this, Å, do not count.

    Returns
    -------
    ndarray of float, shape (n,)
        eV.
    """
    from bvlain.potentials import BVSEPotential
    from pymatgen.optimization.neighbors import find_points_in_spheres
    from scipy.spatial.distance import cdist

    atoms = framework.atoms
    lattice = np.ascontiguousarray(atoms.cell.array)
    middle = points.mean(axis=0, keepdims=True)
    _, ions, images, _ = find_points_in_spheres(
        np.ascontiguousarray(atoms.positions),
        middle,
        r=cutoff + float(np.linalg.norm(points - middle, axis=1).max()),
        pbc=np.ones(3, dtype=np.int64),
        lattice=lattice,
        tol=1e-8,
    )
    positions = atoms.positions[ions] + images @ lattice
    charges = atoms.arrays["oxi_states"][ions]
    binding, repelling = charges * framework.q_mi < 0, charges * framework.q_mi > 0
    r_min, d0, alpha = (atoms.arrays[name][ions[binding]] for name in ("r_min", "d0", "alpha"))
    radii, shells = (atoms.arrays[name][ions[repelling]] for name in ("r_c", "n"))
    energies = np.zeros(len(points))
    for start in range(0, len(points), CHUNK):
        some = points[start : start + CHUNK]
        far = cdist(some, positions[binding])
        bound = BVSEPotential.Morse(far, r_min, d0, alpha) * (far <= cutoff)
        far = cdist(some, positions[repelling])
        repelled = BVSEPotential.Coulomb(
            far, framework.q_mi, charges[repelling], framework.rc_mi, radii, framework.n_mi, shells
        ) * (far <= cutoff)
        energies[start : start + CHUNK] = bound.sum(axis=1) + repelled.sum(axis=1)
    return energies


def points_along(
    vector: NDArray[np.float64], spacing: float, radius: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the grid points within a distance of a straight line that begins at the origin.

    Parameters
    ----------
    vector : ndarray of float, shape (3,)
        Where the line ends, Å. The grid follows it, so that equivalent lines have equivalent points.
    spacing : float
        Distance between points, Å; along the line a little less, so that both ends are points.
    radius : float
        Distance, Å.

    Returns
    -------
    index : ndarray of int, shape (n, 3)
        Position on the grid, first along the line.
    points : ndarray of float, shape (n, 3)
        Cartesian positions, Å.
    """
    length = float(np.linalg.norm(vector))
    across = np.linalg.svd(vector[None, :])[2][1:]
    step = length / np.ceil(length / spacing)
    beyond, beside = int(radius // step), int(radius // spacing)
    last = round(length / step) + beyond
    ranges = (range(-beyond, last + 1), range(-beside, beside + 1), range(-beside, beside + 1))
    index = np.array(list(itertools.product(*ranges)))
    along, aside = index[:, 0] * step, index[:, 1:] * spacing
    off = along - np.clip(along, 0, length)
    kept = off**2 + (aside**2).sum(axis=1) <= radius**2
    return index[kept], along[kept, None] * vector / length + aside[kept] @ across


def neighbouring_points(index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return each pair of neighbouring grid points, corners included, once, and which points lack a neighbour.

    Parameters
    ----------
    index : ndarray of int, shape (n, 3)
        Positions on the grid, all different.

    Returns
    -------
    first, second : ndarray of int, shape (pairs,)
        Numbers of the points.
    border : ndarray of bool, shape (n,)
        Whether fewer than the 26 neighbours of a point are there.
    """
    inside = index - index.min(axis=0) + 1
    number = np.full(inside.max(axis=0) + 2, -1)
    number[tuple(inside.T)] = np.arange(len(index))
    pairs = []
    for step in itertools.product((-1, 0, 1), repeat=3):
        if step > (0, 0, 0):
            there = number[tuple((inside + step).T)]
            pairs.append(np.stack([np.flatnonzero(there >= 0), there[there >= 0]]))
    first, second = np.concatenate(pairs, axis=1)
    return first, second, np.bincount(np.concatenate([first, second]), minlength=len(index)) < 26


def lowest_path(
    energies: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64], start: int, end: int
) -> list[int]:
    """Return the path between two points whose highest energy is as low as it can be.

    It runs along the minimum spanning tree, and so any two points of it have no lower path either.

    Parameters
    ----------
    energies : ndarray of float, shape (n,)
        Energy of each point.
    first, second : ndarray of int, shape (pairs,)
        Which points are neighbours, each pair once.
    start, end : int
        The two points.

    Returns
    -------
    list of int
        Points from `start` to `end`.

    Raises
    ------
    InputError
        If no path joins them.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    # A weight of zero would be no connection, so they begin at one.
    weights = np.maximum(energies[first], energies[second]) - energies.min() + 1.0
    tree = minimum_spanning_tree(coo_array((weights, (first, second)), shape=(len(energies),) * 2).tocsr())
    _, before = breadth_first_order(tree, start, directed=False)
    path = [end]
    while path[-1] != start:
        if before[path[-1]] < 0:
            raise InputError("no path joins the two points")
        path.append(int(before[path[-1]]))
    return path[::-1]


@engines.register("bond-valence")
class BondValence:
    """Barrier of a hop in the bond-valence site energies of one ion, all others standing still.

    The framework is that of the ideal first end point and does not give way, and other mobile ions do not count, so
    barriers come out far too high; what they are good for is order. Each end of the path is the lowest grid point
    within a third of the hop's length from its site; between them the path is the one whose highest point is lowest.
    """

    Settings: ClassVar[type[EngineSettings]] = BondValenceSettings
    packages: ClassVar[tuple[str, ...]] = ("bvlain",)
    labels: ClassVar[Literal["structures", "pathways", "rows"]] = "pathways"
    relaxation: ClassVar[Literal["possible", "needed", "impossible"]] = "impossible"
    level_of_theory: str = (
        "empirical bond-valence force field with softBV parameters (doi:10.1107/S2052520618015718), one ion in a rigid "
        "ideal framework; not machine-learned, not DFT"
    )

    def __init__(self, settings: BondValenceSettings) -> None:
        require_extra("bond-valence")
        self.settings = settings

    @property
    def version(self) -> str:
        """The package and its version."""
        return f"bvlain {package_version('bvlain')}"

    def compute(self, hop: Hop, relax: Relaxation | None) -> Outcome:
        """Return the lowest path of a hop; energies are those of the ion that hops."""
        settings = self.settings
        framework = bond_valence_framework(hop.first, hop.first.species[hop.atom], settings.charges)
        index, points = points_along(hop.vector, settings.spacing, settings.radius)
        energies = bond_valence_energies(framework, points + hop.first.positions[hop.atom], settings.cutoff)
        ends = []
        for site in (np.zeros(3), hop.vector):
            near = np.linalg.norm(points - site, axis=1) <= np.linalg.norm(hop.vector) / 3
            ends.append(int(np.flatnonzero(near)[energies[near].argmin()]))
        first, second, border = neighbouring_points(index)
        path = lowest_path(energies, first, second, *ends)
        highest = path[int(energies[path].argmax())]

        def with_ion_at(point: int) -> NDArray[np.float64]:
            positions = hop.first.positions.copy()
            positions[hop.atom] += points[point]
            return positions

        return Outcome(
            energy=float(energies[path[0]]),
            crystal=dataclasses.replace(hop.first, positions=with_ion_at(path[0])),
            max_force=None,
            max_stress=None,
            magnetic_moments=None,
            converged=True,
            steps=0,
            band=Band(energies[path], with_ion_at(highest), with_ion_at(path[-1]), hop.atom),
            problem=f"the path leaves the radius of {settings.radius:g} Å" if border[highest] else "",
        )
