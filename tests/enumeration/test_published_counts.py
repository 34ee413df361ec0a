"""Every count of the literature that the project reproduces, from real parent crystals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cases import space_of

from matbench_defects.enumeration.counting import count_all, count_inequivalent
from matbench_defects.enumeration.orderly import enumerate_configurations

LI = [1, 1, 3, 6, 11, 13, 17, 13, 11, 6, 3, 1, 1]
PATHWAY = "pathway: {species: K, cutoff: 3.9}"


def check(space, expected_order, everything, inequivalent, contents=None):
    """Compare counts, and the enumerated number and sum of multiplicities, with what is known."""
    contents = contents or space.contents()
    assert len(space.group) == expected_order
    assert sum(count_all(space, c) for c in contents) == everything
    assert sum(count_inequivalent(space, c) for c in contents) == inequivalent
    found = enumerate_configurations(space, contents)
    assert len(found) == inequivalent
    assert found.multiplicities.sum() == everything
    return found


def test_lno():
    space = space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 0..12, vacancy: rest}}")
    check(space, 144, 4096, 87)
    assert [count_inequivalent(space, c) for c in space.contents()][::-1] == LI


def test_nca():
    lithium, nickel = "Li: {Li: 0..12, vacancy: rest}", "Ni: {Ni: 9, Co: 2, Al: 1}"
    space = space_of("LiNiO2", "[2, 2, 1]", f"{{{lithium}, {nickel}}}")
    check(space, 144, 2_703_360, 20_760)
    by_lithium = [count_inequivalent(space, c) for c in space.contents()]
    assert by_lithium == by_lithium[::-1] and by_lithium[:7] == [10, 80, 375, 1157, 2512, 3953, 4586]
    assert sum(LI) * 660 == 57_420  # the number published for patterns times patterns
    check(space_of("LiNiO2", "[2, 2, 1]", f"{{{nickel}}}"), 144, 660, 10)


@pytest.mark.parametrize(
    ("n", "everything", "inequivalent"), [(1, 1024, 64), (2, 246_016, 15_552), (3, 24_601_600, 1_537_600)]
)
def test_kfeo2_structures(n, everything, inequivalent):
    space = space_of("KFeO2", "[2, 1, 1]", f"{{K: {{vacancy: {n}, K: rest}}, Fe: {{Ti: {n}, Fe: rest}}}}")
    check(space, 16, everything, inequivalent)


@pytest.mark.parametrize(
    ("n", "everything", "inequivalent"), [(1, 2048, 128), (2, 952_320, 59_520), (3, 138_086_400, 8_630_400)]
)
def test_kfeo2_pathways(n, everything, inequivalent):
    space = space_of("KFeO2", "[2, 1, 1]", f"{{K: {{vacancy: {n}, K: rest}}, Fe: {{Ti: {n}, Fe: rest}}}}", PATHWAY)
    check(space, 16, everything, inequivalent)


def test_kfeo2_edges():
    space = space_of("KFeO2", "[2, 1, 1]", "{K: {vacancy: 1, K: rest}}", PATHWAY)
    assert len(space.kind.points) == 64
    assert sorted(enumerate_configurations(space).multiplicities) == [8, 8, 16, 16, 16]


@pytest.mark.parametrize(
    ("parent", "supercell", "counts"),
    [
        ("gamma", "[2, 2, 2]", [1, 1, 15, 87, 632, 3225, 14_509]),
        ("delta", "[2, 4, 1]", [1, 1, 16, 87, 637, 3225, 14_544]),
    ],
)
def test_cspbi3(parent, supercell, counts):
    space = space_of(parent, supercell, "{Pb: {Cd: 0..6, Pb: rest}}")
    assert [count_inequivalent(space, c) for c in space.contents()] == counts
    check(space, 64, sum(math.comb(32, k) for k in range(7)), sum(counts))


@pytest.mark.parametrize(
    ("parent", "supercell", "inequivalent"), [("gamma", "[2, 1, 1]", 2_946_709), ("delta", "[1, 2, 1]", 2_995_462)]
)
def test_cspbi3_with_bromine(parent, supercell, inequivalent):
    space = space_of(parent, supercell, "{Pb: {Cd: 0..2, Pb: rest}, I: {Br: 0..8, I: rest}}")
    everything = sum(math.comb(8, i) for i in range(3)) * sum(math.comb(24, j) for j in range(9))
    check(space, len(space.group), everything, inequivalent)


def test_cspbi3_dense():
    space = space_of("gamma", "[2, 2, 2]", "{Pb: {Cd: [8, 12, 16], Pb: rest}}")
    counts = [count_inequivalent(space, c) for c in space.contents()]
    assert counts == [165_632, 3_534_424, 9_402_622]
    found = enumerate_configurations(space, space.contents()[:2])
    assert [len(part) for part in found.parts] == counts[:2]
    assert found.multiplicities.sum() == math.comb(32, 8) + math.comb(32, 12)


@pytest.mark.slow
def test_cspbi3_half_filled():
    space = space_of("gamma", "[2, 2, 2]", "{Pb: {Cd: 16, Pb: rest}}")
    check(space, 64, math.comb(32, 16), 9_402_622)


X_DEFECTS = {"vX": (1, 0), "sX": (0, 1), "2vX": (2, 0), "2sX": (0, 2), "vX+sX": (1, 1), "": (0, 0)}
LOW_DENSITY = [
    *[("", x, n) for x, n in [("vX", 1), ("sX", 1), ("2vX", 19), ("2sX", 19), ("vX+sX", 29)]],
    *[
        (metal, x, n)
        for metal in ("vM", "sM")
        for x, n in [("", 1), ("vX", 15), ("sX", 15), ("2vX", 743), ("2sX", 743), ("vX+sX", 1415)]
    ],
]


def mos2(defects: str) -> object:
    return space_of(
        "MoS2",
        "[8, 8, 1]",
        f"{{M: {{sites: [Mo], species: {{vacancy: {defects}, W: {defects}, Mo: rest}}}}, "
        f"X: {{sites: [S], species: {{vacancy: {defects}, Se: {defects}, S: rest}}}}}}",
    )


def test_2dmd_low_density():
    space = mos2("0..2")
    contents = []
    for metal, chalcogen, expected in LOW_DENSITY:
        a, b = {"vM": (1, 0), "sM": (0, 1), "": (0, 0)}[metal]
        c, d = X_DEFECTS[chalcogen]
        content = ((a, b, 64 - a - b), (c, d, 128 - c - d))
        assert count_inequivalent(space, content) == expected
        contents.append(content)
    check(space, 768, sum(count_all(space, c) for c in contents), 5933, contents)


def test_2dmd_four_defects():
    """All contents of exactly four defects, each a vacancy or a substitution on either sublattice."""
    space = mos2("0..4")
    contents = [c for c in space.contents() if sum(c[0][:2]) + sum(c[1][:2]) == 4]
    assert len(contents) == 35
    check(space, 768, sum(count_all(space, c) for c in contents), 1_170_765, contents)


def test_a_count_beyond_any_integer_type():
    space = mos2("0..30")
    content = ((30, 4, 30), (28, 30, 70))
    everything = count_all(space, content)
    assert everything > 10**75
    found = count_inequivalent(space, content)
    assert isinstance(found, int) and everything / 768 < found < everything / 768 * 1.000001


def borides():
    """Build W20B84: of W24B72 four tungsten atoms become triangles of boron.

    The triangles of neighbouring layers are turned by half a turn: so the host has the screw axis of its relaxed
    P6_3/m, where parallel ones would make it P-6 with 12 operations.
    """
    from pymatgen.core import Lattice, Structure

    cell = Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(5.20, 6.35), ["W", "W", "B"], [[0, 0, 0.25], [1 / 3, 2 / 3, 0.25], [1 / 3, 0, 0]]
    )
    replaced = np.array([[0, 0, 0.25], [0, 1, 0.75], [0, 0, 1.25], [0, 1, 1.75]]) @ cell.lattice.matrix
    host = cell * np.array([[1, 2, 0], [0, 3, 0], [0, 0, 2]])
    for layer, centre in enumerate(replaced):
        fractional = host.lattice.get_fractional_coords(centre)
        at = min(range(len(host)), key=lambda i: host[i].distance_and_image_from_frac_coords(fractional)[0])
        assert host[at].specie.symbol == "W" and host[at].distance_and_image_from_frac_coords(fractional)[0] < 1e-6
        middle = host[at].coords
        host.remove_sites([at])
        for angle in np.pi / 2 + np.pi * (layer % 2) + np.arange(3) * 2 * np.pi / 3:
            host.append("B", middle + [np.cos(angle), np.sin(angle), 0], coords_are_cartesian=True)
    return host


def test_higher_borides(tmp_path):
    host = borides()
    assert host.composition.reduced_formula == "B21W5" and len(host) == 104
    host.to(str(tmp_path / "host.cif"), significant_figures=12)
    (tmp_path / "spec.yaml").write_text(
        "name: borides\nversion: 1.0.0\ntitle: W20B84\nparent: {cif: host.cif, provenance: {source: built here}}\n"
        "supercell: [1, 1, 1]\nsublattices: {W: {Mo: 0..20, W: rest}}\n"
    )
    from matbench_defects.crystal.building import build_spaces
    from matbench_defects.spec.loading import load_spec

    space = build_spaces(load_spec(tmp_path / "spec.yaml"))["borides"]
    check(space, 24, 2**20, 46_996)
    # Eight metals share the pure tungsten boride.
    assert 8 * (46_996 - 1) + 1 == 375_961
