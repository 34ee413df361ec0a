import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matbench_defects.crystal.parent import build_parent
from matbench_defects.crystal.structure import Crystal, nearest_images
from matbench_defects.crystal.symmetry import (
    Cells,
    box_volume,
    distinct_rows,
    parent_action,
    site_permutations,
    supercell_volume,
)
from matbench_defects.errors import InputError
from matbench_defects.spec.parents import ParentSpec


def parent_of(spacegroup, lattice, sites):
    data = {"spacegroup": spacegroup, "lattice": lattice, "sites": sites, "provenance": {"source": "test"}}
    return build_parent(ParentSpec.model_validate(data), None)


PARENTS = {
    "LiNiO2": ("R-3m", {"a": 2.88, "c": 14.19}, {"Li": [0, 0, 0], "Ni": [0, 0, 0.5], "O": [0, 0, 0.26]}),
    "MoS2": ("P-6m2", {"a": 3.18, "c": 20}, {"Mo": [0, 0, 0], "S": ["1/3", "2/3", 0.078]}),
    "KFeO2": ("Pbca", {"a": 5.6, "b": 11.25, "c": 15.94}, {"K": [0.29, 0.01, 0.06], "Fe": [0.79, 0.24, 0.07]}),
    "CsCl": ("Pm-3m", {"a": 4.1}, {"Cs": [0, 0, 0], "Cl": [0.5, 0.5, 0.5]}),
    "NaCl": ("Fm-3m", {"a": 5.6}, {"Na": [0, 0, 0], "Cl": [0.5, 0.5, 0.5]}),
    "TiO2": ("P4_2/mnm", {"a": 4.6, "c": 2.95}, {"Ti": [0, 0, 0], "O": [0.305, 0.305, 0]}),
    "C2/m": ("C2/m", {"a": 9, "b": 5, "c": 6, "beta": 103}, {"Li": [0, 0, 0], "O": [0.2, 0, 0.4]}),
    "P1": (
        "P1",
        {"a": 4, "b": 5, "c": 6, "alpha": 80, "beta": 95, "gamma": 100},
        {"Si": [0.1, 0.2, 0.3], "O": [0.6, 0.7, 0.8]},
    ),
}
BUILT = {name: parent_of(*data) for name, data in PARENTS.items()}


@st.composite
def supercells(draw, largest=6):
    rows = draw(st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=3, max_size=3))
    assume(0 < supercell_volume(np.array(rows)) <= largest)
    return np.array(rows)


@pytest.mark.parametrize(
    ("name", "supercell", "order", "distinct"),
    [
        ("LiNiO2", [2, 2, 1], 144, 144),
        ("MoS2", [8, 8, 1], 768, 768),
        ("KFeO2", [2, 1, 1], 16, 16),
        ("NaCl", [1, 1, 1], 192, 24),
        ("CsCl", [2, 1, 1], 32, 4),  # of 48 operations those that leave the long axis: 16, times two translations
        ("P1", [2, 2, 2], 8, 8),
    ],
)
def test_the_order_of_the_group(name, supercell, order, distinct):
    group = site_permutations(BUILT[name], Cells.of(np.diag(supercell)))
    assert len(group) == order
    assert len(np.unique(group, axis=0)) == distinct


def test_a_skewed_supercell_keeps_the_operations_that_keep_its_lattice():
    # A cubic parent doubled along [110] and [1-10] keeps the tetragonal operations.
    group = site_permutations(BUILT["CsCl"], Cells.of(np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]])))
    assert len(group) == 16 * 2


def test_the_group_does_not_depend_on_how_a_supercell_lattice_is_written():
    one = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 1]])
    other = np.array([[2, 2, 0], [0, 2, 0], [2, 0, 1]])  # the same lattice
    assert len(site_permutations(BUILT["LiNiO2"], Cells.of(one))) == 144
    assert len(site_permutations(BUILT["LiNiO2"], Cells.of(other))) == 144


@given(st.sampled_from(sorted(BUILT)), supercells(4))
@settings(deadline=None, max_examples=40)
def test_group_axioms(name, rows):
    group = np.unique(site_permutations(BUILT[name], Cells.of(rows)), axis=0)
    members = {row.tobytes() for row in group}
    size = group.shape[1]
    assert (np.sort(group, axis=1) == np.arange(size)).all()
    assert np.arange(size, dtype=group.dtype).tobytes() in members
    for row in group[:: max(1, len(group) // 12)]:
        assert np.argsort(row).astype(group.dtype).tobytes() in members
        assert {product.tobytes() for product in group[:, row]} == members


@given(st.sampled_from(sorted(BUILT)), supercells())
@settings(deadline=None, max_examples=40)
def test_permutations_keep_every_distance_and_species(name, rows):
    parent = BUILT[name]
    cells = Cells.of(rows)
    group = site_permutations(parent, cells)
    count = len(cells.offsets)
    fractional = (parent.positions[:, None] + cells.offsets[None]).reshape(-1, 3) @ np.linalg.inv(rows)
    lattice = rows @ parent.lattice
    species = np.repeat(np.array(parent.species), count)
    structure = Crystal(lattice, tuple(species), fractional @ lattice).to_pymatgen()
    distances = structure.distance_matrix
    for row in group[:: max(1, len(group) // 10)]:
        assert (species[row] == species).all()
        assert np.allclose(distances[np.ix_(row, row)], distances, atol=1e-6)


def test_permutations_decorate_equivalent_structures():
    parent, cells = BUILT["LiNiO2"], Cells.of(np.diag([2, 1, 1]))
    group = site_permutations(parent, cells)
    fractional = (parent.positions[:, None] + cells.offsets[None]).reshape(-1, 3) / np.array([2, 1, 1])
    lattice = np.diag([2, 1, 1]) @ parent.lattice
    kinds = np.repeat(np.array(parent.species), 2)
    kinds[[0, 3]] = "Na"
    before = Crystal(lattice, tuple(kinds), fractional @ lattice).to_pymatgen()
    other = kinds.copy()
    other[[0, 3]], other[[0, 1]] = "Li", "Na"
    assert not before.matches(Crystal(lattice, tuple(other), fractional @ lattice).to_pymatgen(), stol=0.01)
    for row in group[::7]:
        moved = np.empty_like(kinds)
        moved[row] = kinds
        after = Crystal(lattice, tuple(moved), fractional @ lattice).to_pymatgen()
        assert before.matches(after, ltol=1e-4, stol=1e-4, angle_tol=1e-3)


@given(supercells(30), st.lists(st.lists(st.integers(-50, 50), min_size=3, max_size=3), min_size=1, max_size=5))
@settings(deadline=None)
def test_cells_repeat_with_the_supercell(rows, vectors):
    cells, vectors = Cells.of(rows), np.array(vectors)
    assert len(cells.offsets) == supercell_volume(rows) == round(abs(np.linalg.det(rows)))
    assert (cells.index(cells.offsets) == np.arange(len(cells.offsets))).all()
    found = cells.index(vectors)
    for row in rows:
        assert (cells.index(vectors + row) == found).all()
        assert (cells.index(vectors - 7 * row) == found).all()
    # and the cell it names differs from the vector by whole supercell vectors
    between = (vectors - cells.offsets[found]) @ np.linalg.inv(rows)
    assert np.allclose(between, np.round(between), atol=1e-9)


@pytest.mark.parametrize("rows", [[[1, 0, 0], [0, 1, 0], [1, 1, 0]], [[0] * 3] * 3, [[2, 4, 6], [1, 2, 3], [0, 0, 1]]])
def test_vectors_in_a_plane_hold_no_cell(rows):
    assert supercell_volume(np.array(rows)) == 0


def test_volume_and_box():
    assert supercell_volume(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])) == 1  # left-handed
    assert box_volume(np.diag([2, 3, 4])) == 3 * 4 * 5
    assert box_volume(np.array([[1, 5, 0], [0, 1, 0], [0, 0, 1]])) == 2 * 7 * 2


def test_operations_that_are_none_of_the_crystal_are_refused():
    parent = BUILT["KFeO2"]
    shifted = dataclasses.replace(parent, positions=parent.positions + np.linspace(0, 0.1, 16)[:, None])
    with pytest.raises(InputError, match="the operations of Pbca do not map the parent's atoms onto each other"):
        parent_action(shifted)


@given(st.integers(1, 4), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_distinct_rows_are_those_of_numpy_in_its_order(width, number, seed):
    rows = np.random.default_rng(seed).integers(0, 70_000, (number, width), dtype=np.int32) // 10_000
    rows = np.concatenate([rows, rows[: number // 2] * 300])
    assert np.array_equal(distinct_rows(rows), np.unique(rows, axis=0))


@given(st.integers(0, 10**6))
def test_the_nearest_image_is_that_of_brute_force(seed):
    """In skewed lattices too, where rounding fractional coordinates is not enough."""
    generator = np.random.default_rng(seed)
    shear = np.eye(3) + np.triu(generator.integers(-2, 3, size=(3, 3)), 1)
    compact = np.diag(generator.uniform(3, 5, size=3)) + generator.uniform(-0.5, 0.5, size=(3, 3))
    lattice = shear @ compact  # the same lattice by other vectors
    vectors = generator.uniform(-8, 8, size=(5, 3))
    found = nearest_images(lattice, vectors)
    steps = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3), axis=-1).reshape(-1, 3) @ compact
    shortest = np.linalg.norm(vectors[:, None] + steps, axis=2).min(axis=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), shortest, atol=1e-6)
    whole = (found - vectors) @ np.linalg.inv(lattice)
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-6)
