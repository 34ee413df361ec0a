"""What a CIF file declares is compared with what was read: the right crystal, or a refusal that says why."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from matbench_defects.crystal.cif import crystal_of_cif
from matbench_defects.errors import InputError

ROCK_SALT = "Mg1 Mg 0 0 0\nO1 O 0.5 0.5 0.5"


def cif(group="F m -3 m", cell=(4.2, 4.2, 4.2, 90, 90, 90), sites=ROCK_SALT, *, declared="", columns=""):
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    head = "".join(f"_cell_{name} {value}\n" for name, value in zip(names, cell, strict=True))
    symbol = f"_symmetry_space_group_name_H-M '{group}'\n" if group else ""
    rows = "_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    return f"data_x\n{symbol}{head}{declared}\nloop_\n{rows}{columns}\n{sites}\n"


def cubic(a):
    return (a, a, a, 90, 90, 90)


LAVES = {"cell": cubic(7.05), "sites": "Mg1 Mg 0.125 0.125 0.125\nCu1 Cu 0.5 0.5 0.5"}
SPINEL = {"cell": cubic(8.08), "sites": "Mg1 Mg2+ 0.125 0.125 0.125\nAl1 Al3+ 0.5 0.5 0.5\nO1 O2- 0.262 0.262 0.262"}
ANATASE = (3.784, 3.784, 9.515, 90, 90, 90)
CU2MG = "_chemical_formula_sum 'Cu2 Mg'\n"
TEXT_FIELD = (
    "_refine_special_details\n;\ndata_table of the refinement follows in the paper\nloop_ is only a word here\n;\n"
)
OCCUPANCY = "_atom_site_occupancy"
MULTIPLICITY = "_atom_site_symmetry_multiplicity"
ATTACHED = "_atom_site_attached_hydrogens"
FORMULA = "_chemical_formula_sum"
UNTYPED = "_atom_site_type_symbol\n"
HEXAGONAL = (2.88, 2.88, 14.19, 90, 90, 120)


@pytest.mark.parametrize(
    ("text", "holds", "note"),
    [
        (cif(), {"Mg": 4, "O": 4}, ""),
        # A keyword inside a text field is text.
        (cif("F d -3 m :1", cubic(5.4), "Si1 Si 0 0 0", declared=TEXT_FIELD), {"Si": 8}, ""),
        # Two origins: by the mark, by the formula, by the number of formula units, by which is possible.
        (cif("F d -3 m :2", **LAVES), {"Mg": 8, "Cu": 16}, ""),
        (cif("F d -3 m :2", **LAVES, declared=CU2MG), {"Mg": 8, "Cu": 16}, ""),
        (cif("F d -3 m", **LAVES, declared=CU2MG), {"Mg": 8, "Cu": 16}, "read as Fd-3m:2"),
        (cif("F d -3 m Z", **SPINEL), {"Mg": 8, "Al": 16, "O": 32}, ""),
        (cif("F d -3 m", **SPINEL), {"Mg": 8, "Al": 16, "O": 32}, "read as Fd-3m:2"),
        (cif("", **LAVES, declared=f"_space_group_IT_number 227\n{CU2MG}"), {"Mg": 8, "Cu": 16}, "read as Fd-3m:2"),
        (cif("F d -3 m", cubic(3.567),
         "C1 C .125 .125 .125", declared="_chemical_formula_sum C\n_cell_formula_units_Z 8"),
         {"C": 8}, "read as Fd-3m:2"),
        (cif("I 41/a m d", ANATASE, "Ti1 Ti 0 0.75 0.125\nO1 O 0 0.25 0.0831"), {"Ti": 4, "O": 8}, "I4_1/amd:2"),
        # Two kinds of axes: by the cell.
        (cif("R -3 m", (5.0, 5.0, 5.0, 33, 33, 33), "Li1 Li 0 0 0\nNi1 Ni .5 .5 .5\nO1 O .26 .26 .26"),
         {"Li": 1, "Ni": 1, "O": 2}, "read as R-3m:R"),
        (cif("R -3 m", HEXAGONAL, "Li1 Li 0 0 0\nNi1 Ni 0 0 .5\nO1 O 0 0 .26"), {"Li": 3, "Ni": 3, "O": 6}, "R-3m:H"),
        (cif("P 21/n", (5, 6, 7, 90, 100, 90), "Mg1 Mg 0.1 0.2 0.3"), {"Mg": 4}, ""),
        (cif("", declared="_symmetry_space_group_name_Hall '-F 4 2 3'\n"), {"Mg": 4, "O": 4}, ""),
        (cif(""), {"Mg": 1, "O": 1}, "declares no symmetry, so its sites are taken for all atoms"),
        # Deuterium is hydrogen; hydrogens that are not located are missed.
        (cif("P 42/m n m", (4.501, 4.501, 3.01, 90, 90, 90), "Mg1 Mg 0 0 0\nD1 2H 0.304 0.304 0",
             declared="_chemical_formula_sum 'D2 Mg'"), {"Mg": 2, "H": 4},
         "deuterium or tritium is taken as hydrogen, H: D1"),
        (cif(sites="Li1 Li 0 0 0\nD1 D .5 .5 .5"), {"Li": 4, "H": 4}, "deuterium"),
        (cif("P n m a", (9.95, 3.02, 4.6, 90, 90, 90),
             "Fe1 Fe3+ 0.146 0.25 0.955\nO1 O2- 0.8 0.25 0.712\nO2 OH 0.053 0.25 0.197"),
         {"Fe": 4, "O": 8}, "hydrogens are attached to O2 and not located: this host lacks them"),
        (cif("P 1", cubic(8), "Mg1 Mg 0 0 0\nO1 OH2 .5 .5 .5"), {"Mg": 1, "O": 1}, "attached to O1 and not located"),
        (cif("P -3 m 1", (3.147, 3.147, 4.769, 90, 90, 120), "Mg1 Mg2+ 0 0 0 0\nO1 O2- 0.3333 0.6667 0.2203 1",
             columns=ATTACHED, declared=f"{FORMULA} 'H2 Mg O2'\n_cell_formula_units_Z 1\n"), {"Mg": 1, "O": 2},
         "not located"),
        (cif(declared=f"{FORMULA} 'Mg O H'"), {"Mg": 4, "O": 4},
         "4 hydrogens in the cell are declared ('Mg O H') and not located, and no site says that it carries them"),
        (cif("P m -3 m", sites="N1 NH4+ 0 0 0\nCl1 Cl- .5 .5 .5"), {"N": 1, "Cl": 1}, "attached to N1 and not located"),
        # An occupancy that is not given is one.
        (cif(sites="Ni1 Ni 0 0 0 ?\nO1 O 0.5 0.5 0.5 .", columns=OCCUPANCY), {"Ni": 4, "O": 4}, ""),
        (cif("P 1", sites="Na1 Na 0 0 0 .\nCl1 Cl .5 .5 .5 1.0(2)", columns=OCCUPANCY), {"Na": 1, "Cl": 1}, ""),
        # Elements, by type symbol or label.
        (cif(sites="MG1 MG 0 0 0\nO1 O .5 .5 .5"), {"Mg": 4, "O": 4}, ""),
        (cif(sites="Mg1 Mg+2 0 0 0\nO1 O-2 .5 .5 .5"), {"Mg": 4, "O": 4}, ""),
        (cif(sites="Mg1 ? 0 0 0\nO1 . .5 .5 .5"), {"Mg": 4, "O": 4}, ""),
        (cif(sites="Mg1 0 0 0\nO1W .5 .5 .5").replace(UNTYPED, ""), {"Mg": 4, "O": 4}, ""),
        (cif(sites="CA1 0 0 0\nO1 .5 .5 .5", declared=f"{FORMULA} 'Ca O'").replace(UNTYPED, ""), {"Ca": 4, "O": 4}, ""),
        # Other things that are right, or said.
        (cif(sites="Mg1 Mg 0 0 0 4\nO1 O .5 .5 .5 4", columns=MULTIPLICITY), {"Mg": 4, "O": 4}, ""),
        (cif(sites="Mg1 Mg 0 0 0 48\nO1 O .5 .5 .5 48", columns=MULTIPLICITY), {"Mg": 4, "O": 4}, ""),
        (cif(declared=f"{FORMULA} 'Mg4 O4'\n_cell_formula_units_Z 4"), {"Mg": 4, "O": 4}, ""),  # as pymatgen writes it
        (cif(declared=f"{FORMULA} 'see text'"), {"Mg": 4, "O": 4}, "'see text' cannot be read, so it is not compared"),
        (cif(sites="Mg1 Mg 0 0 0 .\nO1 O .5 .5 .5 .\nX1 ? .25 .25 .25 dum", columns="_atom_site_calc_flag"),
         {"Mg": 4, "O": 4}, "1 sites are marked as dummies"),
        (cif() + "loop_\n_atom_site_aniso_label\n_atom_site_aniso_U_11\nMg1 0.01\nLi1 0.02\nO1 0.01\n",
         {"Mg": 4, "O": 4}, "displacement parameters of Li1, which is not among its sites"),
        (cif("P 63/m m c", (3.16, 3.16, 12.3, 90, 90, 120), "Mo1 Mo 0.333 0.667 0.25\nS1 S 0.3333 0.6667 0.621"),
         {"Mo": 2, "S": 4}, ""),
        (cif().replace("_length_", ".length_").replace("_angle_", ".angle_").replace("_site_", "_site."),
         {"Mg": 4, "O": 4}, ""),
        (cif(declared="_publ_author_name 'É. Müller'\n"), {"Mg": 4, "O": 4}, ""),
    ],
)  # fmt: skip
def test_the_right_crystal(text: str, holds: dict[str, int], note: str) -> None:
    found = crystal_of_cif(text)
    assert dict(Counter(found.species)) == holds
    assert (note in "; ".join(found.notes)) if note else not found.notes
    if "not located" in note:  # a host may lack hydrogens where that is said; a structure with an energy may not
        with pytest.raises(InputError, match="lacks hydrogens that it declares"):
            _ = found.crystal
    else:
        assert len(found.crystal.species) == len(found.species)


OPERATIONS = "loop_\n_space_group_symop_operation_xyz\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (cif("F d -3 m", **LAVES),
         "does not say which origin or axes it means: its sites make Mg16Cu8 with Fd-3m:1 and Mg8Cu16"),
        (cif("F d -3 m :1", **LAVES, declared=CU2MG),
         "formula sum is 'Cu2 Mg', but its sites make Cu8 Mg16 in the cell"),
        (cif("F d -3 m", cubic(3.567), "C1 C 0 0 0"), "its sites make C8 with Fd-3m:1 and C16 with Fd-3m:2"),
        (cif(declared=f"{FORMULA} 'Mg O2'"), "formula sum is 'Mg O2', but its sites make Mg4 O4"),
        (cif(declared=f"{FORMULA} 'Mg0.95 O'"), "formula sum is 'Mg0.95 O'"),
        (cif(declared=f"{FORMULA} 'Mg O'\n_cell_formula_units_Z 2"),
         "formula_units_Z is 2, but its sites make 4 formula units"),
        (cif(declared=f"{FORMULA} 'Mg4 O4'\n_cell_formula_units_Z 3"),
         "formula_units_Z is 3, but its sites make 1 formula units of 'Mg4 O4'"),
        (cif(declared=f"{FORMULA} 'Mg4 O4'\n_cell_formula_units_Z 0"),
         "_cell_formula_units_Z is 0; a whole number from 1 on was expected"),
        (cif("", declared="_space_group_IT_number 221.7\n"), "_space_group_it_number is 221.7; a whole number"),
        (cif(sites="Mg1 Mg 0 0 0 0\nO1 O .5 .5 .5 -1", columns=ATTACHED),
         "attached_hydrogens of O1 is -1; a whole number from 0 on"),
        (cif(sites="Mg1 Mg 0 0 0 8\nO1 O .5 .5 .5 4", columns=MULTIPLICITY),
         "multiplicity of Mg1 is said to be 8, but its sites are 4"),
        (cif(declared="_cell_volume 80.0"), "_cell_volume is 80.0, but its cell has 74.09"),
        (cif(cell=(4.2, 4.2, 4.3, 90, 90, 90)), "its cell lacks the symmetry of F m -3 m"),
        (cif("R -3 m :H", (5.0, 5.0, 5.0, 33, 33, 33)), "its cell lacks the symmetry of R-3m:H"),
        (cif(declared="_space_group_IT_number 221\n"), "'F m -3 m' and its number 221 are different space groups"),
        (cif(declared="_space_group_name_Hall '-P 4 2 3'\n"),
         "mean Pm-3m (no. 221), but its symbol 'F m -3 m' says another"),
        (cif(declared=f"{OPERATIONS}x,y,z\n-x,-y,-z\n"),
         "mean P-1 (no. 2), but its symbol 'F m -3 m' says another group"),
        (cif("P -1", declared=f"{OPERATIONS}x,y,z\n-x,-y,-z\nx+1/2,y,z\n"),
         "its operations are no group: 3 are listed"),
        (cif("P -1", declared=f"{OPERATIONS}-x,-y,-z\n"), "its operations are no group: 1 are listed"),
        (cif("P 1", declared=f"{OPERATIONS}2x,y,z\n"), "the symmetry operation '2x,y,z' cannot be read"),
        (cif("P 1", declared=f"{OPERATIONS}a,b,c\n"), "the symmetry operation 'a,b,c' cannot be read"),
        (cif("F q 3"), "no space group has the symbol 'F q 3'; did you mean"),
        (cif() + cif().replace("4.2", "4.45"), "duplicate block name: x"),
        (cif() + cif().replace("data_x", "data_y"), "holds 2 structures; one was expected"),
        (cif() + "_cell_length_a 4.2\n", "duplicate tag _cell_length_a"),
        (cif(sites="Mg1 Mg 0 0 0\nO1 O .5 .5"), "Wrong number of values in loop"),
        (cif(sites="Ni1 Ni 0 0 0\nO1 O .5 .5 .5\nO1A O .5 0 0"), "two atoms are 0.00 Å apart (O1 and O1A)"),
        (cif(sites="Mg1 Mg 0 0 0\nMg1 Mg 0 0 0"), "(Mg1 and another site of that name)"),
        (cif(sites=f"{ROCK_SALT}\nV1 Vac .25 .25 .25"), "holds 'Vac', which is no element"),
        (cif(sites=f"{ROCK_SALT}\nQ1 Q .25 .25 .25"), "holds 'Q', which is no element"),
        (cif(sites="Vac1 0 0 0\nO1 .5 .5 .5").replace(UNTYPED, ""), "the label 'Vac1' names no element"),
        (cif(sites="CA1 0 0 0\nO1 .5 .5 .5").replace(UNTYPED, ""), "the label 'CA1' may be Ca or C"),
        (cif("P 1", sites="O1 HO 0 0 0\nMg1 Mg .5 .5 .5"), "may be Ho or H and O"),
        (cif(sites="Mg1 Mg 0 0 0 0\nO1 O .5 .5 .5 1", columns=OCCUPANCY), "(Mg1 has an occupancy of 0)"),
        (cif(sites="Mg1 Mg 0 0 0 1.2\nO1 O .5 .5 .5 1", columns=OCCUPANCY),
         "the occupancy of Mg1 is 1.2, more than one"),
        (cif(sites="Mg1 Mg 0 0 0 full\nO1 O .5 .5 .5 1", columns=OCCUPANCY),
         "occupancy of Mg1 is 'full'; a number was"),
        (cif("P 1", sites="Mg1 Mg 0 0 0 1\nO1 O .5 .5 .5 2", columns="_atom_site_disorder_group"), "alternative sites"),
        (cif(sites="Mg1 Mg 0 0 0\nO1 O .5 ? .5"), "O1 has no position: _atom_site_fract_y is not given"),
        (cif(sites="Mg1 Mg 0 0 0\nO1 O 0,5 .5 .5"), "_atom_site_fract_x of O1 is '0,5'; a number was expected"),
        (cif(sites="Mg1 Mg 0 0 0\nO1 O 1/2 .5 .5"), "is '1/2'; a number was expected"),
        (cif("P 1", sites="Mg1 Mg 0 0 0\nO1 O \u22120.5 .5 .5"), "a number was expected"),
        (cif("P 1", sites="Mg1 Mg 0 0 0\nO1 O 1e9 .5 .5"), "is 1e9; at most 1000 was expected"),
        (cif(cell=(4.2, "?", 4.2, 90, 90, 90)), "_cell_length_b is missing"),
        (cif("P 1", declared="_space_group_symop_magn_operation.xyz x,y,z,+1\n"), "a magnetic structure"),
        (cif("P 1", declared="_cell_modulation_dimension 1\n"), "a modulated structure"),
        (cif().replace("_site_fract", "_site.Cartn"), "its positions are Cartesian, which are not read"),
    ],
)  # fmt: skip
def test_a_refusal_says_why(text: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        crystal_of_cif(text)
    assert reason in caught.value.message


def test_the_line_of_a_fault_of_grammar_is_said() -> None:
    with pytest.raises(InputError) as caught:
        crystal_of_cif("data_x\n_a 1\n_b 'open\n")
    assert caught.value.line == 3


def test_operations_count_where_the_symbol_has_other_axes() -> None:
    declared = OPERATIONS + "x,y,z\n-x+1/2,y+1/2,-z+1/2\n-x,-y,-z\nx+1/2,-y+1/2,z+1/2\n"  # P 21/n
    found = crystal_of_cif(cif("P 21/c", (8, 9, 10, 90, 95, 90), "Mg1 Mg 0.1 0.2 0.25", declared=declared))
    assert len(found.species) == 4
    assert any(np.allclose(p % 1, [0.4, 0.7, 0.25]) for p in found.positions)
    assert "its operations have other axes or another origin than 'P 21/c'; they count" in found.notes
