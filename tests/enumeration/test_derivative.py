"""Supercell shapes and derivative structures against published numbers and brute force."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from cases import PARENTS, space_of

from matbench_defects.crystal.shapes import hermite_normal_form, primitive, supercell_shapes
from matbench_defects.crystal.symmetry import Cells, site_permutations
from matbench_defects.enumeration.conditions import lattice_translations
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.derivative import derivative_structures

PARENTS["copper"] = "{spacegroup: Fm-3m, lattice: {a: 3.6}, sites: {Cu: [0, 0, 0]}"
PARENTS["iron"] = "{spacegroup: Im-3m, lattice: {a: 2.87}, sites: {Fe: [0, 0, 0]}"


def lattice_of(name, symbol):
    return primitive(space_of(name, "[1, 1, 1]", f"{{{symbol}: {{Au: 0..1, {symbol}: rest}}}}").parent)


def binary(parent, rows):
    """A binary alloy on one supercell of a primitive parent of one atom."""
    space = space_of("copper", "[1, 1, 1]", "{Cu: {Au: 0..4, Cu: rest}}")
    size = round(abs(np.linalg.det(rows)))
    sublattice = dataclasses.replace(
        space.sublattices[0], sites=np.arange(size), contents=tuple((n, size - n) for n in range(size + 1))
    )
    return dataclasses.replace(space, parent=parent, cells=Cells.of(rows), sublattices=(sublattice,), memory={})


def test_the_primitive_cell_of_fcc():
    parent = lattice_of("copper", "Cu")
    assert len(parent.species) == 1 and len(parent.rotations) == 48
    assert np.isclose(abs(np.linalg.det(parent.lattice)), 3.6**3 / 4)
    assert len(primitive(parent).species) == 1
    lno = primitive(space_of("LiNiO2", "[1, 1, 1]", "{Li: {Li: 3}}").parent)
    assert sorted(lno.species) == ["Li", "Ni", "O", "O"] and len(lno.rotations) == 12
    assert site_permutations(lno, Cells.of(np.eye(3, dtype=np.int64))).shape == (12, 4)


@pytest.mark.parametrize(
    ("name", "symbol", "numbers"),
    [  # sizes 1-10, Hart and Forcade 2008, table of superlattices
        ("copper", "Cu", [1, 2, 3, 7, 5, 10, 7, 20, 14, 18]),
        ("iron", "Fe", [1, 2, 3, 7, 5, 10, 7, 20, 14, 18]),
    ],
)
def test_shapes_of_cubic_lattices(name, symbol, numbers):
    parent = lattice_of(name, symbol)
    assert [len(supercell_shapes(parent, n)) for n in range(1, 11)] == numbers


def test_normal_forms_name_lattices():
    generator = np.random.default_rng(0)
    for _ in range(50):
        rows = generator.integers(-4, 5, (3, 3))
        if round(np.linalg.det(rows)) == 0:
            continue
        form = hermite_normal_form(rows)
        change = form @ np.linalg.inv(rows)
        assert np.allclose(change, np.round(change)) and round(abs(np.linalg.det(change))) == 1
        assert (np.diag(form) > 0).all() and (form[np.tril_indices(3, -1)] == 0).all()
        assert all(0 <= form[i, j] < form[j, j] for i, j in itertools.combinations(range(3), 2))
        shear = np.array([[1, 2, 0], [0, 1, -1], [0, 0, -1]])
        assert (hermite_normal_form(shear @ rows) == form).all()


def test_derivative_structures_of_fcc():
    parent = lattice_of("copper", "Cu")
    labelled, exchanged = [], []
    for size in range(2, 8):
        spaces = [binary(parent, rows) for rows in supercell_shapes(parent, size)]
        labelled.append(sum(len(derivative_structures(s)) for s in spaces))
        exchanged.append(sum(len(derivative_structures(s, exchange=True)) for s in spaces))
    assert labelled[:5] == [2, 6, 19, 28, 80]
    assert exchanged == [2, 3, 12, 14, 50, 52]


@pytest.mark.slow
def test_larger_derivative_structures_of_fcc():
    parent = lattice_of("copper", "Cu")
    found = [
        sum(len(derivative_structures(binary(parent, rows), exchange=True)) for rows in supercell_shapes(parent, size))
        for size in range(8, 11)
    ]
    assert found == [229, 252, 685]


def two_atoms(parent, rows):
    """Two species on both atoms of a parent's cell."""
    cells = Cells.of(rows)
    number = 2 * len(cells.offsets)
    host = space_of("copper", "[1, 1, 1]", "{Cu: {Au: 0..4, Cu: rest}}")
    contents = tuple((n, number - n) for n in range(number + 1))
    sublattice = dataclasses.replace(host.sublattices[0], sites=np.arange(number), contents=contents)
    return dataclasses.replace(host, parent=parent, cells=cells, sublattices=(sublattice,), memory={})


def every_lattice(size):
    """Every superlattice of a size, in Hermite normal form."""
    for a, b, c in itertools.product(range(1, size + 1), repeat=3):
        if a * b * c == size:
            for x, y, z in itertools.product(range(b), range(c), range(c)):
                yield np.array([[a, x, y], [0, b, z], [0, 0, c]])


def by_brute_force(parent, size):
    """Orbits of colourings of the infinite crystal with no period but those of a superlattice of one size."""
    box = np.array(list(itertools.product(range(size), repeat=3)))  # size times any lattice vector is a period
    found = set()
    for rows in every_lattice(size):
        inside = np.unique(np.round(box @ np.linalg.inv(rows) % 1, 6) % 1, axis=0)
        cell = {tuple(v): i for i, v in enumerate(inside.tolist())}
        where = np.array([cell[tuple(v)] for v in (np.round(box @ np.linalg.inv(rows) % 1, 6) % 1).tolist()])
        for colours in itertools.product((0, 1), repeat=2 * size):
            found.add(tuple(np.array(colours)[[where, where + size]].ravel().tolist()))
    number = {tuple(v): i for i, v in enumerate(box.tolist())}
    moves = []
    for rotation, translation in zip(parent.rotations, parent.translations, strict=True):
        image = []
        for atom in range(2):
            positions = (parent.positions[atom] + box) @ rotation.T + translation
            for position in positions:
                off = [position - p for p in parent.positions]
                onto = next(i for i, d in enumerate(off) if np.abs(d - np.round(d)).max() < 1e-3)
                image.append(onto * len(box) + number[tuple((np.round(off[onto]).astype(int) % size).tolist())])
        moves.append(np.array(image))
    shifts = []
    for shift in box:
        moved = np.array([number[tuple(v)] for v in ((box + shift) % size).tolist()])
        shifts.append(np.concatenate([moved, moved + len(box)]))
    orbits, seen = 0, set()
    for colouring in found:
        periods = sum((np.array(colouring)[shift] == colouring).all() for shift in shifts)
        if colouring in seen or periods != len(box) // size:
            continue
        orbits += 1
        for move, shift in itertools.product(moves, shifts):
            seen.add(tuple(np.array(colouring)[move[shift]].tolist()))
    return orbits


PARENTS["magnesium"] = "{spacegroup: P6_3/mmc, lattice: {a: 3.2, c: 5.2}, sites: {Mg: [1/3, 2/3, 1/4]}"
PARENTS["diamond"] = "{spacegroup: Fd-3m:1, lattice: {a: 3.57}, sites: {C: [0, 0, 0]}"


@pytest.mark.parametrize(("name", "symbol"), [("magnesium", "Mg"), ("diamond", "C")])
def test_parents_of_two_atoms(name, symbol):
    parent = lattice_of(name, symbol)
    assert len(parent.species) == 2
    for size in (1, 2, 3):
        spaces = [two_atoms(parent, rows) for rows in supercell_shapes(parent, size)]
        assert sum(len(derivative_structures(s)) for s in spaces) == by_brute_force(parent, size)


def test_translations_are_those_of_the_cells():
    space = space_of("rectangular", "[2, 3, 1]", "{A: {sites: [Na], species: {Li: 2, Na: rest}}}")
    assert lattice_translations(space).shape == (5, 6)
    primitive_only = derivative_structures(space)
    assert 0 < len(primitive_only) < count_inequivalent(space, space.contents()[0]) + 1
