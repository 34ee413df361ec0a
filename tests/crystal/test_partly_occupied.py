"""Sites that several elements share, or that are not always filled."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.spacegroup import crystal as ase_crystal

import matbench_defects as md
from matbench_defects.crystal.cif import crystal_of_cif
from matbench_defects.crystal.occupancies import held
from matbench_defects.crystal.parent import build_parent
from matbench_defects.crystal.structure_files import read_listed
from matbench_defects.errors import InputError
from matbench_defects.spec.parents import ParentSpec

SITES = "Mg1 Mg2+ 0 0 0 0.75\nNi1 Ni2+ 0 0 0 0.25\nO1 O .5 .5 .5 1"


def cif(sites: str = SITES, group: str = "F m -3 m", declared: str = "", a: float = 4.2) -> str:
    lengths = "".join(f"_cell_length_{axis} {a}\n" for axis in "abc")
    angles = "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    tags = "".join(f"_atom_site_{t}\n" for t in ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy"))
    head = f"data_x\n{lengths}{angles}_symmetry_space_group_name_H-M '{group}'\n{declared}"
    return f"{head}loop_\n{tags}{sites}\n"


def parent(folder: Path, text: str, name: str = "host.cif"):
    (folder / name).write_text(text)
    field = "cif" if name.endswith(".cif") else "structure"
    return build_parent(ParentSpec.model_validate({field: name, "provenance": {"source": "a test"}}), folder)


def test_what_shares_a_site_is_one_site(tmp_path: Path) -> None:
    found = parent(tmp_path, cif())
    assert Counter(found.species) == {"Mg": 4, "O": 4} and found.space_group == "Fm-3m"
    assert found.partly_occupied == {"Mg1": (("Mg", 0.75), ("Ni", 0.25))}
    assert found.notes == ("Mg1 is partly occupied: it holds Mg 0.75, Ni 0.25; as the ideal host, Mg",)


@pytest.mark.parametrize("sites", [
    "Ni1 Ni 0 0 0 0.25\nMg1 Mg 0 0 0 0.75\nO1 O .5 .5 .5 1",
    "Ni1 Ni 0 0 0 0.25\nMg1 Mg .5 .5 0 0.75\nO1 O .5 .5 .5 1",  # an image of the same site
    "Ni1 Ni 0 0 0 0.25(2)\nMg1 Mg2+ 0 0 0 0.25\nMg2 Mg 0 0 0 0.5\nO1 O .5 .5 .5 .",
])  # fmt: skip
def test_the_majority_stands_for_it_whatever_the_order(sites: str) -> None:
    found = crystal_of_cif(cif(sites))
    assert Counter(found.species) == {"Mg": 4, "O": 4}
    assert found.occupancies.count((("Mg", 0.75), ("Ni", 0.25))) == 4
    assert held(found) == pytest.approx({"Mg": 3, "Ni": 1, "O": 4})
    with pytest.raises(InputError, match=r"has partly occupied sites \(Mg[12] has an occupancy of 0.75\)"):
        _ = found.crystal


@pytest.mark.parametrize(
    ("sites", "occupancy", "note"),
    [
        ("A Mg 0 0 0 0.333\nB Ni 0 0 0 0.333\nC Zn 0 0 0 0.333", {"Mg": 1 / 3, "Ni": 1 / 3, "Zn": 1 / 3}, "make one"),
        ("A Mg 0 0 0 0.33\nB Ni 0 0 0 0.66", {"Ni": 2 / 3, "Mg": 1 / 3}, "add up to 0.99, which their digits make one"),
        ("A Mg 0 0 0 0.330\nB Ni 0 0 0 0.660", {"Ni": 0.66, "Mg": 0.33}, ""),
        ("A Mg 0 0 0 0.99", {"Mg": 0.99}, ""),
        ("A Fe2+ 0 0 0 0.33\nB Fe3+ 0 0 0 0.67", {"Fe": 1.0}, "A and B share a site and are one element, Fe"),
    ],
)
def test_what_printed_digits_leave_open(sites: str, occupancy: dict[str, float], note: str) -> None:
    found = crystal_of_cif(cif(f"{sites}\nO1 O .5 .5 .5 1"))
    assert dict(found.occupancies[0] if found.occupancies else ((found.species[0], 1.0),)) == pytest.approx(occupancy)
    assert note in "; ".join(found.notes) and bool(note) == bool(found.notes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (cif("A Mg 0 0 0 0.8\nB Ni 0 0 0 0.3"), "occupancies of A and B, which share a site, add up to 1.1"),
        (cif("A Mg 0 0 0 0.334\nB Ni 0 0 0 0.334\nC Zn 0 0 0 0.334"), "add up to 1.002"),
        (cif("A Mg 0 0 0 1\nB Ni 0 0 0 0.4"), "two atoms are 0.00 Å apart"),
        (cif("A Mg 0 0 0 0.6\nB Ni 0.01 0 0 0.4"), "two atoms are 0.0"),
        (
            cif(f"{SITES}\nLi1 Li .25 .25 .25 1", declared="_chemical_formula_sum 'Mg3 Ni O4 Li4'\n"),
            "formula sum is 'Mg3 Ni O4 Li4', but its sites make Li8 Mg3 Ni1 O4",
        ),
        (cif(declared="_chemical_formula_sum 'Mg3 Zn O4'\n"), "formula sum is 'Mg3 Zn O4'"),
    ],
)
def test_a_refusal_says_why(text: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        crystal_of_cif(text)
    assert reason in caught.value.message


def test_a_nominal_formula_beside_refined_occupancies_is_said() -> None:
    found = crystal_of_cif(cif(declared="_chemical_formula_sum 'Mg4 Ni O5'\n"))
    assert found.notes == ("its formula sum is 'Mg4 Ni O5', but its occupancies make Mg3 Ni1 O4 in the cell",)


def test_symmetry_does_not_carry_one_occupancy_into_another(tmp_path: Path) -> None:
    sites = "A Mg 0 0 0 0.5\nB Mg .5 .5 0 0.75\nC Mg .5 0 .5 .75\nD Mg 0 .5 .5 .75"
    assert parent(tmp_path, cif(sites, "P 1")).space_group == "Pm-3m"
    assert parent(tmp_path, cif(sites.replace("0.5\n", "0.75\n"), "P 1"), "b.cif").space_group == "Fm-3m"


def test_extxyz_as_ase_writes_it(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text(cif())
    ase.io.write(tmp_path / "a.xyz", ase.io.read(tmp_path / "a.cif"), format="extxyz")
    found = read_listed(tmp_path / "a.xyz")
    assert held(found) == pytest.approx({"Mg": 3, "Ni": 1, "O": 4})
    assert set(found.labels) == {"Mg", "O"}


def test_extxyz_with_a_column(tmp_path: Path) -> None:
    atoms = ase_crystal(["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)], spacegroup=225, cellpar=[5.6] * 3 + [90] * 3)
    atoms.info.clear()
    del atoms.arrays["spacegroup_kinds"]
    atoms.arrays["occupancy"] = np.where(atoms.numbers == 11, 0.9, 1.0)
    ase.io.write(tmp_path / "a.xyz", atoms, format="extxyz")
    assert held(read_listed(tmp_path / "a.xyz")) == pytest.approx({"Na": 3.6, "Cl": 4})


def spec(folder: Path, **changes):
    (folder / "host.cif").write_text(cif())
    plain = {
        "name": "mine",
        "version": "1.0.0",
        "title": "A test",
        "parent": {"cif": str(folder / "host.cif"), "provenance": {"source": "a test"}},
        "supercell": [1, 1, 1],
        "sublattices": {"Mg1": {"Mg": 3, "Ni": 1}},
    }
    return md.load_spec({**plain, **changes})


def test_a_parent_with_occupancies_needs_a_sublattice_on_each(tmp_path: Path) -> None:
    for cell in ({}, {"cell": "primitive", "supercell": [2, 2, 1]}):
        assert spec(tmp_path, **cell).space().count().total == 4
    with pytest.raises(InputError, match=r"say nothing of Mg1, which is partly occupied .*Mg 0.75, Ni 0.25"):
        spec(tmp_path, sublattices={"O": {"O": 3, "vacancy": 1}}).space().count()
    with pytest.raises(InputError, match=r"Mg1 is partly occupied .* of a reference phase each site is filled"):
        phase = {"cif": str(tmp_path / "host.cif"), "provenance": {"source": "a test"}}
        md.check(_written(tmp_path, reference_phases={"x": phase}))


def _written(folder: Path, **changes) -> Path:
    import yaml

    plain = {
        "name": "mine",
        "version": "1.0.0",
        "title": "A test",
        "parent": {"cif": "host.cif", "provenance": {"source": "a test"}},
        "supercell": [1, 1, 1],
        "sublattices": {"Mg1": {"Mg": 3, "Ni": 1}},
        **changes,
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(plain))
    return folder / "spec.yaml"


def test_identify_and_a_partly_occupied_structure(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has partly occupied sites"):
        spec(tmp_path).identify(tmp_path / "host.cif")


def test_split_sites_have_to_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "host.cif").write_text(cif("A Li .05 0 0 0.5\nB F .5 .5 .5 1", "P m -3 m"))
    plain = {"sublattices": {"A": {"Li": 1, "vacancy": 5}}}
    with pytest.raises(
        InputError, match=r"A and A have sites 0.30 Å apart.*add \{between: \[Li, Li\], closer_than: 1\}"
    ):
        md.check(_written(tmp_path, **plain))
    found = md.check(_written(tmp_path, **plain, exclude=[{"between": ["Li", "Li"], "closer_than": 1}]))
    assert (found.spaces[0].every, found.spaces[0].inequivalent) == (6, 1)
