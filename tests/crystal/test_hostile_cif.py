"""CIF files that no host can be made of, or that say less, or something else, than their atoms do."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from matbench_defects.cli.commands.crystal import show_check
from matbench_defects.crystal.limits import LARGEST_PARENT
from matbench_defects.crystal.parent import Parent, build_parent
from matbench_defects.dataset.check import check_spec
from matbench_defects.errors import InputError
from matbench_defects.spec.document import LARGEST_BYTES
from matbench_defects.spec.parents import ParentSpec

CIF = """\
data_MgO
_symmetry_space_group_name_H-M 'F m -3 m'
_cell_length_a 4.2
_cell_length_b 4.2
_cell_length_c 4.2
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Mg1 Mg 0 0 0 1
O1 O 0.5 0.5 0.5 1
"""


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str | bytes) -> Parent:
        path = tmp_path / "host.cif"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return build_parent(ParentSpec(cif="host.cif", provenance={"source": "test"}), tmp_path)

    return read


def changed(before: str, after: str) -> str:
    assert before in CIF
    return CIF.replace(before, after)


def listed(number: int) -> str:
    places = np.linspace(0, 0.999, number)
    return CIF.replace("Mg1 Mg 0 0 0 1\n", "".join(f"Mg{i} Mg {x:.6f} 0 0 1\n" for i, x in enumerate(places)))


OPERATIONS = "loop_\n_symmetry_equiv_pos_as_xyz\n" + "'x, y, z'\n" * 192


def test_the_file_that_is_spoilt_is_right(read) -> None:
    assert (read(CIF).formula, read(CIF).space_group, len(read(CIF).species)) == ("MgO", "Fm-3m", 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as CIF: "),
        ("Dear all,\nplease find attached\n", "cannot be read as CIF: "),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is not UTF-8 text"),
        ("data_MgO\nloop_\n_a\n'", "cannot be read as CIF: "),
        (changed("_cell_length_a 4.2\n", ""), "cannot be read as CIF: "),
        (changed("Mg1 Mg 0 0 0 1", "Mg1 Mg 0 0 0 -0.5"), "occupancy of Mg1 is -0.5; a number above 0 and at most 1"),
        (changed("Mg1 Mg 0 0 0 1", "Mg1 Mg 0 0 0 0.5\nCa1 Ca 0 0 0 0.6"),
         "occupancies of Mg1 and Ca1, which share a site, add up to 1.1, more than one"),
        (CIF + CIF.replace("data_MgO", "data_other"), "holds 2 structures; one was expected"),
        (changed("Mg1 Mg 0 0 0 1", "Mg1 Xx 0 0 0 1"), "holds 'Xx', which is no element"),
        (changed("_cell_length_a 4.2", "_cell_length_a 1e300"), "cannot be read as CIF: |at most 10000 Å and"),
        (changed("_length_a 4.2", "_length_a 1e6"), "at most 10000 Å and 1e+07 Å³ are handled. Are the lengths in Å?"),
        (changed("_length_a 4.2", "_length_a 4.2e-10"), "cannot be read as CIF: |does not hold"),
        (changed("_length_a 4.2", "_length_a 0"), "cannot be read as CIF: |does not hold"),
        (changed("_length_a 4.2", "_length_a nan"), "_cell_length_a is 'nan'; a number was expected"),
        (changed("_angle_gamma 90", "_angle_gamma 180"), "cannot be read as CIF: |does not hold|not numbers"),
        (changed("Mg1 Mg 0 0 0 1", "Mg1 Mg nan 0 0 1"), "_atom_site_fract_x of Mg1 is 'nan'; a number was expected"),
        (changed("Mg1 Mg 0 0 0 1", "Mg1 Mg 0.45 0.5 0.5 1"),
         "two atoms are 0.21 Å apart (Mg1 and O1); at least 0.7 was expected"),
        (CIF.replace("'F m -3 m'", "'P 1'").replace("0.5 0.5 0.5", "0.01 0 0"), "two atoms are 0.04 Å apart"),
        (listed(LARGEST_PARENT), f"its cell holds {LARGEST_PARENT + 1} atoms; a parent has at most {LARGEST_PARENT}"),
        (CIF.replace("loop_", OPERATIONS + "loop_", 1) + "O2 O 0.1 0 0 1\n" * 300, "which make 57984 images; at most"),
        (CIF + "#" * LARGEST_BYTES, f"bytes; at most {LARGEST_BYTES} are read"),
    ],
)  # fmt: skip
def test_one_clear_message(read, tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    said = str(caught.value)
    assert any(part in said for part in message.split("|")), said
    assert caught.value.file == str(tmp_path / "host.cif") and said.isprintable() and len(said) < 500


def test_without_symmetry_it_is_found_from_the_atoms(read) -> None:
    atoms = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    rows = "".join(f"Mg Mg {x} {y} {z} 1\nO O {(x + 0.5) % 1} {y} {z} 1\n" for x, y, z in atoms)
    head = CIF.partition("Mg1 Mg")[0].replace("_symmetry_space_group_name_H-M 'F m -3 m'\n", "")
    found = read(head + rows)
    assert (found.space_group, len(found.rotations), found.declared) == ("Fm-3m", 192, False)


@pytest.mark.parametrize("symbol", ["P m -3 m", "F 4 3 2", "P 1"])
def test_a_wrong_symmetry_is_not_believed_and_the_right_one_shown(tmp_path: Path, symbol: str) -> None:
    (tmp_path / "host.cif").write_text(changed("F m -3 m", symbol))
    (tmp_path / "spec.yaml").write_text(
        "name: wrong\nversion: 1.0.0\ntitle: A CIF with a wrong symbol\nsupercell: [2, 2, 2]\n"
        "parent: {cif: host.cif, provenance: {source: a test}}\nsublattices: {Mg: {Ca: 0..1, Mg: rest}}\n"
    )
    shown = io.StringIO()
    show_check(check_spec(str(tmp_path / "spec.yaml")), Console(file=shown, width=120))
    # In P m -3 m and P 1 the two atoms are caesium chloride, in F 4 3 2 they are rock salt.
    assert ("MgO, Fm-3m" if symbol == "F 4 3 2" else "MgO, Pm-3m") in shown.getvalue()
