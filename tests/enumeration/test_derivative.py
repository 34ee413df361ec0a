"""Supercell shapes and derivative structures against published numbers and brute force."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from cases import PARENTS, space_of

from matbench_defects.crystal.shapes import hermite_normal_form, primitive, supercell_shapes
from matbench_defects.crystal.symmetry import Cells, site_permutations
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.derivative import derivative_structures, lattice_translations

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


def test_translations_are_those_of_the_cells():
    space = space_of("rectangular", "[2, 3, 1]", "{A: {sites: [Na], species: {Li: 2, Na: rest}}}")
    assert lattice_translations(space).shape == (5, 6)
    primitive_only = derivative_structures(space)
    assert 0 < len(primitive_only) < count_inequivalent(space, space.contents()[0]) + 1
