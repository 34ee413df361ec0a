"""Locks: every shipped one is reproduced, no version changes unseen, missing labels are no contradiction."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from matbench_defects.cli import app
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.lock import differences, lock_of, lock_path, read_lock
from matbench_defects.dataset.plan import plan
from matbench_defects.errors import InputError
from matbench_defects.files import sha256_of_file
from matbench_defects.labels.store import LabelStore
from matbench_defects.shipped import shipped_specs
from matbench_defects.spec.loading import load_spec


@pytest.mark.parametrize("name", shipped_specs())
def test_a_shipped_lock_is_reproduced(name):
    """From the spec and the committed labels alone; no label is computed."""
    spec = load_spec(name)
    before = read_lock(lock_path(spec))
    if before is None:
        pytest.skip(f"{name} is not locked yet: its labels are still being computed")
    labels = shipped_specs()[name].parent / "labels.parquet"
    after = lock_of(plan(spec), LabelStore(labels) if labels.exists() else None)
    assert before.pop("table")["sha256"] == sha256_of_file(labels)
    assert list(differences(before, after)) == []
    assert before == after


@pytest.fixture
def domain(tmp_path, lno_labels):
    """A copy of ``specs/lno-cathode`` with its lock."""
    folder = tmp_path / "lno-cathode"
    folder.mkdir()
    for name in ("spec.yaml", "lock.json", "labels.parquet"):
        shutil.copy(lno_labels.parent / name, folder / name)
    return folder


def edit(folder, old, new):
    path = folder / "spec.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("test: 0.2, seed: 0}", "test: 0.2, seed: 1}", "splits.random.digest was "),
        ("O: [0, 0, 0.26]", "O: [0, 0, 0.261]", "spaces.lno-cathode.host was "),
        ("configurations: {select: all}", "configurations: {select: uniform, count: 80}", "rows was 87, is 80"),
        ("splits:\n", "splits:\n  other: {train: 0.5, test: 0.5}\n", "splits.other is new"),
    ],
)
def test_a_locked_version_does_not_change(domain, tmp_path, old, new, message):
    edit(domain, old, new)
    with pytest.raises(InputError) as caught:
        build_dataset(load_spec(domain), tmp_path / "out", labels=domain / "labels.parquet")
    assert message in str(caught.value) and "Give the spec a new `version`" in str(caught.value)
    assert str(caught.value).startswith(str(domain / "lock.json"))
    assert not (tmp_path / "out").exists()


def test_a_new_version_is_free(domain, tmp_path):
    edit(domain, "test: 0.2, seed: 0}", "test: 0.2, seed: 1}")
    edit(domain, "version: 1.0.0", "version: 1.1.0")
    dataset = build_dataset(load_spec(domain), tmp_path / "out", labels=domain / "labels.parquet")
    assert "differs_from_lock" not in dataset.manifest


def test_other_labels_are_refused(domain, tmp_path):
    store = LabelStore(domain / "labels.parquet")
    label = next(iter(store))
    import dataclasses

    energy = label.outcome.energy + 0.001
    store.add([dataclasses.replace(label, outcome=dataclasses.replace(label.outcome, energy=energy))])
    with pytest.raises(InputError, match=r"labels\.\w+_relaxed\.digest was "):
        build_dataset(load_spec(domain), tmp_path / "out", labels=store.path)


def test_labels_that_are_missing_are_counted_and_said(domain, tmp_path, lno):
    """A lock over half of the labels; then all of them are there."""
    half = LabelStore(domain / "half.parquet")
    half.add(label for i, label in enumerate(LabelStore(domain / "labels.parquet")) if i % 3)
    half.path.replace(domain / "labels.parquet")
    result = CliRunner().invoke(app, ["lock", str(domain)])
    assert result.exit_code == 0 and "labels are missing and not covered" in result.output
    lock = json.loads((domain / "lock.json").read_text())
    found = lock["labels"]["sevennet_relaxed"]
    assert found["labels"] + found["missing"] == 88 and found["missing"] > 0
    shutil.copy(shipped_specs()["lno-cathode"].parent / "labels.parquet", domain / "labels.parquet")
    dataset = build_dataset(load_spec(domain), tmp_path / "out", labels=domain / "labels.parquet")
    note = f"sevennet_relaxed: given 88 of 88 labels, the lock covers {found['labels']}"
    assert note in dataset.manifest["differs_from_lock"]
    assert note in (dataset.folder / "README.md").read_text()
    assert lno.manifest["differs_from_lock"] == []


def test_lock_says_what_changed(domain):
    assert "agrees already" in CliRunner().invoke(app, ["lock", str(domain)]).output
    edit(domain, "test: 0.2, seed: 0}", "test: 0.2, seed: 1}")
    result = CliRunner().invoke(app, ["lock", str(domain)])
    assert "splits.random.digest was " in result.output and "The version is still 1.0.0" in result.output
    (domain / "lock.json").unlink()
    assert "written" in CliRunner().invoke(app, ["lock", str(domain)]).output
    (domain / "lock.json").write_text("{}")
    with pytest.raises(InputError, match="is not a lock file"):
        read_lock(domain / "lock.json")


def test_a_spec_beside_another_has_a_lock_of_its_own(lno_labels):
    assert lock_path(load_spec(lno_labels.parent / "demo.yaml")).name == "demo-lock.json"
