"""Runs of pw.x: exported, run by a stub, and found again with their energies."""

from __future__ import annotations

import csv
import gzip

import ase.io
import numpy as np
import pyarrow.parquet as pq
import pytest
from espresso_samples import PSEUDOPOTENTIALS, write_output

import matbench_defects as md
from matbench_defects.errors import InputError

IDS = [one.id for one in md.load_spec("lno-cathode").space().sample(5, seed=2)]


def exported(folder):
    """Export some configurations; return the atoms, moved a little, by id and folder."""
    md.export("lno-cathode", folder, "espresso", ids=IDS, settings={"pseudopotentials": PSEUDOPOTENTIALS})
    generator = np.random.default_rng(3)
    found = {}
    with open(folder / "ids.csv", newline="") as stream:
        for row in csv.DictReader(stream):
            (place,) = (path for path in (folder / row["path"]).iterdir() if path.suffix == ".pwi")
            atoms = ase.io.read(place)
            atoms.set_cell(atoms.cell * 0.99, scale_atoms=True)
            atoms.positions += generator.normal(0, 0.05, (len(atoms), 3))
            found[row["id"]] = (folder / row["path"], atoms)
    return found


def imported(folder, out):
    found = md.import_labels("espresso", folder, "lno-cathode", out / "labels.parquet")
    with open(found.report, newline="") as stream:
        report = list(csv.reader(stream))[1:]
    return {row["id"]: row for row in pq.read_table(found.table).to_pylist()}, report


def test_runs_go_out_and_come_back(tmp_path):
    for number, (folder, atoms) in enumerate(exported(tmp_path / "runs").values()):
        path = write_output(folder, atoms, -500.0 - number, u="U(Ni-3d) =  6.2000")
        if number == 0:
            path.with_name("espresso.pwo.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        (folder / "slurm.out").write_text("a job began\n")
    rows, _ = imported(tmp_path / "runs", tmp_path)
    assert [rows[id_]["energy"] for id_ in IDS] == pytest.approx([-500.0 - k for k in range(5)], abs=1e-5)
    (theory,) = {row["level_of_theory"] for row in rows.values()}
    for part in ("PBE", *PSEUDOPOTENTIALS.values(), "816.3 eV", "spin-polarised", "Ni 6.2 eV", "Quantum ESPRESSO 7.2"):
        assert part in theory


@pytest.mark.parametrize(
    ("smearing", "expected"),
    [("Fermi-Dirac", -499.8), ("Gaussian", -499.8), ("Methfessel-Paxton", -500.0), ("Marzari-Vanderbilt", -500.0)],
)
def test_the_energy_is_that_at_zero_smearing(tmp_path, smearing, expected):
    (folder, atoms), *_ = exported(tmp_path / "runs").values()
    write_output(folder, atoms, -500.0, smearing=smearing, entropy=-0.4)
    rows, _ = imported(tmp_path / "runs", tmp_path)
    assert [row["energy"] for row in rows.values()] == pytest.approx([expected], abs=1e-5)


def test_what_is_no_label_has_its_reason(tmp_path):
    places = list(exported(tmp_path / "runs").values())
    write_output(*places[0], -500.0, done=False)
    write_output(*places[1], -500.0, ending="     convergence NOT achieved after 100 iterations: stopping")
    write_output(*places[2], -500.0, ending="     The maximum number of steps has been reached.")
    write_output(places[3][0], places[4][1], -500.0)
    write_output(*places[4], -500.0)
    rows, report = imported(tmp_path / "runs", tmp_path)
    reasons = " ".join(reason for _, kind, _, reason in report if kind == "not mapped")
    for expected in ("has not finished", "electrons did not converge", "relaxation did not converge", "it is to be"):
        assert expected in reasons
    assert list(rows) == [IDS[4]]


def test_settings_are_not_mixed(tmp_path):
    places = list(exported(tmp_path / "runs").values())
    write_output(*places[0], -500.0)
    write_output(*places[1], -500.0, cutoff=50.0)
    with pytest.raises(InputError, match=r"differ in the cutoff: .*one setting at a time"):
        imported(tmp_path / "runs", tmp_path)


def test_folders_without_runs(tmp_path):
    (tmp_path / "job.out").write_text("nothing of pw.x")
    with pytest.raises(InputError, match=r"holds no output of pw\.x"):
        imported(tmp_path, tmp_path)
