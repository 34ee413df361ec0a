"""Where a dataset stands already: the same is built anew, another is not, and `datasets` takes none for another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import matbench_defects as md
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.errors import InputError

pytestmark = pytest.mark.slow

SPEC = """
name: NAME
version: 0.1.0
title: tiny
parent:
  spacegroup: Fm-3m
  lattice: {a: 4.2}
  sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: made up for a test}
supercell: [1, 1, 1]
sublattices: {Mg: {Mg: rest, Ca: 0..4}}
labels: [{engine: table, file: energies.csv, unit: eV, per: cell, level_of_theory: invented, machine_learned: false}]
targets: {formation_energy: {unit: eV, per: atom, end_members: [{Mg: 4}, {Mg: 0}]}}
splits: {random: {train: 0.6, validation: 0.2, test: 0.2}}
"""


def written(folder: Path, name: str = "tiny", *, step: float = 1.0, ids: str = "", lacks: int = 0) -> Path:
    """Write a spec with a table of invented energies."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.yaml").write_text(SPEC.replace("NAME", name))
    contents = ["Mg2Ca2", "Mg4", "Mg3Ca1", "Mg1Ca3", "Ca4"][lacks:]
    rows = [f"{ids or name}:{content}:0,{step * number**2}" for number, content in enumerate(contents)]
    (folder / "energies.csv").write_text("\n".join(["id,energy", *rows, ""]))
    return folder / "spec.yaml"


def energies(folder: Path) -> list[float]:
    return [row["formation_energy"] for row in open_dataset(folder).structures.to_pylist()]


def test_the_same_dataset_is_built_anew_and_another_is_not(tmp_path):
    out = tmp_path / "out"
    spec = written(tmp_path / "spec")
    first = md.build(spec, out).manifest
    assert md.build(spec, out).manifest == first
    before = energies(out)
    other = written(tmp_path / "other", "other")
    with pytest.raises(InputError, match=r"out: holds tiny 0\.1\.0, not other; .* replace it with --replace"):
        md.build(other, out)
    spec.write_text(spec.read_text().replace("4.2", "4.3"))
    with pytest.raises(InputError, match=r"holds tiny 0\.1\.0 of another spec, and a changed dataset is a new version"):
        md.build(spec, out)
    assert energies(out) == before
    assert md.build(spec, out, replace=True).version == "0.1.0"
    spec.write_text(spec.read_text().replace("version: 0.1.0", "version: 0.2.0"))
    assert md.build(spec, out).version == "0.2.0"
    assert md.build(other, out, replace=True).name == "other"


def test_other_labels_are_another_dataset_and_more_labels_are_not(tmp_path):
    out = tmp_path / "out"
    spec = written(tmp_path / "spec")
    md.build(spec, out)
    before = energies(out)
    written(tmp_path / "spec", step=2.0)
    with pytest.raises(InputError, match=r"with other content \(labels\.table_static\.digest was .*--replace"):
        md.build(spec, out)
    assert energies(out) == before
    md.build(spec, out, replace=True)
    assert energies(out) != before


def test_growing_labels_replace_what_was_built_of_them(tmp_path):
    out = tmp_path / "out"
    spec = written(tmp_path / "spec")
    spec.write_text(
        spec.read_text().replace(
            "labels: [{engine: table, file: energies.csv, unit: eV, per: cell, level_of_theory: invented, "
            "machine_learned: false}]",
            "labels: [{engine: ewald, charges: {Mg: 2, Ca: 2, O: -2}}]",
        )
    )
    found = md.label(spec, tmp_path / "all.parquet", workers=1)
    from matbench_defects.labels.store import LabelStore

    some = LabelStore(tmp_path / "some.parquet")
    some.add(list(LabelStore(found.path))[:3])
    some.merge()
    assert len(md.build(spec, out, labels=some.path, compute=False).structures) < 5
    assert len(md.build(spec, out, labels=found.path, compute=False).structures) == 5
    with pytest.raises(InputError, match=r"with other content \(labels\.ewald_static\.labels was 5, is 3"):
        md.build(spec, out, labels=some.path, compute=False)


def test_what_a_user_put_beside_a_dataset_is_not_removed_with_it(tmp_path):
    spec, out = written(tmp_path / "spec"), tmp_path / "out"
    md.build(spec, out)
    (out / "notes.txt").write_text("mine")
    (out / "more").mkdir()
    (out / "more" / "figure.png").write_bytes(b"mine")
    for version in ("0.1.0", "0.2.0"):
        spec.write_text(spec.read_text().replace("0.1.0", version))
        with pytest.raises(InputError, match=r"holds more/figure\.png and 1 more files that are none of the dataset's"):
            md.build(spec, out)
    assert (out / "notes.txt").read_text() == "mine"
    md.build(spec, out, replace=True)
    assert not (out / "notes.txt").exists()


def test_a_later_version_is_not_replaced_by_an_earlier_one(tmp_path):
    spec, out = written(tmp_path / "spec"), tmp_path / "out"
    later = spec.read_text().replace("0.1.0", "0.10.0")
    spec.write_text(later)
    md.build(spec, out)
    spec.write_text(later.replace("0.10.0", "0.9.0"))
    with pytest.raises(InputError, match=r"holds tiny 0\.10\.0, which is later than 0\.9\.0; take another folder"):
        md.build(spec, out)
    spec.write_text(later.replace("0.10.0", "0.11.0"))
    assert md.build(spec, out).version == "0.11.0"


@pytest.mark.parametrize("broken", ["{", "[]"])
def test_a_dataset_that_cannot_be_told_is_not_replaced(tmp_path, broken):
    spec, out = written(tmp_path / "spec"), tmp_path / "out"
    md.build(spec, out)
    (out / "manifest.json").write_text(broken)
    with pytest.raises(InputError, match=r"holds a dataset whose manifest cannot be read; .*--replace"):
        md.build(spec, out)
    md.build(spec, out, replace=True)


def test_the_command_says_so_too(tmp_path):
    spec, other, out = written(tmp_path / "spec"), written(tmp_path / "other", "other"), tmp_path / "out"
    md.build(spec, out)
    command = [sys.executable, "-m", "matbench_defects.cli", "build", str(other), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "holds tiny 0.1.0, not other" in done.stderr
    assert open_dataset(out).name == "tiny"
    assert subprocess.run([*command, "--replace"], capture_output=True, check=False).returncode == 0
    assert open_dataset(out).name == "other"


def test_a_table_whose_ids_fit_nothing(tmp_path):
    spec = written(tmp_path / "spec", ids="elsewhere")
    with pytest.raises(InputError) as caught:
        md.build(spec, tmp_path / "out")
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(spec), 12, "labels.0")
    assert "energies.csv has no row tiny:" in caught.value.message
    assert "its first is elsewhere:Mg2Ca2:0 (5 of 5 alike)" in caught.value.message
    assert not (tmp_path / "out").exists()
    written(tmp_path / "spec", lacks=5)
    with pytest.raises(InputError, match="it has none at all"):
        md.build(spec, tmp_path / "out")
    written(tmp_path / "spec", lacks=1)  # some of them: the card says which are missing
    assert md.build(spec, tmp_path / "out").manifest["labels"]["table_static"]["discarded"]


@pytest.mark.parametrize("compute", [True, False])
def test_labels_of_which_none_fits(tmp_path, compute):
    other = md.label(written(tmp_path / "other", "other"), tmp_path / "other.parquet")
    spec = written(tmp_path / "spec")
    with pytest.raises(
        InputError, match=r"other\.parquet: holds 5 labels, such as other:\S+ by table, but none that tiny "
    ):
        md.build(spec, tmp_path / "out", labels=other.path, compute=compute)
    with pytest.raises(InputError, match=r"nowhere: there is no such file or folder of labels"):
        md.build(spec, tmp_path / "out", labels=tmp_path / "nowhere", compute=compute)
    assert not (tmp_path / "out").exists()


LOAD = """
import json, sys
from datasets import load_dataset
rows = {}
for config in ("structures", "index"):
    parts = load_dataset(sys.argv[1], config)
    rows[config] = sorted(id_ for part in parts.values() for id_ in part["id"])
    infos = next(iter(parts.values())).info.splits
    rows[config + " info"] = {name: [split.num_examples, split.num_bytes] for name, split in infos.items()}
print(json.dumps(rows))
"""


def test_datasets_gives_each_dataset_its_own_rows(tmp_path, monkeypatch):
    """The cache of `datasets` is keyed on the folder's name and the card's YAML alone."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def loaded(folder: Path) -> dict[str, list[str]]:
        command = [sys.executable, "-c", LOAD, str(folder)]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout.splitlines()[-1])

    specs = {name: written(tmp_path / "spec" / name, name) for name in ("aaaa", "bbbb")}
    for folder, name in (("a", "aaaa"), ("b", "bbbb"), ("a", "bbbb"), ("b", "aaaa")):
        built = md.build(specs[name], tmp_path / folder / "tiny", replace=True)
        found = loaded(built.folder)
        assert found["structures"] == built.structures["id"].to_pylist()
        assert found["index"] == sorted(built.index["id"].to_pylist())
        assert {id_.partition(":")[0] for id_ in found["structures"]} == {name}
        rows = {path.stem: 0 for path in (built.folder / "data" / "structures").iterdir()}
        assert set(found["structures info"]) == set(rows)
        assert sum(number for number, _ in found["structures info"].values()) == 5
    # Only the labels change: same spec, same ids, same rows.
    written(tmp_path / "spec" / "aaaa", "aaaa", step=2.0)
    text = LOAD.replace('part["id"]', 'part["formation_energy"]').replace('("structures", "index")', '("structures",)')
    for _ in range(2):
        built = md.build(specs["aaaa"], tmp_path / "b" / "tiny", replace=True)
        done = subprocess.run([sys.executable, "-c", text, str(built.folder)], capture_output=True, check=True)
        assert json.loads(done.stdout.splitlines()[-1])["structures"] == sorted(energies(built.folder))
