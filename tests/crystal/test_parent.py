import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice as Cell
from pymatgen.core import Structure
from pymatgen.io.cif import CifWriter

from matbench_defects.crystal.cell import lattice_vectors, same_but_shifted
from matbench_defects.crystal.parent import build_parent
from matbench_defects.errors import InputError
from matbench_defects.spec.parents import ParentSpec


def parent_of(spacegroup, lattice, sites):
    data = {"spacegroup": spacegroup, "lattice": lattice, "sites": sites, "provenance": {"source": "test"}}
    return build_parent(ParentSpec.model_validate(data), None)


def from_cif(path, **fields):
    return build_parent(ParentSpec(cif=path.name, provenance={"source": "test"}, **fields), path.parent)


def nickelate():
    return parent_of("R-3m", {"a": 2.88, "c": 14.19}, {"Li": [0, 0, 0], "Ni": [0, 0, "1/2"], "O": [0, 0, 0.26]})


def test_a_declared_space_group_fills_its_wyckoff_sites():
    parent = nickelate()
    assert (parent.formula, parent.formula_units, parent.space_group, parent.declared) == ("LiNiO2", 3, "R-3m", True)
    assert [parent.labels.count(label) for label in ("Li", "Ni", "O")] == [3, 3, 6]
    assert len(parent.rotations) == 36
    reference = Structure.from_spacegroup(
        "R-3m", Cell.hexagonal(2.88, 14.19), ["Li", "Ni", "O"], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.26]]
    )
    assert parent.crystal.to_pymatgen().matches(reference, ltol=1e-6, stol=1e-6, angle_tol=1e-4)


@pytest.mark.parametrize(
    ("symbol", "lattice", "message"),
    [
        ("Fm-3m", {"a": 4, "c": 5}, "c is 5.0, but Fm-3m is cubic and makes it 4.0"),
        ("Fm-3m", {"a": 4, "alpha": 80}, "alpha is 80.0, but Fm-3m is cubic and makes it 90.0"),
        ("P4/mmm", {"a": 4}, "c is missing; P4/mmm is tetragonal and needs a, c"),
        ("P4/mmm", {"a": 4, "b": 5, "c": 6}, "b is 5.0, but P4/mmm is tetragonal and makes it 4.0"),
        ("R-3m", {"a": 4}, "c is missing; R-3m is trigonal and needs a, c"),
        ("P6/mmm", {"a": 4, "c": 5, "gamma": 60}, "gamma is 60.0, but P6/mmm is hexagonal and makes it 120.0"),
        ("Pnma", {"a": 4, "c": 5}, "b is missing; Pnma is orthorhombic and needs a, b, c"),
        ("C2/m", {"a": 4, "b": 5, "c": 6}, "beta is missing; C2/m is monoclinic and needs a, b, c, beta"),
        ("C2/m", {"a": 4, "b": 5, "c": 6, "beta": 100, "gamma": 91},
         "gamma is 91.0, but C2/m is monoclinic and makes it 90.0"),
        ("P1", {"a": 4}, "b, c, alpha, beta, gamma is missing; P1 is triclinic and needs a, b, c, alpha, beta, gamma"),
        ("P1", {"a": 4, "b": 4, "c": 4, "alpha": 30, "beta": 30, "gamma": 120}, "these angles make no cell"),
        ("P112/m", {"a": 4, "b": 5, "c": 6, "beta": 100},
         "gamma is missing; P112/m is monoclinic and needs a, b, c, gamma"),
        ("R-3m:R", {"a": 4, "c": 9}, "alpha is missing; R-3m:R is rhombohedral and needs a, alpha"),
        ("Fm3m", {"a": 4}, "no space group has the symbol 'Fm3m'; did you mean 'Fm-3m'?"),
        ("", {"a": 4}, "no space group has the symbol ''; write its Hermann-Mauguin symbol, such as R-3m"),
    ],
)  # fmt: skip
def test_lattices_that_do_not_suit(symbol, lattice, message):
    with pytest.raises(InputError) as caught:
        parent_of(symbol, lattice, {"Li": [0, 0, 0]})
    assert caught.value.message.startswith(message)
    assert len(caught.value.message) < 250


@pytest.mark.parametrize(
    ("symbol", "lattice", "expected"),
    [
        ("Fm-3m", {"a": 4, "b": 4}, (4, 4, 4, 90, 90, 90)),
        ("P6/mmm", {"a": 4, "c": 5, "gamma": 120}, (4, 4, 5, 90, 90, 120)),
        ("Pnma", {"a": 4, "b": 5, "c": 6}, (4, 5, 6, 90, 90, 90)),
        ("C2/m", {"a": 4, "b": 5, "c": 6, "beta": 100}, (4, 5, 6, 90, 100, 90)),
        ("P-1", {"a": 4, "b": 5, "c": 6, "alpha": 80, "beta": 85, "gamma": 100}, (4, 5, 6, 80, 85, 100)),
    ],
)
def test_lattice_parameters_that_the_crystal_system_fixes(symbol, lattice, expected):
    cell = Cell(parent_of(symbol, lattice, {"Li": [0, 0, 0]}).lattice)
    assert cell.parameters == pytest.approx(expected)


def test_thirds_make_the_special_position():
    exact = parent_of("P6_3/mmc", {"a": 3.16, "c": 12.3}, {"Mo": ["1/3", "2/3", "1/4"], "S": ["1/3", "2/3", 0.621]})
    assert (exact.formula, len(exact.species)) == ("MoS2", 6)


@pytest.mark.parametrize(("third", "two_thirds"), [(0.333, 0.667), (0.3333, 0.6667), (0.33, 0.67)])
def test_rounded_thirds_are_merged_or_refused_with_advice(third, two_thirds):
    sites = {"Mo": [third, two_thirds, 0.25], "S": [third, two_thirds, 0.621]}
    if third == 0.33:  # 0.03 Å beside its own image
        with pytest.raises(InputError, match=r"two atoms are 0\.\d\d Å apart.* \(write 1/3, not 0.333\)"):
            parent_of("P6_3/mmc", {"a": 3.16, "c": 12.3}, sites)
    else:
        assert parent_of("P6_3/mmc", {"a": 3.16, "c": 12.3}, sites).formula == "MoS2"


def test_an_atom_given_twice_is_refused():
    with pytest.raises(InputError, match=r"two atoms are 0.00 Å apart \(Mg and Ca\); .* or an atom given twice\?"):
        parent_of("Fm-3m", {"a": 4.2}, {"Mg": [0, 0, 0], "Ca": ["1/2", "1/2", 0]})


def test_the_digest_follows_geometry_and_species_alone():
    def digest(**changes):
        sites = {"Na": [0, 0, 0], "Cl": [0.5, 0.5, 0.5]} | changes.get("sites", {})
        return parent_of("Fm-3m", {"a": changes.get("a", 5.6)}, sites).digest()

    assert digest() == digest(sites={"Na": [0, 0, -1e-9]}) == digest(sites={"Na": [1, 0, 0]})
    assert len({digest(), digest(a=5.61), parent_of("Fm-3m", {"a": 5.6}, {"Na": [0, 0, 0]}).digest()}) == 3


# CIF files.


@pytest.mark.parametrize("symprec", [None, 0.01])
def test_cif_with_and_without_symmetry_is_the_same_crystal(tmp_path, symprec):
    declared = nickelate()
    CifWriter(declared.crystal.to_pymatgen(), symprec=symprec).write_file(tmp_path / "host.cif")
    found = from_cif(tmp_path / "host.cif")
    assert (found.space_group, found.declared, found.formula_units) == ("R-3m", False, 3)
    assert len(found.rotations) == len(declared.rotations)
    assert found.crystal.to_pymatgen().matches(declared.crystal.to_pymatgen(), ltol=1e-3, stol=1e-3, angle_tol=1e-2)
    assert sorted(operations(found)) == sorted(operations(declared))


def operations(parent):
    shifts = np.mod(np.round(parent.translations, 4), 1)
    return [(*r.ravel().tolist(), *t.tolist()) for r, t in zip(parent.rotations, np.round(shifts, 2), strict=True)]


def test_symmetry_found_follows_the_tolerance(tmp_path):
    structure = nickelate().crystal.to_pymatgen()
    structure.translate_sites([0], [0.01, 0, 0], frac_coords=False)
    CifWriter(structure, significant_figures=8).write_file(tmp_path / "host.cif")
    assert from_cif(tmp_path / "host.cif").space_group != "R-3m"
    assert from_cif(tmp_path / "host.cif", symmetry_tolerance=0.05).space_group == "R-3m"


def test_cif_files_that_cannot_be_a_host(tmp_path):
    path = tmp_path / "host.cif"
    with pytest.raises(InputError, match=r"there is no CIF file .*host.cif"):
        from_cif(path)
    long = tmp_path / ("x" * 300)
    with pytest.raises(InputError, match="there is no CIF file"):
        from_cif(long)
    for content in ("", "data_\n", "_cell_length_a 3\n", "not a cif", "data_x\n_cell_length_a ?\n"):
        path.write_text(content)
        with pytest.raises(InputError) as caught:
            from_cif(path)
        assert caught.value.file == str(path)
    CifWriter(Structure(Cell.cubic(4), ["Li", "O"], [[0, 0, 0], [0, 0, 0.1]])).write_file(path)
    with pytest.raises(InputError, match=r"two atoms are 0.40 Å apart"):
        from_cif(path)


def test_a_cif_file_of_several_crystals_is_refused(tmp_path):
    path = tmp_path / "host.cif"
    one = str(CifWriter(nickelate().crystal.to_pymatgen()))
    path.write_text(one + one.replace("data_", "data_second_"))
    with pytest.raises(InputError, match="holds 2 structures; one was expected"):
        from_cif(path)


def test_oxidation_states_are_left_aside(tmp_path):
    charged = nickelate().crystal.to_pymatgen().add_oxidation_state_by_element({"Li": 1, "Ni": 3, "O": -2})
    CifWriter(charged).write_file(tmp_path / "host.cif")
    assert from_cif(tmp_path / "host.cif").formula == "LiNiO2"


LENGTH, ANGLE = st.floats(0.5, 50), st.one_of(st.just(90.0), st.just(120.0), st.floats(50, 130))


@given(LENGTH, LENGTH, LENGTH, ANGLE, ANGLE, ANGLE)
def test_lattice_vectors_are_those_of_pymatgen_to_the_last_bit(a, b, c, alpha, beta, gamma):
    # Labels are found again by a digest of the host.
    known = Cell.from_parameters(a, b, c, alpha, beta, gamma, vesta=False).matrix
    assert np.array_equal(lattice_vectors([a, b, c], [alpha, beta, gamma]), known, equal_nan=True)


# Symbols, numbers, origins and axes.


@pytest.mark.parametrize(
    ("symbol", "lattice", "sites", "formula", "atoms"),
    [
        ("Fd-3m:2", {"a": 7.05}, {"Mg": ["1/8", "1/8", "1/8"], "Cu": ["1/2", "1/2", "1/2"]}, "MgCu2", 24),
        ("F d -3 m :2", {"a": 7.05}, {"Mg": ["1/8", "1/8", "1/8"], "Cu": ["1/2", "1/2", "1/2"]}, "MgCu2", 24),
        ("F d -3 m Z", {"a": 7.05}, {"Mg": ["1/8", "1/8", "1/8"], "Cu": ["1/2", "1/2", "1/2"]}, "MgCu2", 24),
        ("Fd-3m:1", {"a": 7.05}, {"Mg": ["1/8", "1/8", "1/8"], "Cu": ["1/2", "1/2", "1/2"]}, "Mg2Cu", 24),
        # In the first origin the oxygens would be 0.27 Å apart, so the second is meant.
        ("Fd-3m", {"a": 8.08}, {"Mg": ["1/8", "1/8", "1/8"], "Al": ["1/2", "1/2", "1/2"], "O": [0.262, 0.262, 0.262]},
         "MgAl2O4", 56),
        ("R-3m", {"a": 2.88, "c": 14.19}, {"Li": [0, 0, 0]}, "Li", 3),
        ("R-3m", {"a": 5.0, "alpha": 33}, {"Li": [0, 0, 0]}, "Li", 1),
        ("R-3m:R", {"a": 5.0, "alpha": 33}, {"Li": [0, 0, 0]}, "Li", 1),
        ("R -3 m :H", {"a": 2.88, "c": 14.19}, {"Li": [0, 0, 0]}, "Li", 3),
        ("P21/n", {"a": 5, "b": 6, "c": 7, "beta": 100}, {"Mg": [0.1, 0.2, 0.3]}, "Mg", 4),
        ("P 1 1 21/n", {"a": 5, "b": 6, "c": 7, "gamma": 100}, {"Mg": [0.1, 0.2, 0.3]}, "Mg", 4),
        ("P 2(1)/c", {"a": 5, "b": 6, "c": 7, "beta": 100}, {"Mg": [0.1, 0.2, 0.3]}, "Mg", 4),
        ("C m c a", {"a": 5, "b": 6, "c": 7}, {"Mg": [0, 0.2, 0.3]}, "Mg", 8),
        (225, {"a": 4.2}, {"Mg": [0, 0, 0], "O": [0.5, 0.5, 0.5]}, "MgO", 8),
        ("166", {"a": 2.88, "c": 14.19}, {"Li": [0, 0, 0]}, "Li", 3),
    ],
)  # fmt: skip
def test_symbols_however_they_are_written(symbol, lattice, sites, formula, atoms):
    parent = parent_of(symbol, lattice, sites)
    assert (parent.formula, len(parent.species)) == (formula, atoms)


def test_an_origin_that_the_sites_leave_open_is_refused_and_both_are_named():
    with pytest.raises(InputError) as caught:
        parent_of("Fd-3m", {"a": 7.05}, {"Mg": ["1/8", "1/8", "1/8"], "Cu": ["1/2", "1/2", "1/2"]})
    assert caught.value.message == (
        "Fd-3m has 2 origins, and these sites make different crystals; write Fd-3m:1 (Mg16Cu8 in the cell) or Fd-3m:2 "
        "(Mg8Cu16 in the cell)"
    )


def test_origins_that_make_one_crystal_need_no_choice():
    first = (("Si", "O", "O"), np.array([[0.1, 0.2, 0.3], [0.5, 0.1, 0.9], [0.7, 0.7, 0.2]]))
    cell = np.diag([5.0, 6.0, 7.0])
    shifted = (("O", "Si", "O"), first[1][[2, 0, 1]] + [0.45, 0.85, 0.125])
    assert same_but_shifted(cell, first, shifted)
    moved = shifted[1] + [[0.01, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert not same_but_shifted(cell, first, (shifted[0], moved))
    assert not same_but_shifted(cell, first, (("O", "O", "Si"), shifted[1]))
    assert not same_but_shifted(cell, first, (("O", "Si", "Si"), shifted[1]))


def test_settings_that_a_group_lacks_are_named():
    with pytest.raises(InputError, match=r"Fd-3m has no setting '3'; its settings are :1, :2"):
        parent_of("Fd-3m:3", {"a": 4}, {"Li": [0, 0, 0]})


def test_every_symbol_of_the_tables_leads_to_its_group():
    import spglib

    from matbench_defects.crystal.space_groups import group_symbol, settings_of

    for entry in range(1, 531, 7):
        kind = spglib.get_spacegroup_type(entry)
        for symbol in (
            kind.international_full,
            f"{kind.international_short}:{kind.choice}".rstrip(":"),
            str(kind.number),
        ):
            for setting in settings_of(symbol):
                assert setting.number == kind.number
                assert group_symbol(*setting.operations) == (kind.number, kind.international_short) or kind.choice
