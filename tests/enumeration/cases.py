"""Parents of the published counts, and brute force to compare with."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import stages
from matbench_defects.crystal.space import Content, Space
from matbench_defects.spec.loading import load_spec

PARENTS = {
    "LiNiO2": """{spacegroup: R-3m, lattice: {a: 2.88, c: 14.19},
        sites: {Li: [0, 0, 0], Ni: [0, 0, 1/2], O: [0, 0, 0.26]}""",
    "KFeO2": """{spacegroup: Pbca, lattice: {a: 5.727, b: 11.457, c: 16.207}, sites: {
        K1: [.2384, .5091, .9404], K2: [.2800, .2668, .8154], Fe1: [.2281, .5105, .6899], Fe2: [.2665, .2638, .5651],
        O1: [.0506, .4812, .7876], O2: [.0419, .1927, .4941], O3: [.1320, .4062, .6041], O4: [.3369, .3323, .1577]}""",
    "gamma": """{spacegroup: Pnam, lattice: {a: 8.8561, b: 8.5766, c: 12.4722}, sites: {Cs: [.45995, .50509, .25],
        Pb: [0, .5, 0], I1: [.00113, .56202, .25], I2: [.30538, .69731, -.03577]}""",
    "delta": """{spacegroup: Pnma, lattice: {a: 10.87, b: 4.91, c: 18.41}, sites: {Cs: [.4188, .25, .8279],
        Pb: [.1615, .25, .0592], I1: [.2941, .25, .2102], I2: [.1675, .25, .4998], I3: [.0261, .25, .8909]}""",
    "MoS2": """{spacegroup: P-6m2, lattice: {a: 3.1903157, c: 14.879004},
        sites: {Mo: [0, 0, 0], S: [1/3, 2/3, 0.105]}""",
    "cubic": "{spacegroup: Pm-3m, lattice: {a: 4.0}, sites: {Na: [0, 0, 0], Cl: [1/2, 1/2, 1/2]}",
    "hexagonal": "{spacegroup: P6/mmm, lattice: {a: 3.0, c: 4.0}, sites: {Na: [0, 0, 0], Cl: [1/3, 2/3, 1/2]}",
    "rectangular": "{spacegroup: Pmm2, lattice: {a: 3, b: 4, c: 5}, sites: {Na: [0, 0, 0], Cl: [1/2, 0.3, 0.2]}",
    "general": "{spacegroup: P1, lattice: {a: 3, b: 4, c: 5, alpha: 80, beta: 95, gamma: 100}, "
    "sites: {Na: [0, 0, 0], Cl: [0.5, 0.4, 0.45]}",
    "fcc": "{spacegroup: F-43m, lattice: {a: 5.6}, sites: {Na: [0, 0, 0], Cl: [1/4, 1/4, 1/4]}",
}


def space_of(parent: str, supercell: str, sublattices: str, more: str = "") -> Space:
    """Build the only space of a spec from its parts as YAML."""
    text = f"""
name: case
version: 1.0.0
title: A case
parent: {PARENTS[parent]}, provenance: {{source: a test}}}}
supercell: {supercell}
sublattices: {sublattices}
{more}
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(text)
        return build_spaces(load_spec(path))["case"]


def every_occupation(space: Space, content: Content) -> Iterator[tuple[int, ...]]:
    """Yield every decoration of a content, one by one, and in a space of pathways every edge with each."""

    def place(remaining: list, occupation: np.ndarray, free: list[set[int]]) -> Iterator[tuple[int, ...]]:
        if not remaining:
            yield tuple(occupation.tolist())
            return
        stage = remaining[0]
        sites = sorted(free[stage.sublattice])
        sets = itertools.combinations(sites, stage.count)
        if stage.point:
            sets = iter([tuple(e) for e in space.kind.points.sites.tolist()])
        for chosen in sets:
            following = occupation.copy()
            following[list(chosen)] = stage.species
            left = list(free)
            left[stage.sublattice] = free[stage.sublattice] - set(chosen)
            yield from place(remaining[1:], following, left)

    placements, rest = stages(space, content)
    start = np.concatenate([np.full(r.stop - r.start, k) for r, k in zip(space.ranges, rest, strict=True)])
    yield from place(placements, start, [set(range(r.start, r.stop)) for r in space.ranges])


def orbits_of(space: Space, occupations: Iterator[tuple[int, ...]]) -> dict[frozenset[tuple[int, ...]], int]:
    """Sort decorations into orbits by applying every operation to every one: orbit -> number of members."""
    left = set(occupations)
    orbits = {}
    while left:
        member = np.array(next(iter(left)))
        images = np.empty((len(space.group), space.size), dtype=int)
        np.put_along_axis(images, space.group.astype(int), np.broadcast_to(member, images.shape), axis=1)
        orbit = frozenset(map(tuple, images.tolist()))
        left -= orbit
        orbits[orbit] = len(orbit)
    return orbits
