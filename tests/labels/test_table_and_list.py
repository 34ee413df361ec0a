"""Engines that read what others made: energies from a file, calculators from the user's own list, point charges."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from label_samples import copper

from matbench_defects.columns import Quantity
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.plan import plan
from matbench_defects.dataset.validation import validate_spec
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.labels import running
from matbench_defects.labels.engine import methods_of
from matbench_defects.labels.engines.ase import AseEntry, AseSettings
from matbench_defects.labels.engines.ewald import ewald_energy
from matbench_defects.labels.engines.table import read_energies
from matbench_defects.labels.jobs import jobs_of, reference_jobs
from matbench_defects.labels.running import compute_label
from matbench_defects.spec.loading import load_spec

TABLE = "{engine: table, file: FILE, unit: eV, per: cell, level_of_theory: PBE by hand, machine_learned: false}"
SALT = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]) / 2
ROCK_SALT = Crystal(np.eye(3) * 5.64, ("Na",) * 4 + ("Cl",) * 4, SALT * 5.64)


def test_a_table_labels_the_configurations_that_it_names(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    (tmp_path / "dft.csv").write_text("id,energy\ncopper:Va1Cu31:0,-120.5\n")
    spec = copper(tmp_path, "{vacancy: 0..1, Cu: rest}", label=TABLE.replace("FILE", "dft.csv"))
    found = {job.id: compute_label(job) for job in jobs_of(spec, select(spec))}
    one = found.pop("copper:Va1Cu31:0")
    assert one.usable and one.outcome.energy == -120.5
    assert one.level_of_theory == "PBE by hand"
    (other,) = found.values()
    assert "dft.csv has no row copper:" in other.problem


def test_rows_of_a_table_that_nothing_asks_for_are_told(tmp_path):
    (tmp_path / "dft.csv").write_text("id,energy\ncopper:Va1Cu31:0,-120.5\ncopper:Va1Cu31:77,-3\nother:Cu32:0,-1\n")
    spec = copper(tmp_path, "{vacancy: 0..1, Cu: rest}", label=TABLE.replace("FILE", "dft.csv"))
    told = "dft.csv: 2 of 3 rows are of no id that is asked for, such as copper:Va1Cu31:77"
    assert plan(spec).notes == (told,)
    assert told in validate_spec(spec).notes


def test_all_bad_rows_of_a_table_are_told_at_once(tmp_path):
    (tmp_path / "dft.csv").write_text("id,energy\na,-1\nb,nan\na,-2\nc,much\n")
    with pytest.raises(InputError) as caught:
        read_energies(tmp_path / "dft.csv", "energy", "cell")
    assert [line.partition("row ")[2] for line in caught.value.each] == [
        "2: 'nan' is no finite number", "3: the id a stands there twice", "4: 'much' is no finite number",
    ]  # fmt: skip


def test_another_table_is_another_method(tmp_path):
    digests = []
    for energy in (-1, -2):
        (tmp_path / "dft.csv").write_text(f"id,energy\na,{energy}\n")
        digests.append(methods_of(copper(tmp_path, "{Cu: rest}", label=TABLE.replace("FILE", "dft.csv")))[0].digest())
    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (TABLE.replace("FILE", "no.csv"), "spec.yaml:13: labels.0.file: there is no file"),
        (TABLE.replace("FILE", "no.csv").replace("eV", "Ha"), "labels.0.unit: input should be 'eV'"),
        ("{engine: ewald, charges: {Cu: 0}, relax: {cell: true}}", "labels.0.relax: ewald knows no forces"),
    ],
)
def test_mistakes_are_located(tmp_path, label, message):
    with pytest.raises(InputError, match=message):
        methods_of(copper(tmp_path, "{Cu: rest}", label=label))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "id,energy\na,1\na,2\n", "row 2: the id a stands there twice"),
        ("a.csv", "id,energy\na,low\n", "row 1: 'low' is no finite number"),
        ("a.csv", "id,e\na,1\n", "row 1 lacks `id` or `energy`"),
        ("a.json", '[{"id": "a", "energy": NaN}]', "row 1: nan is no finite number"),
        ("a.json", "{}", "a list of objects was expected"),
        ("a.xlsx", "", "ends in .csv, .json or .parquet"),
        ("a.parquet", "words", "cannot be read as Parquet"),
    ],
)
def test_tables_that_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_energies(tmp_path / name, "energy", "cell")


def test_units_of_a_parquet_table_are_checked(tmp_path):
    path = tmp_path / "a.parquet"
    for quantity, fits in ((Quantity("eV", "cell"), True), (Quantity("meV", "cell"), False), (Quantity("eV"), False)):
        schema = pa.schema([pa.field("id", pa.string()), quantity.field("energy")])
        pq.write_table(pa.Table.from_pylist([{"id": "a", "energy": -1.5}], schema=schema), path)
        if fits:
            assert read_energies(path, "energy", "cell") == {"a": -1.5}
        else:
            with pytest.raises(InputError, match="but eV per cell was expected"):
                read_energies(path, "energy", "cell")


def test_only_the_users_own_list_imports_anything(tmp_path, monkeypatch):
    path = tmp_path / "engines.yaml"
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(path))
    with pytest.raises(InputError, match=r"engines.yaml: no calculator is called 'os:system' on your list"):
        AseEntry(AseSettings(calculator="os:system"))
    entry = "  emt: {calculator: 'ase.calculators.emt:EMT', package: ase, machine_learned: true"
    path.write_text(f"ase:\n{entry}}}\n")
    with pytest.raises(InputError, match=r"engines.yaml:2: ase.emt.level_of_theory: is missing"):
        AseEntry(AseSettings(calculator="emt"))
    path.write_text(f"ase:\n{entry}, level_of_theory: effective medium}}\n")
    engine = AseEntry(AseSettings(calculator="emt"))
    assert engine.level_of_theory == "effective medium; machine-learned, not DFT"
    assert engine.version.startswith("ase 3")
    crystal = Crystal(np.eye(3) * 3.6, ("Cu",), np.zeros((1, 3)))
    assert np.isfinite(engine.compute(crystal, None).energy)
    first = engine._calculator
    engine.begin(tmp_path / "kept")
    engine.compute(crystal, None)
    assert engine._calculator is first  # a potential is loaded once
    assert not (tmp_path / "kept").exists()
    path.write_text("words")
    with pytest.raises(InputError, match="a mapping of fields was expected at the top"):
        AseEntry(AseSettings(calculator="emt"))


def test_the_madelung_constant_of_rock_salt():
    energy, force = ewald_energy(ROCK_SALT, {"Na": 1, "Cl": -1})
    assert -energy / 4 * 2.82 / 14.399645 == pytest.approx(1.7475646, abs=1e-6)
    assert force == pytest.approx(0, abs=1e-9)


def test_a_charged_cell_needs_a_background_and_is_then_extensive():
    charges = {"Na": 1, "Cl": -1}
    one = Crystal(ROCK_SALT.lattice, ROCK_SALT.species[1:], ROCK_SALT.positions[1:])
    with pytest.raises(InputError, match="the charges add up to -1"):
        ewald_energy(one, charges)
    two = Crystal(
        one.lattice * [[2], [1], [1]],
        one.species * 2,
        np.concatenate([one.positions, one.positions + one.lattice[0]]),
    )
    single, double = (ewald_energy(c, charges, background=True)[0] for c in (one, two))
    assert double == pytest.approx(2 * single, abs=1e-4)
    with pytest.raises(InputError, match="no charge is given for Cl"):
        ewald_energy(one, {"Na": 1})


PHASE = """
reference_phases:
  Ag: {spacegroup: Fm-3m, lattice: {a: 4.1}, sites: {Ag: [0, 0, 0]}, provenance: {source: a test}}
"""


def with_silver(folder, more):
    (folder / "dft.csv").write_text("id,energy\ncopper:Va1Cu31:0,-120.5\nreference:Ag,-2.8\n")
    copper(folder, "{vacancy: 0..1, Cu: rest}", label=TABLE.replace("FILE", "dft.csv").replace("}", f"{more}}}"))
    path = folder / "spec.yaml"
    path.write_text(path.read_text() + PHASE)
    return load_spec(path)


def test_the_energy_of_a_reference_phase_is_of_a_cell_or_of_an_atom_as_the_table_says(tmp_path, monkeypatch):
    """The conventional cell of silver has four atoms, though its energy is mostly given for one."""
    for said, atoms in ((", references_per: cell", 4), (", references_per: atom", 1)):
        monkeypatch.setattr(running, "_loaded", {})
        spec = with_silver(tmp_path, said)
        (method,) = methods_of(spec)
        found = {job.id: compute_label(job).outcome for job in reference_jobs(spec, [method])}
        assert found["reference:Ag"].energy / len(found["reference:Ag"].crystal) == pytest.approx(-2.8 / atoms)
    spec = with_silver(tmp_path, "")
    with pytest.raises(InputError, match=r"reference:Ag has 4 atoms in the spec, so its -2\.8 eV would be -0\.7 eV"):
        methods_of(spec)


def test_what_is_not_said_leaves_a_method_as_it_was(tmp_path):
    (tmp_path / "dft.csv").write_text("id,energy\na,1\n")
    (method,) = methods_of(copper(tmp_path, "{Cu: rest}", label=TABLE.replace("FILE", "dft.csv")))
    assert "references_per" not in method.description()["settings"]
