"""Task documents of atomate2, and outputs that ASE reads."""

from __future__ import annotations

import csv
import gzip
import json

import pyarrow.parquet as pq
import pytest
from vasp_samples import TITLES

import matbench_defects as md
from matbench_defects.errors import InputError

SOME = md.load_spec("lno-cathode").space().sample(4, seed=5)


def document(one, energy: float, **changed) -> dict:
    """Write what atomate2 stores of a run, with the fields that are read."""
    parameters = {"ENMAX": 520.0, "ISPIN": 2}
    mesh = {"generation_style": "Gamma", "kpoints": [[4, 4, 2]]}
    titles = [{"titel": title, "hash": "0"} for title in TITLES.values()]
    step = {"e_0_energy": energy, "e_wo_entrp": energy + 0.2, "e_fr_energy": energy - 0.2}
    document = {
        "task_id": f"mp-{one.id}",
        "state": "successful",
        "run_type": "GGA+U",
        "vasp_version": "6.4.2",
        "structure": one.to_pymatgen().as_dict(),
        "input": {
            "parameters": parameters,
            "kpoints": mesh,
            "potcar_spec": titles,
            "is_hubbard": True,
            "hubbards": {"Li": 0.0, "Ni": 6.2, "O": 0.0},
        },
        "output": {"structure": one.to_pymatgen().as_dict(), "energy": energy + 0.2},
        "calcs_reversed": [{"output": {"ionic_steps": [step]}, "has_vasp_completed": True}],
    }
    return {**document, **changed}


def imported(format_, path, out, **settings):
    found = md.import_labels(format_, path, "lno-cathode", out / "labels.parquet", settings=settings)
    with open(found.report, newline="") as stream:
        report = list(csv.reader(stream))[1:]
    return {row["id"]: row for row in pq.read_table(found.table).to_pylist()}, report


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("jobs", [False, True])
def test_task_documents_are_labels(tmp_path, packed, jobs):
    documents = [document(one, -200.0 - k) for k, one in enumerate(SOME)]
    if jobs:
        documents = [{"uuid": str(k), "index": 1, "output": one} for k, one in enumerate(documents)]
    text = json.dumps(documents).encode()
    path = tmp_path / ("tasks.json.gz" if packed else "tasks.json")
    path.write_bytes(gzip.compress(text) if packed else text)
    rows, _ = imported("atomate2", path, tmp_path)
    assert [rows[one.id]["energy"] for one in SOME] == [-200.0, -201.0, -202.0, -203.0]
    (theory,) = {row["level_of_theory"] for row in rows.values()}
    for part in ("GGA", *TITLES.values(), "520 eV", "spin-polarised", "Ni 6.2 eV", "VASP 6.4.2", "per Å apart"):
        assert part in theory


def test_tasks_that_are_no_labels_have_their_reason(tmp_path):
    documents = [
        document(SOME[0], -200.0, state="failed"),
        document(SOME[1], -200.0, output={"structure": {"@module": "os", "@class": "system"}, "energy": 1.0}),
        document(SOME[2], -200.0),
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(documents))
    rows, report = imported("atomate2", tmp_path / "tasks.json", tmp_path)
    assert list(rows) == [SOME[2].id]
    reasons = [reason for _, kind, _, reason in report if kind == "not mapped"]
    assert "its state is 'failed'" in reasons and any("structure cannot be read" in reason for reason in reasons)


def test_tasks_of_two_settings_are_not_mixed(tmp_path):
    other = document(SOME[1], -200.0, run_type="GGA")
    other["input"] = {**other["input"], "hubbards": {}}
    (tmp_path / "tasks.json").write_text(json.dumps([document(SOME[0], -200.0), other]))
    with pytest.raises(InputError, match=r"the runs mp-\S+ and mp-\S+ differ in the U of Ni: 6\.2 and 0 eV"):
        imported("atomate2", tmp_path / "tasks.json", tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", "[1]", '[{"uuid": "a", "output": 3}]'])
def test_what_is_no_task_document_is_refused(tmp_path, text):
    (tmp_path / "tasks.json").write_text(text)
    with pytest.raises(InputError, match="task document"):
        imported("atomate2", tmp_path / "tasks.json", tmp_path)


def gpaw_text(atoms, energy: float) -> str:
    """Write the lines of GPAW's text that ASE reads."""
    lines = ["Positions:"]
    lines += [
        f"{k:4d} {s:2s} {x:.6f} {y:.6f} {z:.6f}    ( 0.0000,  0.0000,  0.0000)"
        for k, s, (x, y, z) in zip(range(len(atoms)), atoms.get_chemical_symbols(), atoms.positions, strict=True)
    ]
    lines += ["", "Unit cell:", "           periodic     x           y           z      points  spacing"]
    lines += [f"{k + 1}. axis:    yes {v[0]:.6f} {v[1]:.6f} {v[2]:.6f}    10     0.2" for k, v in enumerate(atoms.cell)]
    lines += ["", "Energy contributions relative to reference atoms: (reference = -1000.0)", "", "Kinetic:  +1.0"]
    return "\n".join([*lines, f"Free energy:  {energy - 0.1:.6f}", f"Extrapolated: {energy:.6f}", "", ""])


def test_outputs_that_ase_reads(tmp_path):
    folder = tmp_path / "runs"
    md.export("lno-cathode", folder, "poscar", ids=[one.id for one in SOME])
    for k, one in enumerate(SOME):
        place = folder / str(k)
        place.mkdir()
        (place / "out.txt").write_text(gpaw_text(one.to_ase(), -200.0 - k))
    (folder / "0" / "out.txt").write_text("cut short")
    rows, report = imported("ase", folder, tmp_path, output="gpaw-out", files="out.txt", level_of_theory="PBE, GPAW")
    assert {id_: row["energy"] for id_, row in rows.items()} == {SOME[k].id: -200.0 - k for k in (1, 2, 3)}
    assert {row["level_of_theory"] for row in rows.values()} == {"PBE, GPAW"}
    assert any("cannot be read as gpaw-out" in reason for _, kind, _, reason in report if kind == "not mapped")
    with pytest.raises(InputError, match=r"'bundletrajectory' is no output that is read"):
        imported("ase", folder, tmp_path, output="bundletrajectory")
    with pytest.raises(InputError, match=r"holds no file called aims\.out"):
        imported("ase", folder, tmp_path, output="aims-output")
