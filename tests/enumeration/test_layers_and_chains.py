"""Supercells that grow along one or two directions: layers and chains."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from agreement import ids_by_every_command

import matbench_defects as md
from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.estimate import estimate_spaces
from matbench_defects.errors import InputError

SOURCE = {"source": "a test", "verified": False}
OBLIQUE = {"a": 3.0, "b": 4.1, "c": 12.0, "gamma": 101.0}


def spec_of(group, lattice, directions, sizes="1..6", sites=None, **more):
    return {
        "name": "layer",
        "version": "1.0.0",
        "title": "A layer",
        "parent": {
            "spacegroup": group,
            "lattice": lattice,
            "sites": sites or {"Cu": [0, 0, 0]},
            "provenance": SOURCE,
        },
        "supercell": {"sizes": sizes, **({"directions": directions} if directions else {})},
        "sublattices": {"Cu": {"Au": "0..64", "Cu": "rest"}},
        **more,
    }


def shapes_by_size(spec):
    return list(Counter(len(s.cells.offsets) for s in build_spaces(md.load_spec(spec)).values()).values())


def divisors(n):
    return [d for d in range(1, n + 1) if n % d == 0]


def sigma(n):
    """Sublattices of index n of a plane lattice."""
    return sum(divisors(n))


def ideals(n, kronecker):
    """Ideals of norm n, the sublattices that a rotation by 90 (period 4) or 60 degrees (period 3) keeps."""
    return sum(kronecker[d % len(kronecker)] for d in divisors(n))


@pytest.mark.parametrize(
    ("group", "lattice", "expected"),
    [
        ("P112/m", OBLIQUE, [sigma(n) for n in range(1, 13)]),  # A000203
        ("P4/m", {"a": 3.0, "c": 12.0}, [(sigma(n) + ideals(n, [0, 1, 0, -1])) // 2 for n in range(1, 13)]),  # A145392
        ("P4/mmm", {"a": 3.0, "c": 12.0}, [1, 2, 2, 4, 3, 5, 3, 7, 5, 7, 4, 11]),  # A054346
        ("P6/m", {"a": 3.0, "c": 12.0}, [(sigma(n) + 2 * ideals(n, [0, 1, -1])) // 3 for n in range(1, 13)]),  # A145394
        ("P6/mmm", {"a": 3.0, "c": 12.0}, [1, 1, 2, 3, 2, 3, 3, 5, 4, 4, 3, 8]),  # A003051
    ],
)
def test_shapes_of_plane_lattices(group, lattice, expected):
    assert shapes_by_size(spec_of(group, lattice, ["a", "b"], "1..12")) == expected
    assert shapes_by_size(spec_of(group, lattice, ["c"], "1..12")) == [1] * 12


def test_any_two_vectors_make_a_plane():
    """Lattices in the planes of a and b, a and c, b and c of one orthorhombic crystal: four diagonal or centred."""
    lattice = {"a": 3.0, "b": 4.0, "c": 5.0}
    counts = [shapes_by_size(spec_of("Pmmm", lattice, list(two))) for two in itertools.combinations("abc", 2)]
    # A069734: sublattices of index n up to reflections of a rectangular lattice.
    assert counts == [[1, 3, 3, 6, 4, 9]] * 3
    for two in itertools.combinations((0, 1, 2), 2):
        (other,) = set(range(3)) - set(two)
        spec = spec_of("Pmmm", lattice, ["abc"[i] for i in two], 6)
        for space in build_spaces(md.load_spec(spec)).values():
            assert space.cells.rows[other].tolist() == np.eye(3, dtype=int)[other].tolist()
            assert not space.cells.rows[list(two), other].any()


def in_the_plane(size, turns):
    """Colourings of a plane lattice in two colours with so many sites in the primitive cell, none carried to another.

    Each repeats itself along `size` times both vectors, so that it is an array of so many rows and columns.
    """
    cells = list(itertools.product(range(size), repeat=2))
    place = {cell: i for i, cell in enumerate(cells)}
    moves = []
    for turn in turns:
        for x, y in cells:
            images = [(turn @ cell + (x, y)) % size for cell in cells]
            moves.append([place[tuple(image.tolist())] for image in images])
    shifts = [[place[(a + x) % size, (b + y) % size] for a, b in cells] for x, y in cells]
    left = set()
    for colours in itertools.product((0, 1), repeat=len(cells)):
        if sum(all(colours[s] == colours[i] for i, s in enumerate(shift)) for shift in shifts) == size:
            left.add(colours)
    orbits = 0
    while left:
        one = left.pop()
        left -= {tuple(one[i] for i in move) for move in moves}
        orbits += 1
    return orbits


def turns_of(*generators):
    found = {(1, 0, 0, 1)}
    while True:
        more = found | {
            tuple((np.array(a).reshape(2, 2) @ np.array(b).reshape(2, 2)).ravel().tolist())
            for a in found
            for b in generators
        }
        if more == found:
            return [np.array(one).reshape(2, 2) for one in found]
        found = more


@pytest.mark.parametrize(
    ("group", "lattice", "turns"),
    [
        ("P112/m", OBLIQUE, turns_of((-1, 0, 0, -1))),
        ("P4/m", {"a": 3.0, "c": 12.0}, turns_of((0, -1, 1, 0))),
        ("P4/mmm", {"a": 3.0, "c": 12.0}, turns_of((0, -1, 1, 0), (0, 1, 1, 0))),
        ("P6/mmm", {"a": 3.0, "c": 12.0}, turns_of((1, -1, 1, 0), (0, 1, 1, 0))),
        ("Cmmm", {"a": 3.0, "b": 4.0, "c": 12.0}, turns_of((-1, 0, 0, -1), (0, 1, 1, 0))),
    ],
)
def test_colourings_of_plane_lattices_by_brute_force(group, lattice, turns):
    found = Counter()
    for one in estimate_spaces(md.load_spec(spec_of(group, lattice, ["a", "b"], "1..4"))):
        found[len(one.space.cells.offsets)] += one.inequivalent
    assert dict(found) == {n: in_the_plane(n, turns) for n in range(1, 5)}


def test_colourings_of_a_chain():
    """Bracelets of n beads that are no repetition of a shorter one, A001371."""
    found = Counter()
    for one in estimate_spaces(md.load_spec(spec_of("P4/mmm", {"a": 9.0, "c": 3.0}, ["c"], "1..8"))):
        found[len(one.space.cells.offsets)] += one.inequivalent
    assert list(found.values()) == [2, 1, 2, 3, 6, 8, 16, 24]


MOS2 = {
    "Mo": [0, 0, 0],
    "S": ["1/3", "2/3", 0.105],
}


def sheet(sizes, directions=("a", "b"), **more):
    spec = spec_of("P-6m2", {"a": 3.1903, "c": 14.879}, list(directions), sizes, MOS2)
    return {**spec, "sublattices": {"S": {"S": "rest", "vacancy": "0..1"}}, **more}


@pytest.mark.slow
def test_every_command_means_the_same(tmp_path):
    ids = ids_by_every_command(sheet("1..4"), tmp_path, {"Mo": 4, "S": -2})
    assert len(ids) == 2 + 1 + 2 + 3  # one host, and a vacancy in each shape, all of whose sites are alike
    spaces = build_spaces(md.load_spec(sheet("1..4"))).values()
    assert all(np.allclose(s.lattice[2], [0, 0, 14.879]) and np.allclose(s.lattice[:2, 2], 0) for s in spaces)


def test_a_sheet_does_not_double_its_vacuum():
    spec = md.load_spec(sheet("1..4"))
    (one,) = [c for c in spec.space("layer-2-1").enumerate() if c.content != ((4, 0),)]
    atoms = one.to_ase()
    assert spec.identify(atoms).id == one.id == spec.identify(atoms.repeat((2, 3, 1))).id
    assert spec.identify(atoms.repeat((2, 3, 1))).copies == 6 == spec.identify(atoms.repeat((1, 2, 3))).copies
    host = next(c for c in spec.space("layer-1-1").enumerate() if c.content == ((2, 0),))
    stacked = host.to_ase().repeat((1, 1, 2))
    del stacked[next(a.index for a in stacked if a.symbol == "S")]
    reason = spec.identify(stacked).reason
    assert reason == "it has 2 parent cells, along directions in which those of layer do not grow"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            spec_of("Fm-3m", {"a": 4.0}, ["a", "b"]),
            r"directions: the crystal repeats itself along a/2 \+ c/2, which leads out of the plane of a and b: ",
        ),
        (
            spec_of("Pm-3m", {"a": 4.0}, ["a", "b"]),
            "supercell.directions: symmetry carries b to -c, so a and b are",
        ),
        (spec_of("P6/mmm", {"a": 4.0, "c": 5.0}, ["a"]), r"symmetry carries a to .*b, so a are no line of their own"),
        (
            spec_of("R-3m", {"a": 2.9, "c": 14.2}, ["a", "b"]),
            r"repeats itself along a/3 \+ 2b/3 \+ 2c/3, which leads out of the plane of a and b",
        ),
        (
            spec_of("Cmmm", {"a": 3, "b": 4, "c": 5}, ["a"]),
            r"repeats itself along a/2 \+ b/2, which leads off the line",
        ),
        (spec_of("P1", OBLIQUE, ["a", "x"]), "supercell.directions.1: input should be 'a', 'b' or 'c', not 'x'"),
        (spec_of("P1", OBLIQUE, ["a", "a"]), "supercell: a direction is named twice in a, a"),
        ({**spec_of("P1", OBLIQUE, None), "supercell": {"sizes": 2, "directions": []}}, "at least 1 item"),
        (
            {**spec_of("P1", OBLIQUE, None), "supercell": {"sizes": 2, "direction": ["a"]}},
            "unknown field; did you mean 'directions'",
        ),
    ],
)
def test_what_is_no_layer_is_refused(spec, message):
    with pytest.raises(InputError, match=message):
        build_spaces(md.load_spec(spec))


def test_all_directions_are_those_of_a_crystal():
    one, other = spec_of("Fm-3m", {"a": 4.0}, ["c", "a", "b"]), spec_of("Fm-3m", {"a": 4.0}, None)
    assert shapes_by_size(one) == shapes_by_size(other) == [1, 2, 3, 7, 5, 10]
