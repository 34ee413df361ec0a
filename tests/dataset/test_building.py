"""Building the LiNiO2 dataset from its committed labels."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from specs_for_tests import TWO_SALTS

from matbench_defects.columns import Quantity
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import configuration_of
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.enumeration.selection import select
from matbench_defects.enumeration.streaming import read_occupations
from matbench_defects.errors import InputError
from matbench_defects.exchange.export import to_ase, to_pymatgen
from matbench_defects.files import sha256_of_file
from matbench_defects.hub.find import find_dataset
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.loading import load_spec


def test_counts(lno):
    assert (
        lno.manifest["spaces"]["lno-cathode"] | {"inequivalent": 87, "all": 4096, "labelled": 87}
        == (lno.manifest["spaces"]["lno-cathode"])
    )
    assert len(lno.index) == len(lno.structures) == 87
    assert sum(lno.index["multiplicity"].to_pylist()) == 4096
    per_content = [lno.structures["content_Li_vacancy"].to_pylist().count(k) for k in range(13)]
    assert per_content == [1, 1, 3, 6, 11, 13, 17, 13, 11, 6, 3, 1, 1]


def test_every_label_is_there_and_says_where_it_comes_from(lno):
    for name, engine in (("sevennet_relaxed", "sevenn"), ("chgnet_relaxed", "chgnet")):
        assert lno.structures[f"{name}_energy"].null_count == 0
        made = lno.manifest["labels"][name]
        assert made["labels"] == 88  # lithium metal is the 88th
        assert [v.split()[0] for v in made["engine_versions"]] == [engine]
        assert "not DFT" in made["level_of_theory"][0]


def test_rows_alone_are_the_same_rows(lno, tmp_path, monkeypatch):
    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path))
    rows = find_dataset("lno-cathode", lno.version, rows_only=True)
    assert rows.structures.equals(lno.structures) and rows.quantity("average_voltage") == lno.quantity(
        "average_voltage"
    )
    assert rows.manifest["lock"] == lno.manifest["lock"]
    assert not (rows.folder / "README.md").exists() and not (rows.folder / "data" / "index").exists()
    assert find_dataset("lno-cathode", lno.version, rows_only=True).folder == rows.folder
    # They never stand in for the whole, and nothing is built where the whole is there.
    whole = find_dataset("lno-cathode", lno.version)
    assert (whole.folder / "README.md").exists() and len(whole.index) == 87
    assert find_dataset("lno-cathode", lno.version, rows_only=True).folder == whole.folder


def test_load_dataset_opens_it(lno, tmp_path):
    from datasets import load_dataset

    parts = load_dataset(str(lno.folder), cache_dir=str(tmp_path))
    assert set(parts) == {"train", "validation", "test"}
    ids = [row for part in parts.values() for row in part["id"]]
    assert sorted(ids) == lno.structures["id"].to_pylist()
    assert load_dataset(str(lno.folder), "index", cache_dir=str(tmp_path))["full"].num_rows == 87
    streamed = next(iter(load_dataset(str(lno.folder), split="test", streaming=True)))
    assert streamed["id"] in ids


def test_structures_are_what_was_labelled(lno, lno_labels):
    from pymatgen.analysis.structure_matcher import StructureMatcher

    spec = load_spec("lno-cathode")
    given = {job.id: job.crystal for job in jobs_of(spec, select(spec))}
    relaxed = {label.key.id: label for label in LabelStore(lno_labels) if label.description["engine"] == "sevennet"}
    matcher = StructureMatcher(primitive_cell=False, scale=False, stol=1e-4, ltol=1e-6, angle_tol=1e-4)
    for row in lno.structures.to_pylist()[::7]:
        ideal = to_pymatgen(row)
        assert matcher.fit(ideal, given[row["id"]].to_pymatgen())
        atoms = to_ase(row)
        assert atoms.get_chemical_symbols() == list(given[row["id"]].species)
        np.testing.assert_allclose(atoms.positions, given[row["id"]].positions, atol=1e-7)
        after = to_ase(row, "sevennet_relaxed")
        np.testing.assert_allclose(after.positions, relaxed[row["id"]].outcome.crystal.positions, atol=1e-7)
        np.testing.assert_allclose(after.cell, relaxed[row["id"]].outcome.crystal.lattice, atol=1e-7)


def test_an_id_gives_back_the_occupation(lno):
    space = build_spaces(lno.spec)["lno-cathode"]
    contents = {space.content_name(c): c for c in space.contents()}
    for row in lno.structures.to_pylist():
        assert configuration_of(space, row["id"]).tobytes() == row["occupation"]
    for row in lno.index.to_pylist():
        (occupation,) = read_occupations(space, contents[row["content"]], pa.array([row["placed"]]))
        assert (configuration_of(space, row["id"]) == occupation).all()


def test_two_builds_are_equal_to_the_byte(lno, lno_labels, tmp_path):
    again = build_dataset(load_spec("lno-cathode"), tmp_path / "again", labels=lno_labels)
    assert again.manifest == lno.manifest
    for name in [*lno.manifest["files"], "manifest.json"]:
        assert (again.folder / name).read_bytes() == (lno.folder / name).read_bytes(), name


def test_formation_energies_refer_to_the_end_members(lno):
    for target in ("formation_energy", "formation_energy_chgnet"):
        values = dict(zip(lno.structures["content"].to_pylist(), lno.structures[target].to_pylist(), strict=True))
        assert values["Li12"] == values["Va12"] == 0
    quantity = lno.quantity("formation_energy")
    assert (quantity.unit, quantity.per) == ("eV", "formula unit")
    assert quantity.reference == "LiNiO2 and NiO2, lowest of each, by sevennet_relaxed"


def test_every_number_has_a_unit(lno):
    free = {"content_Li_Li", "content_Li_vacancy", "nelements", "nsites", "formula_units"}
    for field in lno.structures.schema:
        plain = str(field.type) in ("double", "int64", "int32") and not field.name.endswith("_steps")
        assert not plain or field.name in free or Quantity.of(field) is not None, field.name


def test_splits_and_audit(lno):
    audit = json.loads((lno.folder / "audit.json").read_text())
    for split in lno.splits:
        assert audit[split]["orbits in two parts"] == 0
        counted = {part: len(lno.part(split, part)) for part in ("train", "validation", "test")}
        assert counted == {part: audit[split]["rows"][part] for part in counted}
    assert all(n >= 6 for n in lno.part("low-lithium", "train")["content_Li_Li"].to_pylist())
    assert all(n < 6 for n in lno.part("low-lithium", "test")["content_Li_Li"].to_pylist())
    assert len(lno.part("low-lithium", ["train", "test"])) == 87


def test_card_is_what_the_hub_reads(lno):
    text = (lno.folder / "README.md").read_text()
    front = yaml.safe_load(text.split("---\n")[1])
    for config in front["configs"]:
        for files in config["data_files"]:
            assert list(lno.folder.glob(files["path"]))
    for needed in ("not DFT", "unverified", "formation_energy.png", "31"):
        assert needed in text
    for figure in lno.manifest["figures"]:
        assert (lno.folder / figure).read_bytes().startswith(b"\x89PNG")


def test_croissant_is_valid(lno):
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=json.loads((lno.folder / "croissant.json").read_text()))
    assert not dataset.metadata.issues.errors
    assert dataset.metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
    assert {f"structures/{p}" for p in ("train", "validation", "test")} < {r.id for r in dataset.metadata.record_sets}
    whole = mlcroissant.Dataset(jsonld=str(lno.folder / "croissant.json"))
    rows = {row["structures/test/id"].decode(): row for row in whole.records("structures/test")}
    for row in lno.part("random", "test").to_pylist():
        read = rows[row["id"]]
        assert read["structures/test/formation_energy"] == row["formation_energy"]
        assert np.array_equal(read["structures/test/lattice_vectors"], row["lattice_vectors"])


def test_croissant_of_folds_and_several_spaces(tmp_path):
    import mlcroissant

    (tmp_path / "spec.yaml").write_text(TWO_SALTS)
    built = build_dataset(load_spec(tmp_path), tmp_path / "out")
    dataset = mlcroissant.Dataset(jsonld=str(built.folder / "croissant.json"))
    assert not dataset.metadata.issues.errors
    assert {"index/MgO", "index/CaO"} < {r.id for r in dataset.metadata.record_sets}
    assert len(list(dataset.records("index/CaO"))) == 5


def test_parquet_can_be_skipped_through_and_shares_pages(lno):
    """Page index; pages end where their content says so, so a version that grew shares most bytes with the last."""
    for name in lno.manifest["files"]:
        if name.endswith(".parquet"):
            group = pq.read_metadata(lno.folder / name).row_group(0)
            content = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == "content")
            assert content.has_offset_index and content.has_column_index, name


def test_an_altered_file_is_refused(lno, tmp_path):
    folder = shutil.copytree(lno.folder, tmp_path / "copy")
    table = pq.read_table(folder / "data/structures/test.parquet")
    pq.write_table(table.slice(1), folder / "data/structures/test.parquet")
    with pytest.raises(InputError, match=r"test\.parquet: is not the file that manifest\.json lists"):
        open_dataset(folder)
    (folder / "data/structures/test.parquet").unlink()
    with pytest.raises(InputError, match=r"test\.parquet: is missing"):
        open_dataset(folder)


def test_a_folder_that_is_no_dataset_is_left_alone(lno_labels, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="exists and is not a dataset"):
        build_dataset(load_spec("lno-cathode"), tmp_path, labels=lno_labels)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(InputError, match=r"has no manifest\.json"):
        open_dataset(tmp_path)


def test_a_build_that_fails_leaves_nothing(lno_labels, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matbench_defects.dataset.build.write_card", full)
    with pytest.raises(
        InputError, match=r"out: cannot be written \(No space left on device\); nothing of it was kept$"
    ):
        build_dataset(load_spec("lno-cathode"), tmp_path / "out", labels=lno_labels)
    assert list(tmp_path.iterdir()) == []


def test_parent_from_a_cif_file_travels_with_the_dataset(tmp_path):
    from pymatgen.core import Lattice, Structure

    host = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    host.to(str(tmp_path / "host.cif"))
    (tmp_path / "spec.yaml").write_text(
        """
name: mgo
version: 1.0.0
title: MgO with calcium
parent: {cif: host.cif, provenance: {source: a test}}
supercell: [1, 1, 1]
sublattices: {Mg: {Ca: 0..2, Mg: rest}}
splits: {random: {train: 0.5, test: 0.5}}
"""
    )
    dataset = build_dataset(load_spec(tmp_path), tmp_path / "out")
    assert len(dataset.index) == 3
    moved = shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    (tmp_path / "host.cif").unlink()
    space = build_spaces(open_dataset(moved).spec)["mgo"]
    assert space.host_species.count("Mg") == 4


@pytest.mark.slow
def test_a_deleted_label_comes_back(lno, lno_labels, tmp_path, monkeypatch):
    """Deleting a committed label and building again gives it back to 1 meV/atom."""
    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path / "cache"))
    kept = LabelStore(tmp_path / "labels.parquet")
    gone = "lno-cathode:Li1Va11:0"
    kept.add(label for label in LabelStore(lno_labels) if label.key.id != gone)
    assert len(kept) == 174
    again = build_dataset(load_spec("lno-cathode"), tmp_path / "out", labels=kept.path)
    for name in ("sevennet_relaxed", "chgnet_relaxed"):
        before, after = (
            {r["id"]: (r[f"{name}_energy"], r["nsites"]) for r in d.structures.to_pylist()} for d in (lno, again)
        )
        assert after[gone][0] == pytest.approx(before[gone][0], abs=1e-3 * before[gone][1])
        assert {i: v for i, v in after.items() if i != gone} == {i: v for i, v in before.items() if i != gone}
    assert (
        sha256_of_file(again.folder / "data/index/lno-cathode.parquet")
        == lno.manifest["files"]["data/index/lno-cathode.parquet"]
    )


def test_rows_that_are_read_some_at_a_time_make_the_same_dataset(lno_labels, tmp_path, monkeypatch):
    """As they are where there are too many to be held."""
    spec = load_spec("lno-cathode")
    held = build_dataset(spec, tmp_path / "held", labels=lno_labels, compute=False)
    for module, name in (("enumeration.selection_size", "KEPT_SITES"), ("dataset.structure_files", "SITES")):
        monkeypatch.setattr(f"matbench_defects.{module}.{name}", -1)
    for module, name, few in (
        ("enumeration.selection", "ROWS_AT_A_TIME", 5),
        ("enumeration.configurations", "ROWS", 3),
        ("labels.asking", "AT_A_TIME", 7),
        ("dataset.structure_files", "ROWS", 4),
        ("dataset.similarity", "FEW", 10),
        ("dataset.similarity", "AT_A_TIME", 100),
        ("files", "SORTED_AT_A_TIME", 10),
    ):
        monkeypatch.setattr(f"matbench_defects.{module}.{name}", few)
    read = build_dataset(spec, tmp_path / "read", labels=lno_labels, compute=False)
    changed = [name for name in held.manifest["files"] if held.manifest["files"][name] != read.manifest["files"][name]]
    digests = {"croissant.json", "README.md"}
    assert all(name.startswith("data/structures/") or name in digests for name in changed)  # groups of rows
    assert read.structures.equals(held.structures)
    alike = [{k: v for k, v in each.manifest.items() if k not in ("files", "digest")} for each in (held, read)]
    assert alike[0] == alike[1]
