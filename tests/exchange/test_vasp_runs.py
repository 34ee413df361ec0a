"""Runs of VASP: exported, run by a stub, and found again with their energies."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pyarrow.parquet as pq
import pytest
from specs_for_charges import LNMO
from vasp_samples import TITLES, write_outcar, write_vasprun

import matbench_defects as md
from matbench_defects.errors import InputError

SPACE = md.load_spec("lno-cathode").space()
SOME = SPACE.sample(30, seed=1)


def runs(folder: Path, number: int, write=write_vasprun, **given) -> dict[str, float]:
    """Export some configurations and run them by a stub that moves atoms; return the energies."""
    md.export("lno-cathode", folder, "vasp", ids=[one.id for one in SOME[:number]])
    generator = np.random.default_rng(0)
    energies = {}
    with open(folder / "ids.csv", newline="") as stream:
        for row in csv.DictReader(stream):
            atoms = ase.io.read(folder / row["path"] / "POSCAR")
            atoms.set_cell(atoms.cell * 1.02, scale_atoms=True)
            atoms.positions += generator.normal(0, 0.05, (len(atoms), 3))
            energies[row["id"]] = -200 - generator.random()
            write(folder / row["path"], atoms, energies[row["id"]], **given)
    return energies


def imported(folder: Path, out: Path, **settings) -> tuple[dict[str, dict], list[list[str]]]:
    found = md.import_labels("vasp", folder, "lno-cathode", out / "labels.parquet", settings=settings)
    with open(found.report, newline="") as stream:
        report = list(csv.reader(stream))[1:]
    return {row["id"]: row for row in pq.read_table(found.table).to_pylist()}, report


def test_thirty_runs_go_out_and_come_back(tmp_path):
    energies = runs(tmp_path / "runs", 30, hubbard={"Ni": 6.2})
    rows, report = imported(tmp_path / "runs", tmp_path)
    assert {id_: row["energy"] for id_, row in rows.items()} == pytest.approx(energies, abs=1e-7) and len(rows) == 30
    (theory,) = {row["level_of_theory"] for row in rows.values()}
    for part in ("PBE", *TITLES.values(), "520 eV", "spin-polarised", "Ni 6.2 eV", "VASP 6.4.2"):
        assert part in theory
    assert {reason for *_, reason in report} == {"its energy is that extrapolated to zero smearing"}


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_compressed_outputs(tmp_path, ending, pack):
    energies = runs(tmp_path / "runs", 2)
    for path in (tmp_path / "runs").rglob("vasprun.xml"):
        path.with_name(f"vasprun.xml{ending}").write_bytes(pack(path.read_bytes()))
        path.unlink()
    rows, _ = imported(tmp_path / "runs", tmp_path)
    assert {id_: row["energy"] for id_, row in rows.items()} == pytest.approx(energies, abs=1e-7)


def test_outcars_say_the_same(tmp_path):
    energies = runs(tmp_path / "runs", 3, write_outcar, u="0.0  6.2  0.0")
    rows, _ = imported(tmp_path / "runs", tmp_path)
    assert {id_: row["energy"] for id_, row in rows.items()} == pytest.approx(energies, abs=1e-7)
    theories = {row["level_of_theory"] for row in rows.values()}
    runs(tmp_path / "others", 3, hubbard={"Ni": 6.2})
    assert theories == {row["level_of_theory"] for row in imported(tmp_path / "others", tmp_path)[0].values()}


def test_what_is_no_label_has_its_reason(tmp_path):
    folder = tmp_path / "runs"
    runs(folder, 6)
    places = sorted(path.parent for path in folder.rglob("vasprun.xml"))
    write_vasprun(places[0], ase.io.read(places[0] / "POSCAR"), -200.0, steps=99)
    write_vasprun(places[1], ase.io.read(places[1] / "POSCAR"), -200.0, electronic=60)
    whole = (places[2] / "vasprun.xml").read_text()
    (places[2] / "vasprun.xml").write_text(whole[: len(whole) // 2])
    (places[3] / "vasprun.xml").write_text(whole.replace("<modeling>", '<!DOCTYPE a [<!ENTITY b "c">]><modeling>'))
    write_vasprun(places[4], ase.io.read(places[5] / "POSCAR"), -200.0)
    rows, report = imported(folder, tmp_path)
    reasons = [reason for _, kind, _, reason in report if kind == "not mapped"]
    for expected in (
        "the relaxation did not converge in 99 steps",
        "the electrons did not converge in 60 steps",
        "the run has not finished: its vasprun.xml ends in the middle",
        "declares entities",
        "it is to be lno-cathode:",
    ):
        assert any(expected in reason for reason in reasons), expected
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"cutoff": 400.0}, r"the cutoff: 520 eV and 400 eV"),
        ({"hubbard": {"Ni": 6.2}}, r"the U of Ni: 0 and 6\.2 eV"),
        ({"titles": {**TITLES, "O": "PAW_PBE O_s 07Sep2000"}}, "the potential of O: PAW_PBE O 08Apr2002 and"),
        ({"mesh": (1, 1, 1)}, "the spacing of k-points"),
    ],
)
def test_settings_are_not_mixed(tmp_path, given, what):
    folder = tmp_path / "runs"
    runs(folder, 3)
    last = max(path.parent for path in folder.rglob("vasprun.xml"))
    write_vasprun(last, ase.io.read(last / "POSCAR"), -200.0, **given)
    with pytest.raises(InputError, match=rf"the runs lno-cathode/\S+ and \S+ differ in {what}.*one setting at a time"):
        imported(folder, tmp_path)
    assert not (tmp_path / "labels.parquet").exists()


def test_folders_without_runs(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no vasprun\.xml and no OUTCAR"):
        imported(tmp_path / "empty", tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        imported(tmp_path / "none", tmp_path)


def test_what_is_said_counts_before_what_the_files_say(tmp_path):
    runs(tmp_path / "runs", 2)
    rows, _ = imported(tmp_path / "runs", tmp_path, level_of_theory="PBE+U, mine")
    assert {row["level_of_theory"] for row in rows.values()} == {"PBE+U, mine"}


def test_one_command_out_and_one_in(tmp_path):
    runs(tmp_path / "runs", 3)
    command = [sys.executable, "-m", "matbench_defects.cli", "import", "vasp", str(tmp_path / "runs")]
    command += ["--spec", "lno-cathode", "--out", str(tmp_path / "labels.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "3 of 3 structures are configurations; 3 rows" in done.stdout, done.stderr


def test_runs_of_species_with_states_come_back(tmp_path):
    """VASP knows no oxidation states: they are those of the table, atom by atom, and said to be."""
    drawn = "{where: {charges: neutral}, select: uniform, count: 12, seed: 4}"
    (tmp_path / "spec.yaml").write_text(LNMO.replace("{where: {charges: neutral}}", drawn))
    folder = tmp_path / "runs"
    md.export(tmp_path / "spec.yaml", folder, "vasp")
    titles = {**TITLES, "Mn": "PAW_PBE Mn_pv 02Aug2007"}
    generator = np.random.default_rng(0)
    with open(folder / "ids.csv", newline="") as stream:
        ids = {row["id"]: row["path"] for row in csv.DictReader(stream)}
    for number, path in enumerate(ids.values()):
        atoms = ase.io.read(folder / path / "POSCAR")
        atoms.positions += generator.normal(0, 0.05, (len(atoms), 3))
        write_vasprun(folder / path, atoms, -200.0 - number, titles=titles)
    found = md.import_labels("vasp", folder, tmp_path / "spec.yaml", tmp_path / "labels.parquet")
    energies = {row["id"]: row["energy"] for row in pq.read_table(found.table).to_pylist()}
    assert energies == {id_: -200.0 - number for number, id_ in enumerate(ids)} and len(energies) == 12
    assert "oxidation states are those that it was exported with" in Path(found.report).read_text()
    first = next(iter(ids))
    write_vasprun(folder / ids[first], ase.io.read(folder / ids[first] / "POSCAR")[::-1], -200.0, titles=titles)
    again = md.import_labels("vasp", folder, tmp_path / "spec.yaml", tmp_path / "again.parquet")
    assert "its atoms are not those that were exported" in Path(again.report).read_text()
    assert pq.read_table(again.table).num_rows == 11
