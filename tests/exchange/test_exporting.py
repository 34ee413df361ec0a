"""Configurations written for other programs, and found again in what was written."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.db import connect
from pymatgen.core import Structure
from pymatgen.io.vasp import Incar, Kpoints, Poscar

import matbench_defects as md
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.exchange.writers.poscar import poscar_text
from matbench_defects.exchange.writers.writer import Exported, writers

IDS = ["lno-cathode:Li6Va6:4f", "lno-cathode:Li12:0", "lno-cathode:Li1Va11:0"]
SPACE = md.load_spec("lno-cathode").space()
PSEUDO = {"pseudopotentials": {"Li": "li.upf", "Ni": "ni.upf", "O": "o.upf"}}


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "ids.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def structures(folder: Path, format_: str) -> dict[str, object]:
    """Return what other programs read in an export, by id."""
    rows = table(folder)
    if format_ == "extxyz":
        frames = ase.io.read(folder / "structures.xyz", ":")
        return {frame.info["configuration"]: frame for frame in frames}
    if format_ == "ase-db":
        return {row.configuration: row.toatoms() for row in connect(folder / "structures.db").select()}
    inside = {"vasp": "/POSCAR", "espresso": "/espresso.pwi", "castep": "/structure.cell"}.get(format_, "")
    return {row["id"]: ase.io.read(folder / f"{row['path']}{inside}") for row in rows}


@pytest.mark.parametrize("format_", writers.names())
def test_what_other_programs_read_is_the_configuration(tmp_path, format_):
    settings = PSEUDO if format_ == "espresso" else {}
    found = md.export("lno-cathode", tmp_path / "out", format_, ids=IDS, settings=settings)
    assert found.number == 3
    read = structures(tmp_path / "out", format_)
    assert list(read) == IDS == [row["id"] for row in table(tmp_path / "out")]
    for id_, atoms in read.items():
        assert SPACE.identify(atoms).id == id_
        runs = [a for a, b in zip(atoms.symbols, [None, *atoms.symbols], strict=False) if a != b]
        assert len(runs) == len(set(runs))  # each element once, as POTCAR needs it
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert (record["format"], record["configurations"], record["spec"]) == (format_, 3, "lno-cathode")


def test_what_a_spec_labels_or_all_that_it_means(tmp_path):
    space = {"configurations": {"select": "uniform", "count": 20}}
    some = md.load_spec({"extends": "lno-cathode", "name": "some", "spaces": {"lno-cathode": space}})
    assert md.export(some, tmp_path / "some").number == 20
    assert md.export(some, tmp_path / "all", all=True).number == 87
    rows = table(tmp_path / "all")
    every = {one.id: one.multiplicity for one in SPACE.enumerate()}
    assert {row["id"]: int(row["multiplicity"]) for row in rows} == every
    assert len(list((tmp_path / "all").rglob("*.vasp"))) == 87


def test_relaxed_structures_of_a_dataset(tmp_path):
    dataset = md.load_dataset("lno-cathode")
    id_ = dataset.structures["id"][5].as_py()
    for label in (None, "sevennet_relaxed"):
        md.export(dataset, tmp_path / str(label), ids=[id_], label=label)
    row = next(row for row in dataset.structures.to_pylist() if row["id"] == id_)
    ideal, relaxed = (structures(tmp_path / str(name), "poscar")[id_] for name in (None, "sevennet_relaxed"))
    assert abs(relaxed.get_volume() - md.to_ase(row, "sevennet_relaxed").get_volume()) < 1e-6
    assert abs(ideal.get_volume() - relaxed.get_volume()) > 1e-3
    with pytest.raises(InputError, match="no label with relaxed structures is called 'sevenet_relaxed'; did you mean"):
        md.export(dataset, tmp_path / "no", label="sevenet_relaxed")
    with pytest.raises(InputError, match="relaxed structures are in a dataset"):
        md.export("lno-cathode", tmp_path / "no", label="sevennet_relaxed")
    assert not (tmp_path / "no").exists()


def test_inputs_of_vasp(tmp_path):
    settings = {"input_set": "MPStaticSet", "incar": {"ENCUT": 600}, "potentials": {"Li": "Li"}}
    md.export("lno-cathode", tmp_path / "out", "vasp", ids=IDS[:1], settings=settings)
    folder = tmp_path / "out" / "lno-cathode" / "Li6Va6" / "4f"
    incar = Incar.from_file(folder / "INCAR")
    assert (incar["ENCUT"], incar["NSW"]) == (600, 0)
    assert len(incar["MAGMOM"]) == len(Structure.from_file(folder / "POSCAR")) == 42
    assert Poscar.from_file(folder / "POSCAR").site_symbols == ["Li", "Ni", "O"]
    assert (folder / "POTCAR.spec").read_text().split() == ["Li", "Ni_pv", "O"]
    assert Kpoints.from_file(folder / "KPOINTS").kpts
    with pytest.raises(InputError, match="pymatgen has no input set 'MPRelaxset'; did you mean 'MPRelaxSet'"):
        md.export("lno-cathode", tmp_path / "no", "vasp", settings={"input_set": "MPRelaxset"})
    with pytest.raises(InputError, match="'vasp' has no such setting; did you mean 'incar'"):
        md.export("lno-cathode", tmp_path / "no", "vasp", settings={"incars": {}})


def test_a_template_lies_beside_each_structure(tmp_path):
    template = tmp_path / "template"
    template.mkdir()
    for name in ("INCAR", "KPOINTS", "POTCAR.Li", "POTCAR.Ni", "POTCAR.O"):
        (template / name).write_text(f"{name}\n")
    md.export("lno-cathode", tmp_path / "out", ids=["lno-cathode:Va12:0", IDS[0]], template=template)
    without, with_ = (tmp_path / "out" / "lno-cathode" / part for part in ("Va12/0", "Li6Va6/4f"))
    assert sorted(path.name for path in with_.iterdir()) == ["INCAR", "KPOINTS", "POSCAR", "POTCAR"]
    assert (with_ / "POTCAR").read_text() == "POTCAR.Li\nPOTCAR.Ni\nPOTCAR.O\n"
    assert (without / "POTCAR").read_text() == "POTCAR.Ni\nPOTCAR.O\n"
    (template / "POTCAR.O").unlink()
    with pytest.raises(InputError, match=r"the template has no POTCAR\.O"):
        md.export("lno-cathode", tmp_path / "no", ids=IDS, template=template)
    with pytest.raises(InputError, match="extxyz writes one file for all"):
        md.export("lno-cathode", tmp_path / "no", "extxyz", template=template)
    assert not (tmp_path / "no").exists()


def test_lists_of_ids(tmp_path):
    lists = {"a.csv": "id,predicted\n{}\n".format("\n".join(f"{i},1.0" for i in IDS)), "a.txt": "\n".join([*IDS, ""])}
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        assert md.export("lno-cathode", tmp_path / f"of-{name}", ids=tmp_path / name).number == 3
    SPACE.write(tmp_path / "index.parquet")
    assert md.export("lno-cathode", tmp_path / "index", ids=tmp_path / "index.parquet").number == 87
    (tmp_path / "a.txt").write_text("lno-cathode:Li6Va6:4f\nlno-cathode:Li6Va6:4g\nlno-cathod:Li12:0\n")
    with pytest.raises(InputError) as caught:
        md.export("lno-cathode", tmp_path / "no", ids=tmp_path / "a.txt")
    assert len(caught.value.each) == 2 and "did you mean 'lno-cathode'" in str(caught.value)
    (tmp_path / "a.csv").write_text("name\nx\n")
    with pytest.raises(InputError, match=r"a\.csv: lacks the column 'id'"):
        md.export("lno-cathode", tmp_path / "no", ids=tmp_path / "a.csv")


def test_an_earlier_export_is_asked_about_and_other_folders_are_left_alone(tmp_path):
    md.export("lno-cathode", tmp_path / "out", ids=IDS)
    (tmp_path / "out" / "lno-cathode" / "OUTCAR").write_text("paid for")
    with pytest.raises(InputError, match="in which calculations may have been run"):
        md.export("lno-cathode", tmp_path / "out", ids=IDS)
    md.export("lno-cathode", tmp_path / "out", ids=IDS[:1], replace=True)
    assert len(table(tmp_path / "out")) == 1
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("mine")
    with pytest.raises(InputError, match="exists and is not an export"):
        md.export("lno-cathode", tmp_path / "mine", ids=IDS, replace=True)


def test_pathways_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds pathways"):
        md.export("kfeo2-ti-pathways", tmp_path / "no")


def test_fixed_atoms_are_said():
    fixed = np.array([False, True])
    crystal = Crystal(SPACE.space.lattice, ("O", "H"), SPACE.space.positions[:2], fixed=fixed)
    text = poscar_text(Exported("a:b:0", "a", "b", 1, crystal))
    assert "Selective dynamics\nDirect\n" in text
    assert [line.split()[3:] for line in text.splitlines()[-2:]] == [["T"] * 3, ["F"] * 3]


def test_the_command(tmp_path):
    command = [sys.executable, "-m", "matbench_defects.cli", "export", "lno-cathode", "--to", str(tmp_path / "out")]
    done = subprocess.run([*command, "--format", "extxyz"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "87 configurations in" in done.stdout
    done = subprocess.run([*command, "--format", "extxy"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "did you mean 'extxyz'" in done.stderr


def test_rows_of_the_index_are_structures(lno):
    """A row of the index has no atoms: its id says which, of the dataset or of the spec."""
    ideal = {row["id"]: md.to_pymatgen(row) for row in lno.structures.to_pylist()}
    for row in lno.index.to_pylist():
        assert md.to_pymatgen(row, of=lno) == ideal[row["id"]] == md.to_pymatgen(row, of=str(lno.folder))
    row = lno.index.to_pylist()[3]
    assert len(md.to_ase(row, of="lno-cathode")) == len(ideal[row["id"]])
    for given, message in (
        ({}, "say of which dataset or spec it is: of="),
        ({"of": "nca-cathode"}, "is of no space of nca-cathode"),
        ({"of": lno, "label": "sevennet_relaxed"}, "has no relaxed structure"),
    ):
        with pytest.raises(InputError, match=message):
            md.to_pymatgen(row, **given)


@pytest.mark.parametrize(
    ("format_", "settings", "message"),
    [
        ("vasp", {"incar": {"ENCUT": float("nan")}}, "incar: ENCUT: a finite number was expected, not nan"),
        ("vasp", {"incar": {"ENCUT": -5}}, "incar: ENCUT: a number above 0 and up to 1e.06 was expected, not -5"),
        ("vasp", {"incar": {"MAGMOM": [1.0, float("inf")]}}, "incar: MAGMOM: a finite number was expected, not inf"),
        ("vasp", {"incar": {"SYSTEM": "one\ntwo"}}, "incar: SYSTEM: one line of text was expected"),
        ("vasp", {"kpoints": {"length": float("nan")}}, "kpoints: length: a finite number was expected"),
        ("vasp", {"potentials": {"Li": "../Li"}}, "potentials.Li: the name of a file was expected"),
        ("espresso", {"input": {"system": {"ecutwfc": float("nan")}}}, "input: ecutwfc: a finite number was expected"),
        ("espresso", {"input": {"system": {"ecutwfc": -5}}}, "input: ecutwfc: a number above 0"),
        ("espresso", {"input": {"ecutwfc": True}}, "input: ecutwfc: a number above 0 .* not True"),
        ("espresso", {"kspacing": 0}, "kspacing: .*greater than or equal to 0.01"),
        ("espresso", {"kspacing": 1e-9}, "kspacing: .*greater than or equal to 0.01"),
        ("espresso", {"pseudopotentials": {"Li": "l i.upf"}}, "pseudopotentials.Li: the name of a file was expected"),
        ("espresso", {"pseudopotentials": {"Li": "../li.upf"}}, "pseudopotentials.Li: the name of a file was expected"),
        ("espresso", {"pseudopotentials": {"Li": ".."}}, "pseudopotentials.Li: the name of a file was expected"),
    ],
)
def test_settings_that_no_program_takes(tmp_path, format_, settings, message):
    given = {**PSEUDO, **settings} if format_ == "espresso" else settings
    with pytest.raises(InputError, match=message):
        md.export("lno-cathode", tmp_path / "out", format_, ids=IDS, settings=given)
    assert not (tmp_path / "out").exists()


def test_a_setting_that_is_needed_is_shown(tmp_path):
    with pytest.raises(InputError, match=r"pseudopotentials: 'espresso' needs this setting, such as --set 'pseudo"):
        md.export("lno-cathode", tmp_path / "out", "espresso", ids=IDS)
