"""Published structures find their configurations, in every format."""

from __future__ import annotations

import re
import subprocess
import sys

import ase.io
import numpy as np
import pyarrow.parquet as pq
import pytest
from published_samples import (
    PRISTINE,
    TYPES,
    cif,
    formation_energy,
    samples,
    small_finder,
    small_spaces,
    table,
    write_2dmd,
    write_csv,
    write_entries,
    write_extxyz,
    write_pilot,
    write_zip,
)
from specs_for_tests import SMALL_SHEET

from matbench_defects.columns import Quantity
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.structure import Crystal
from matbench_defects.crystal.structure_files import crystal_of_text
from matbench_defects.enumeration.identify import identify
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.exchange.importing import import_published
from matbench_defects.exchange.mapping import map_published
from matbench_defects.exchange.published_table import read_published, reserved_columns
from matbench_defects.exchange.source import Published, PublishedStructure, format_settings, formats


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(SMALL_SHEET)
    return str(path)


def imported(format_, path, spec, tmp_path, **given):
    out = tmp_path / "published.parquet"
    mapped, report = import_published(format_, path, spec, out, given)
    return mapped, read_published(out).to_pylist(), report.read_text().splitlines()


def assert_all_found(rows):
    assert [(r["id"], r["energy"]) for r in rows] == sorted((id_, e) for id_, _, _, e in samples())
    assert all(0.01 < r["displacement"] < 0.3 for r in rows)


@pytest.mark.parametrize("write", [write_2dmd, write_pilot])
@pytest.mark.parametrize("zipped", ["", "set/", "as it is"])
def test_2dmd(write, zipped, spec, tmp_path):
    folder = write(tmp_path / "set")
    path = write_zip(tmp_path / "set.zip", folder, "" if zipped == "as it is" else zipped) if zipped else folder
    mapped, rows, report = imported("2dmd", path, spec, tmp_path, license="CC-BY-4.0")
    assert_all_found(rows)
    assert mapped.mapped == mapped.structures == len(rows) and len(report) == 1
    kinds = {id_: kind for id_, kind, _, _ in samples()}
    for row in rows:
        kind = kinds[row["id"]]
        assert (
            row["content_type"] == kind and row["license"] == "CC-BY-4.0" and row["level_of_theory"].startswith("DFT")
        )
        # The pilot states none here, so it is the one that was computed again.
        expected = formation_energy(kind, row["energy"]) / len(TYPES[kind])
        assert row["formation_energy_per_site"] == pytest.approx(expected, abs=1e-9)


def test_2dmd_uses_its_own_structures_folder(spec, tmp_path):
    folder = write_2dmd(tmp_path / "set")
    (folder / "initial.tar.gz").unlink()
    (folder / "initial").mkdir()
    for i, (_, _, crystal, _) in enumerate(samples()[1:], start=1):
        (folder / "initial" / f"s{i}.cif").write_text(cif(crystal))
    _, rows, report = imported("2dmd", folder, spec, tmp_path)
    assert len(rows) == len(samples()) - 1
    assert report[1] == "s0,not mapped,,the set has no structure of this name"


def test_formation_energies_that_differ_are_reported(spec, tmp_path):
    folder = write_2dmd(tmp_path / "set")
    text = (folder / "initial_structures.csv").read_text()
    (folder / "initial_structures.csv").write_text(text.replace(str(PRISTINE), str(PRISTINE - 0.01)))
    _, rows, report = imported("2dmd", folder, spec, tmp_path)
    assert len(rows) == len(samples())
    assert len(report) == len(samples()) + 1
    assert all(",note," in line and "eV off" in line for line in report[1:])


def test_a_type_that_the_atoms_are_not(spec, tmp_path):
    folder = write_2dmd(tmp_path / "set")
    text = (folder / "descriptors.csv").read_text()
    (folder / "descriptors.csv").write_text(text.replace("type-X1,X1", "type-X1,X3"))
    mapped, _, report = imported("2dmd", folder, spec, tmp_path)
    wrong = sum(kind == "X1" for _, kind, _, _ in samples())
    assert mapped.mapped == len(samples()) - wrong > 0
    assert any("the set calls it X3, its atoms are X1" in line for line in report)


def test_other_formats(spec, tmp_path):
    for name, write, given in (
        ("computed-entries", write_entries(tmp_path / "entries.json"), {}),
        ("extxyz", write_extxyz(tmp_path / "frames.xyz"), {"name": "label", "units": {"gap": "eV"}}),
        ("csv", write_csv(tmp_path / "table.csv"), {"units": {"gap": "eV"}}),
    ):
        _, rows, report = imported(name, write, spec, tmp_path, level_of_theory="PBE", **given)
        assert_all_found(rows)
        assert {r["level_of_theory"] for r in rows} == {"PBE"} and {r["source"] for r in rows} == {"not stated"}
        assert len(report) == 1
        if "units" in given:
            assert sorted(r["gap"] for r in rows) == pytest.approx([0.1 * i for i in range(len(rows))])


def test_energies_per_atom_or_in_mev_become_ev_per_cell(spec, tmp_path):
    frames = write_extxyz(tmp_path / "frames.xyz")
    atoms = {str(i): len(frame) for i, frame in enumerate(ase.io.read(frames, ":"))}
    plain = {row["id"]: row for row in imported("extxyz", frames, spec, tmp_path)[1]}
    for unit, factor in (("eV per cell", 1.0), ("meV per cell", 1e-3), ("eV per atom", None), ("meV per atom", None)):
        _, rows, _ = imported("extxyz", frames, spec, tmp_path, units={"energy": unit})
        for row in rows:
            each = factor or atoms[row["structure"]] * (1e-3 if unit.startswith("m") else 1.0)
            assert row["energy"] == pytest.approx(plain[row["id"]]["energy"] * each, rel=1e-12)
    whole = write_csv(tmp_path / "table.csv").read_text()
    (tmp_path / "table.csv").write_text(whole.replace("[eV per cell]", "[eV per atom]"))
    _, rows, _ = imported("csv", tmp_path / "table.csv", spec, tmp_path)
    assert min(row["energy"] for row in rows) < 10 * min(row["energy"] for row in plain.values())


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_perovskites_belong_to_the_space_of_their_phase_and_dopant(ending, tmp_path):
    import gzip

    import pyarrow as pa

    from matbench_defects.crystal.building import build_spaces
    from matbench_defects.enumeration.orderly import enumerate_configurations
    from matbench_defects.spec.loading import load_spec

    text = """
name: perovskite
version: 1.0.0
title: Doped CsPbI3
parent:
  spacegroup: Pnam
  lattice: {a: 8.8561, b: 8.5766, c: 12.4722}
  sites: {Cs: [.45995, .50509, .25], Pb: [0, .5, 0], I1: [.00113, .56202, .25], I2: [.30538, .69731, -.03577]}
  provenance: {source: a test}
supercell: [1, 1, 1]
spaces:
  gamma-Cd: {sublattices: {Pb: {Cd: 0..1, Pb: rest}}}
  gamma-Zn: {sublattices: {Pb: {Zn: 0..1, Pb: rest}}}
"""
    (tmp_path / "spec.yaml").write_text(text)
    space = build_spaces(load_spec(tmp_path / "spec.yaml"))["gamma-Zn"]
    every = enumerate_configurations(space)
    rows = [
        {
            "phase": "gamma",
            "dopant": "Zn",
            "structure": cif(Configuration(space, o).crystal),
            "energy": -1.0 - i,
            "name": f"n{i}",
        }
        for i, o in enumerate(every.occupations)
    ]
    path = tmp_path / f"table.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_bytes(table(rows).encode() if ending == "csv" else gzip.compress(table(rows).encode()))
    _, found, _ = imported("cspbi3", path, str(tmp_path), tmp_path)
    # The undoped structure would be one of gamma-Cd too; the table says that it is not meant there.
    assert [r["id"] for r in found] == sorted(every.ids())
    assert all(r["displacement"] < 1e-4 for r in found)


@pytest.mark.parametrize("symprec", [None, 0.01])
def test_cif_with_and_without_symmetry(symprec):
    from pymatgen.core import Structure

    space = small_spaces()["MoS2"]
    ideal = enumerate_configurations(space)[0].crystal
    text = ideal.to_pymatgen().to(fmt="cif", symprec=symprec)
    found, expected = crystal_of_text(text), Structure.from_str(text, fmt="cif")
    np.testing.assert_allclose(found.lattice, expected.lattice.matrix, atol=1e-6)
    assert len(found.species) == len(expected)
    for symbol, place in zip(found.species, found.positions, strict=True):  # in no order of its own
        near = expected.get_sites_in_sphere(place, 1e-4)
        assert [site.specie.symbol for site in near] == [symbol]
    assert identify(space, found).id == identify(space, ideal).id
    uncertain = re.sub(r"(_cell_length_a\s+\S+)", r"\1(2)", text)
    assert uncertain != text
    np.testing.assert_allclose(crystal_of_text(uncertain).lattice, found.lattice, atol=1e-6)


def test_cif_that_cannot_be_a_configuration():
    text = cif(samples()[0][2])
    with pytest.raises(InputError, match="partly occupied"):
        crystal_of_text(re.sub(r"^(  [A-Z].*)  1$", r"\1  0.5", text, count=1, flags=re.MULTILINE))
    for broken in ("", "data_x", text.replace("_cell_length_a   ", "_cell_length_a   nan"), text[: len(text) // 2]):
        with pytest.raises(InputError):
            crystal_of_text(broken)


def test_the_lowest_of_several_stays():
    id_, _, crystal, _ = samples()[0]
    values = [{"energy": -3.0}, {"energy": -5.0}, {"energy": None, "gap": 1.0}, {"energy": -4.0}, {"energy": None}]
    several = [PublishedStructure(f"s{i}", crystal, v) for i, v in enumerate(values)]
    mapped = map_published(Published({}, 5, iter(several)), small_finder())
    assert [(r["id"], r["structure"], r["energy"]) for r in mapped.rows] == [(id_, "s1", -5.0)]
    # Of two on one configuration both are reported.
    assert [(r.structure, r.kind) for r in mapped.remarks] == [
        *[("s0", "duplicate"), ("s1", "duplicate")],
        *[("s2", "duplicate"), ("s1", "duplicate")],
        *[("s3", "duplicate"), ("s1", "duplicate")],
        ("s4", "no label"),
    ]
    assert mapped.mapped == 5
    assert "s1 is the same configuration, 2.0000 eV lower, and is kept" in mapped.remarks[0].reason
    assert mapped.remarks[1].reason == "is kept of this and s0"


def test_an_atom_between_two_sites_is_none():
    """In a relaxed layer a sulphur atom 1.3 Å from its site is as far from the next vacancy's."""
    _, _, crystal, _ = samples()[0]
    moved = crystal.positions.copy()
    moved[crystal.species.index("S")] += 1.3 * crystal.lattice[0] / 6.38
    one = PublishedStructure("a", Crystal(crystal.lattice, crystal.species, moved), {})
    mapped = map_published(Published({}, 1, iter([one])), small_finder())
    assert not mapped.rows and "Å from its site" in mapped.remarks[0].reason


def test_units_travel_with_the_table(spec, tmp_path):
    imported("2dmd", write_2dmd(tmp_path / "set"), spec, tmp_path)
    schema = read_published(tmp_path / "published.parquet").schema
    energy = Quantity.of(schema.field("energy"))
    per_site = Quantity.of(schema.field("formation_energy_per_site"))
    assert (energy.unit, energy.per) == ("eV", "cell")
    assert (per_site.unit, per_site.per) == ("eV", "defect site") and "chemical potentials" in per_site.reference
    assert Quantity.of(schema.field("displacement")).unit == "Å"


def test_command_line(spec, tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "matbench_defects.cli", "import", *map(str, arguments), "--spec", spec]
        return subprocess.run([*command, "--out", tmp_path / "o.parquet"], capture_output=True, text=True, check=False)

    done = run("csv", write_csv(tmp_path / "table.csv"), "--level-of-theory", "PBE", "--set", "units={gap: eV}")
    assert done.returncode == 0 and not done.stderr
    count = len(samples())
    assert f"{count} of {count} structures are configurations; {count} rows in" in done.stdout.replace("\n", " ")
    assert {r["level_of_theory"] for r in read_published(tmp_path / "o.parquet").to_pylist()} == {"PBE"}
    (tmp_path / "table.csv").write_text("structure,energy [eV per cell]\nnone.cif,1.0\n")
    done = run("csv", tmp_path / "table.csv")
    assert done.returncode == 1 and "No such file" in done.stdout
    left_out = [sys.executable, "-m", "matbench_defects.cli", "import", "csv", str(tmp_path / "table.csv")]
    done = subprocess.run(left_out, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "say which one with --spec" in done.stderr
    done = run("cvs", tmp_path / "table.csv")
    assert done.returncode == 2 and "did you mean 'csv'" in done.stderr and "Traceback" not in done.stderr


def test_settings_are_checked():
    with pytest.raises(InputError, match="unit: 'extxyz' has no such setting; did you mean 'units'"):
        format_settings("extxyz", {"unit": {}})
    with pytest.raises(InputError, match="did you mean '2dmd'"):
        format_settings("2dm", {})
    assert formats.names() == [
        *("2dmd", "ase", "atomate2", "computed-entries", "cspbi3", "csv", "espresso", "extxyz", "vasp")
    ]
    assert "id" in reserved_columns()
