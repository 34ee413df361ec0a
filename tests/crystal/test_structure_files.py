"""Files of one crystal in formats besides CIF: read as they stand, or refused with the line that is at fault."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from matbench_defects.crystal.parent import build_parent
from matbench_defects.crystal.structure_files import format_of, read_listed
from matbench_defects.errors import InputError
from matbench_defects.spec.document import LARGEST_BYTES
from matbench_defects.spec.parents import ParentSpec

POSCAR = "MgO\n1.0\n4.2 0 0\n0 4.2 0\n0 0 4.2\nMg O\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
HEAD = 'Lattice="4.2 0 0 0 4.2 0 0 0 4.2" Properties=species:S:1:pos:R:3'
ATOMS = "Mg 0 0 0\nO 2.1 2.1 2.1\n"
XSF = "CRYSTAL\nPRIMVEC\n4.2 0 0\n0 4.2 0\n0 0 4.2\nPRIMCOORD\n2 1\n12 0 0 0\n8 2.1 2.1 2.1\n"
GEN = "2 F\nMg O\n1 1 0 0 0\n2 2 .5 .5 .5\n0 0 0\n4.2 0 0\n0 4.2 0\n0 0 4.2\n"
PWI = (
    "&control\n/\n&system\n ibrav=0, nat=2, ntyp=2, ecutwfc=30\n/\n&electrons\n/\nCELL_PARAMETERS angstrom\n4.2 0 0\n"
    "0 4.2 0\n0 0 4.2\nATOMIC_SPECIES\nMg 24 Mg.upf\nO 16 O.upf\nATOMIC_POSITIONS crystal\nMg 0 0 0\nO .5 .5 .5\n"
)


def changed(text: str, *pairs: tuple[str, str]) -> str:
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after, 1)
    return text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("POSCAR", POSCAR),
        ("CONTCAR.relax", POSCAR),
        ("MgO.vasp", changed(POSCAR, ("1.0\n", "4.2\n"), ("4.2 0 0", "1 0 0"), ("0 4.2 0", "0 1 0"), ("0 0 4.2",
         "0 0 1"))),
        ("POSCAR", changed(POSCAR, ("1.0\n", "-74.088\n"))),  # a negative scale is a volume
        ("POSCAR", changed(POSCAR, ("Direct", "Cartesian"), ("0.5 0.5 0.5", "2.1 2.1 2.1"))),
        ("POSCAR", changed(POSCAR, ("Direct\n0 0 0", "Selective dynamics\nDirect\n0 0 0 T T T"), ("0.5\n",
         "0.5 F F F\n"))),
        ("POSCAR", changed(POSCAR, ("Mg O", "Mg_pv/f474ac0d O"), ("1 1\n", "1 1 ! numbers\n"))),
        ("POSCAR", changed(POSCAR, ("0 0 0\n0.5", "0 0 0 Mg\n0.5")).replace("\n", "\r\n")),
        ("POSCAR", POSCAR + "\n0 0 0\n0 0 0\n"),  # velocities
        ("POSCAR", changed(POSCAR, ("0 0 0\n0.5", "0.0d0 0 0\n0.5"))),
        ("MgO.xyz", f"2\n{HEAD}\n{ATOMS}"),
        ("MgO.xsf", XSF),
        ("MgO.gen", GEN),
        ("MgO.pwi", PWI),
    ],
)  # fmt: skip
def test_caesium_chloride_in_every_format(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    parent = build_parent(ParentSpec(structure=name, provenance={"source": "a test"}), tmp_path)
    assert (parent.formula, parent.space_group, len(parent.rotations)) == ("MgO", "Pm-3m", 48)
    assert abs(np.linalg.det(parent.lattice)) == pytest.approx(4.2**3)


@pytest.mark.parametrize(
    ("name", "text", "reason", "line"),
    [
        ("POSCAR", changed(POSCAR, ("Mg O\n", "")), "a file without them (VASP 4) does not say what it holds", 6),
        ("POSCAR", changed(POSCAR, ("Mg O", "Mg Vac")), "'Vac' is no element", 6),
        ("POSCAR", changed(POSCAR, ("Mg O", "mg o")), "'mg' is no element", 6),
        ("POSCAR", changed(POSCAR, ("1 1\n", "2\n")), "2 numbers of atoms were expected, one for each of Mg O", 7),
        ("POSCAR", changed(POSCAR, ("1 1\n", "2 0\n")), "2 numbers of atoms were expected", 7),
        ("POSCAR", changed(POSCAR, ("1 1\n", "1 1000000000000\n")), "a parent has at most 5000", None),
        ("POSCAR", changed(POSCAR, ("0.5 0.5 0.5\n", "")), "3 numbers were expected, not ''", 10),
        ("POSCAR", POSCAR + "0.25 0.25 0.25\n", "more follows than the 2 atoms that are counted", 11),
        ("POSCAR", POSCAR + POSCAR, "more follows than the 2 atoms that are counted: 'MgO'", 11),
        ("POSCAR", changed(POSCAR, ("0 0 0\n0.5", "0 0 0 O\n0.5")),
         "the atom is called O, but the sixth line makes it Mg", 9),
        ("POSCAR", changed(POSCAR, ("0.5 0.5 0.5", "0.5-0.5 0.5")), "3 numbers were expected, not '0.5-0.5 0.5'", 10),
        ("POSCAR", changed(POSCAR, ("0.5 0.5 0.5", "nan 0 0")), "3 numbers were expected, not 'nan 0 0'", 10),
        ("POSCAR", changed(POSCAR, ("0.5 0.5 0.5", "1 0 0")), "two atoms are 0.00 Å apart (Mg 1 and O 2)", None),
        ("POSCAR", changed(POSCAR, ("1.0\n", "0\n")), "one scaling factor, or three that are positive", 2),
        ("POSCAR", changed(POSCAR, ("0 0 4.2", "4.2 0 0")), "which does not hold an atom", None),
        ("POSCAR", changed(POSCAR, ("Direct\n", "\n")), "Direct or Cartesian was expected", 8),
        ("POSCAR", "", "fewer than eight lines", None),
        ("a.xyz", f"1000000000000\n{HEAD}\n{ATOMS}", "the number of atoms was expected first", 1),
        ("a.xyz", f"3\n{HEAD}\n{ATOMS}", "cannot be read as extxyz", None),
        ("a.xyz", f"2\n{HEAD}\n{ATOMS}" * 2, "holds 2 structures; one was expected", None),
        ("a.xyz", f"2\n\n{ATOMS}", "has no cell of three lattice vectors", None),
        ("a.xyz", f"2\n{HEAD}\nX 0 0 0\nO 2 2 2\n", "holds 'X', which is no element", None),
        ("a.xyz", f"1\n{HEAD}:occupancy:R:1\nMg 0 0 0 1.5\n", "the occupancy of Mg is 1.5, more than one", None),
        ("a.xyz", f"1\n{HEAD}:occupancy:S:1\nMg 0 0 0 half\n", "a column of occupancies that are no numbers", None),
        ("a.xyz", f"1\n{HEAD} occupancy=3\nMg 0 0 0\n", "no column `spacegroup_kinds`", None),
        ("a.xyz", f"1\n{HEAD}:spacegroup_kinds:I:1 occupancy=3\nMg 0 0 0 0\n", "nothing of the sites of kind 0", None),
        ("a.xyz", f'1\n{HEAD}:spacegroup_kinds:I:1 occupancy="_JSON {{\\"0\\": {{\\"Xx\\": 1}}}}"\nMg 0 0 0 0\n',
         "its `occupancy` names 'Xx', which is no element", None),
        ("a.xyz", f"2\n{HEAD}\nMg nan 0 0\nO 2 2 2\n", "a position is not a number", None),
        ("a.gen", "1000000000000 F\nMg\n1 1 0 0 0\n", "the number of atoms was expected first", 1),
        ("a.xsf", changed(XSF, ("2 1\n", "1 1\n")), "it lists 2 atoms and counts 1", None),
        ("a.xsf", changed(XSF, ("2 1\n", "1000000000000 1\n")), "cannot be read as xsf", None),
        ("a.pwi", changed(PWI, ("nat=2", "nat=1")), "it lists 2 atoms and counts 1", None),
    ],
)  # fmt: skip
def test_a_refusal_says_where(tmp_path: Path, name: str, text: str, reason: str, line: int | None) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_listed(tmp_path / name)
    assert reason in caught.value.message
    assert (caught.value.file, caught.value.line) == (str(tmp_path / name), line)


@pytest.mark.parametrize(
    "name", ["a.traj", "a.db", "a.py", "a.json", "a.pckl", "a.bundle", "postgresql:x", "a.res", "a"]
)
def test_formats_that_run_code_ask_a_database_or_guess_are_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("import os")
    with pytest.raises(InputError, match="is of no format that is read; POSCAR, CONTCAR and names that end in"):
        read_listed(tmp_path / name)


def test_a_potcar_beside_it_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "POTCAR").write_text("  PAW_PBE Ca 06Sep2000\n")
    (tmp_path / "POSCAR").write_text(POSCAR)
    assert Counter(read_listed(tmp_path / "POSCAR").species) == {"Mg": 1, "O": 1}


def test_reads_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text(POSCAR + "#" * LARGEST_BYTES)
    with pytest.raises(InputError, match=f"at most {LARGEST_BYTES} are read"):
        read_listed(tmp_path / "POSCAR")
    os.mkfifo(tmp_path / "fifo.xyz")
    with pytest.raises(InputError, match="it is a pipe or a device"):
        read_listed(tmp_path / "fifo.xyz")
    for name in ("none.xyz", "x" * 300 + ".xyz"):
        with pytest.raises(InputError, match="there is no EXTXYZ file"):
            read_listed(tmp_path / name)


def test_a_plane_is_said_to_be_repeated_in_space(tmp_path: Path) -> None:
    (tmp_path / "layer.xyz").write_text(f'2\n{HEAD} pbc="T T F"\n{ATOMS}')
    assert read_listed(tmp_path / "layer.xyz").notes == (
        "its cell is periodic in some directions only, and is taken as periodic in all three",
    )


def test_formats_by_name() -> None:
    names = ("POSCAR", "POSCAR_1", "contcar.gz-no", "a.CIF", "x/my.POSCAR", "a.extxyz")
    assert [format_of(name) for name in names] == ["poscar", "poscar", "poscar", "cif", "poscar", "extxyz"]
