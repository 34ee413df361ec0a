"""A space with oxidation states, drawn neutral and exported by the commands that a user runs."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter

import ase.io
import pytest
from ase.db import connect
from pymatgen.io.vasp import Incar, Poscar
from specs_for_charges import LNMO

import matbench_defects as md
from matbench_defects.crystal.structure import Crystal

DRAWN = LNMO.replace("{where: {charges: neutral}}", "{where: {charges: neutral}, select: uniform, count: 12, seed: 4}")
STATES = {"Li+": 1, "Ni2+": 2, "Ni3+": 3, "Mn4+": 4, "O2-": -2}
MOMENTS = {"Li+": 0, "Ni2+": 1.7, "Ni3+": 1, "Mn4+": 3, "O2-": 0}


def run(*arguments, cwd):
    command = [sys.executable, "-m", "matbench_defects.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env={**os.environ}, capture_output=True, text=True, check=False)


def exported(tmp_path, format_, *options, text=DRAWN):
    (tmp_path / "spec.yaml").write_text(text)
    done = run("export", "spec.yaml", "--to", format_, "--format", format_, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / format_ / "ids.csv", newline="") as stream:
        return done, list(csv.DictReader(stream))


def listed(row):
    """Return the species of each atom by the table of ids."""
    runs = [one.split("*") for one in row["oxidation_states"].split()]
    return [species for number, species in runs for _ in range(int(number))]


def test_counted_drawn_and_exported_by_commands(tmp_path):
    (tmp_path / "spec.yaml").write_text(DRAWN)
    counted = run("check", "spec.yaml", cwd=tmp_path)
    assert any(line.split() == ["all", "1,280", "113"] for line in counted.stdout.splitlines())
    done, rows = exported(tmp_path, "vasp")
    assert "12 configurations in vasp" in done.stdout and "note" not in done.stdout
    space = md.load_spec(tmp_path / "spec.yaml").space()
    inputs = set()
    for row in rows:
        species = listed(row)
        assert sum(STATES[one] for one in species) == 0
        folder = tmp_path / "vasp" / row["path"]
        poscar = Poscar.from_file(folder / "POSCAR").structure
        assert [site.specie.symbol for site in poscar] == [re.sub(r"\d*[+-]", "", one) for one in species]
        incar = Incar.from_file(folder / "INCAR")
        assert incar["ISPIN"] == 2 and incar["MAGMOM"] == [MOMENTS[one] for one in species]
        potentials = {"Li": "Li_sv", "Ni": "Ni_pv", "Mn": "Mn_pv", "O": "O"}
        elements = dict.fromkeys(site.specie.symbol for site in poscar)
        assert (folder / "POTCAR.spec").read_text().split() == [potentials[element] for element in elements]
        states = tuple(STATES[one] for one in species)
        told = Crystal.from_pymatgen(poscar.add_oxidation_state_by_site(states))
        assert space.identify(told.to_pymatgen()).id == row["id"]
        inputs.add((folder / "INCAR").read_text() + (folder / "POSCAR").read_text().partition("\n")[2])
    assert len(inputs) == len({row["id"] for row in rows}) == 12


def test_formats_that_hold_states_are_identified_again(tmp_path):
    _, rows = exported(tmp_path, "extxyz")
    space = md.load_spec(tmp_path / "spec.yaml").space()
    for frame in ase.io.read(tmp_path / "extxyz" / "structures.xyz", ":"):
        assert space.identify(frame).id == frame.info["configuration"]
    _, rows = exported(tmp_path, "ase-db")
    moments = {
        r.configuration: r.toatoms().get_initial_magnetic_moments()
        for r in connect(tmp_path / "ase-db" / "structures.db").select()
    }
    for row in rows:
        assert moments[row["id"]].tolist() == [MOMENTS[one] for one in listed(row)]


@pytest.mark.parametrize(("valences", "nickel"), [({}, [1.0, 1.7]), ({"Ni": 18, "Mn": 15}, [1 / 18, 1.7 / 18])])
def test_pw_starts_each_state_from_its_own_magnetization(tmp_path, valences, nickel):
    pseudo = "{Li: Li.upf, Ni: Ni.upf, Mn: Mn.upf, O: O.upf}"
    options = [
        "--set",
        f"pseudopotentials={pseudo}",
        *(["--set", f"valences={json.dumps(valences)}"] if valences else []),
    ]
    _, rows = exported(tmp_path, "espresso", *options)
    row = next(row for row in rows if {"Ni2+", "Ni3+"} <= set(listed(row)))
    text = (tmp_path / "espresso" / row["path"] / "espresso.pwi").read_text()
    kinds = [line.split()[0] for line in re.search(r"ATOMIC_SPECIES\n((?:.+\n)+)", text)[1].splitlines()]
    start = {kinds[int(n) - 1]: float(m) for n, m in re.findall(r"starting_magnetization\((\d+)\) = (\S+)", text)}
    assert sorted(m for kind, m in start.items() if kind.startswith("Ni")) == pytest.approx(nickel)
    assert re.search(r"nspin += 2", text)
    atoms = [line.split()[0] for line in text.partition("ATOMIC_POSITIONS angstrom\n")[2].splitlines() if line.strip()]
    wanted = Counter(round(MOMENTS[one] / (valences.get(one[:2], 1)), 6) for one in listed(row))
    assert Counter(round(start[kind], 6) for kind in atoms) == wanted


def test_moments_that_pw_would_take_for_something_else_are_refused(tmp_path):
    (tmp_path / "spec.yaml").write_text(DRAWN.replace("Ni3+: 1,", "Ni3+: 0.6,"))
    pseudo = "pseudopotentials={Li: Li.upf, Ni: Ni.upf, Mn: Mn.upf, O: O.upf}"
    done = run("export", "spec.yaml", "--to", "out", "--format", "espresso", "--set", pseudo, cwd=tmp_path)
    assert done.returncode == 2 and "share of the valence electrons" in done.stderr
    assert not (tmp_path / "out").exists()


def test_castep_starts_from_spins(tmp_path):
    _, rows = exported(tmp_path, "castep")
    text = (tmp_path / "castep" / rows[0]["path"] / "structure.cell").read_text()
    assert [float(m) for m in re.findall(r"SPIN=(\S+)", text)] == [MOMENTS[one] for one in listed(rows[0])]


def test_inputs_that_cannot_tell_states_apart_are_said_to_be_so(tmp_path):
    done, rows = exported(tmp_path, "poscar", text=DRAWN.replace("moments: {Ni2+: 1.7, Ni3+: 1, Mn4+: 3}\n", ""))
    assert "Ni2+ and Ni3+ of lnmo differ neither in their element nor in their starting moment" in done.stdout
    assert "oxidation_states" in rows[0]


def test_a_dataset_exports_what_its_spec_does(tmp_path):
    (tmp_path / "spec.yaml").write_text(DRAWN + "labels: [{engine: ewald}]\n")
    md.build(md.load_spec(tmp_path / "spec.yaml"), tmp_path / "data")
    md.export(tmp_path / "data", tmp_path / "a", "vasp")
    md.export(tmp_path / "spec.yaml", tmp_path / "b", "vasp")
    for one in (tmp_path / "a").rglob("INCAR"):
        assert one.read_text() == (tmp_path / "b" / one.relative_to(tmp_path / "a")).read_text()


def test_exports_without_states_have_the_columns_that_they_had(tmp_path):
    md.export("lno-cathode", tmp_path / "out", "poscar", ids=["lno-cathode:Li12:0"])
    assert (tmp_path / "out" / "ids.csv").read_text().splitlines()[0] == "id,path,space,content,multiplicity,atoms"
