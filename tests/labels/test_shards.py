"""Labels in a folder of shards: appended, merged, read together with what lay there before, and killed in between."""

from __future__ import annotations

import dataclasses
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from matbench_defects.crystal.structure import Crystal
from matbench_defects.files import digest, digest_of_lists, digest_of_sorted
from matbench_defects.labels import journal, shards, store
from matbench_defects.labels.engine import Outcome
from matbench_defects.labels.label_files import (
    files_of,
    labels_in_cache,
    labels_of_spec,
    place_of_new_labels,
    shards_in,
)
from matbench_defects.labels.store import Key, Label, LabelStore, journal_folder, table_state, values_digest
from matbench_defects.shipped import shipped_specs
from matbench_defects.spec.loading import load_spec


def label_of(number, energy=-1.0, problem="", x=0.25):
    crystal = Crystal(np.eye(3) * 4, ("Li", "O"), np.array([[-0.0, 0, 0], [x, 2.0, -1e-6]]))
    outcome = Outcome(energy, crystal, 0.01, None, np.array([0.5, -0.0]), True, 3)
    return Label(Key(f"s:{number:05d}", "m", "h", 1), "e 1", "theory", {"engine": "e"}, outcome, problem, 1.0)


@pytest.fixture
def small(monkeypatch):
    """Make shards after three labels and merge three of one size."""
    monkeypatch.setattr(journal, "SHARD_ROWS", 3)
    monkeypatch.setattr(store, "MERGED_TOGETHER", 3)
    monkeypatch.setattr(shards, "GROUP", 2)
    monkeypatch.setattr(store, "GROUP", 2)


def names(path):
    return sorted(each.name for each in path.iterdir())


def test_what_is_appended_becomes_shards_and_these_larger_ones(tmp_path, small):
    path = tmp_path / "labels"
    held = LabelStore(path)
    with held.adding():
        for i in range(20):
            held.append([label_of(i, energy=-i)])
            assert held.get(label_of(i).key).outcome.energy == -i
        assert names(path) == ["000001-000003.parquet", "000004-000006.parquet", "journal.jsonl", "lock"]
    assert names(path) == ["000001-000003.parquet", "000004-000006.parquet", "000007.parquet"]
    again = LabelStore(path)
    assert [label.outcome.energy for label in again] == [-i for i in range(20)] and len(again) == 20
    before = {each.name: each.read_bytes() for each in path.iterdir()}
    with again.adding():
        again.append([label_of(3, energy=5.0), label_of(30)])
    assert {name: (path / name).read_bytes() for name in before} == before  # no shard is rewritten
    last = LabelStore(path)
    assert len(last) == 21 and last.get(label_of(3).key).outcome.energy == 5.0
    assert sum(label.key == label_of(3).key for label in last) == 1
    assert last.get_many([label_of(i).key for i in (30, 99, 0)])[1] is None
    assert last.has([label_of(i).key.digest() for i in (30, 99)]).tolist() == [True, False]
    assert last.seconds_by_method() == {"m": [1.0] * 21}


def test_numbers_are_kept_to_the_last_bit(tmp_path, small):
    held = LabelStore(tmp_path / "labels")
    with held.adding():
        (kept,) = held.append([label_of(0, x=1.23456749)])
    found = LabelStore(held.path).get(kept.key)
    assert repr(found) == repr(kept)
    assert np.signbit(found.outcome.crystal.positions[0, 0]) and np.signbit(found.outcome.magnetic_moments[1])
    assert found.outcome.crystal.positions[1, 0] == 1.234567


@pytest.mark.parametrize("name", ["lno-cathode", "w-borides"])
def test_a_table_of_the_first_format_is_read_as_it_was(tmp_path, name):
    table = shipped_specs()[name].parent / "labels.parquet"
    raw = {(row["id"], row["method"]): row for row in pq.read_table(table).to_pylist()}
    held = LabelStore(table)
    assert len(held) == len(raw)
    for label in held:
        row = raw[label.key.id, label.key.method]
        if label.outcome is not None:
            for found, said in (
                (label.outcome.crystal.positions, row["positions"]),
                (label.outcome.crystal.lattice, row["lattice"]),
                (label.outcome.magnetic_moments, row["magnetic_moments"]),
            ):
                assert (found is None) == (said is None)
                assert said is None or np.array(said).tobytes() == found.tobytes()
            assert (label.outcome.energy, label.seconds) == (row["energy"], row["seconds"])
    rewritten = LabelStore(shutil.copy(table, tmp_path / "labels.parquet"))
    rewritten.add([])
    assert values_digest(LabelStore(rewritten.path)) == values_digest(held)
    assert rewritten.path.stat().st_size < 0.6 * table.stat().st_size


def test_a_file_from_before_is_read_and_left_as_it_is(tmp_path, small):
    file, folder = tmp_path / "labels.parquet", tmp_path / "labels"
    LabelStore(file).add([label_of(0), label_of(1, energy=-2.0)])
    before, state = file.read_bytes(), table_state(folder)
    assert state == table_state(file)
    held = LabelStore(folder)
    assert len(held) == 2 and held.get(label_of(1).key).outcome.energy == -2.0
    with held.adding():
        held.append([label_of(1, energy=-3.0), label_of(2)])
    again = LabelStore(folder)
    assert len(again) == 3 and again.get(label_of(1).key).outcome.energy == -3.0
    assert file.read_bytes() == before and names(folder) == ["000001.parquet"]
    assert files_of(folder) == [file, folder / "000001.parquet"] and table_state(folder) != state
    file.unlink()
    assert len(LabelStore(folder)) == 2


def test_what_a_run_of_an_old_version_left_is_found(tmp_path):
    file, folder = tmp_path / "labels.parquet", tmp_path / "labels"
    left = LabelStore(file)
    journal_folder(file).mkdir()
    left.append([label_of(0), label_of(1)])
    held = LabelStore(folder)
    assert len(held) == 2 and held.unmerged
    with held.adding():
        held.append([label_of(2)])
    assert file.exists() and not journal_folder(file).exists() and len(LabelStore(folder)) == 3


def test_shards_that_were_merged_and_are_still_there_count_once(tmp_path, small):
    path = tmp_path / "labels"
    held = LabelStore(path)
    copies = tmp_path / "copies"
    copies.mkdir()
    with held.adding():
        for i in range(8):
            held.append([label_of(i)])
        for each in path.glob("*.parquet"):
            shutil.copy(each, copies / each.name)
        held.append([label_of(8, energy=-9.0)])
    for each in copies.iterdir():
        shutil.copy(each, path / each.name)  # as if the run had been killed after it renamed the merged one
    assert names(path) == ["000001-000003.parquet", "000001.parquet", "000002.parquet"]
    again = LabelStore(path)
    assert len(again) == 9 and [each.name for each in shards_in(path)] == ["000001-000003.parquet"]
    with again.adding():
        pass
    assert names(path) == ["000001-000003.parquet"]


def test_a_reader_goes_on_while_another_process_merges(tmp_path, small):
    path = tmp_path / "labels"
    held = LabelStore(path)
    with held.adding():
        held.append([label_of(i) for i in range(3)])
        reader = LabelStore(path)
        for i in range(3, 9):
            held.append([label_of(i)])
        assert names(path) == ["000001-000003.parquet", "lock"]
        assert [label.key.id for label in reader] == [f"s:{i:05d}" for i in range(3)]


def test_what_cannot_be_a_structure_is_kept_as_a_failure(tmp_path):
    held = LabelStore(tmp_path / "labels")
    far = label_of(0, x=1e12)
    with held.adding():
        (kept,) = held.append([far])
        held.append([label_of(1, x=float("nan"), problem="it burst")])
    again = LabelStore(held.path)
    assert kept.outcome is None and again.get(far.key).problem == "failed: positions of 1e+12"
    assert again.get(label_of(1).key).problem == "it burst"


CHILD = """
import sys
sys.path.insert(0, sys.argv[3])
from test_shards import label_of
from matbench_defects.labels import journal, shards, store
journal.SHARD_ROWS, store.MERGED_TOGETHER, shards.GROUP, store.GROUP = 3, 3, 2, 2
held = store.LabelStore(sys.argv[1])
with held.adding():
    for i in range(int(sys.argv[2]), 100_000):
        held.append([label_of(i, energy=-i)])
        print(i, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["labels", "labels.parquet"])
def test_kills_at_any_moment_lose_and_double_nothing(tmp_path, name):
    """A run that makes a shard of every three labels and merges all the time is killed twelve times."""
    path, (draw, first) = tmp_path / name, (random.Random(3), 0)
    for _ in range(12):
        command = [sys.executable, "-c", CHILD, str(path), str(first), str(__file__).rpartition("/")[0]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            said = child.stdout.readline()
            time.sleep(draw.uniform(0.0, 0.4))
            child.send_signal(signal.SIGKILL)
            said += child.stdout.read()
        last = int(said.rpartition("\n")[0].rpartition("\n")[2])  # the last whole line
        found = {label.key.id: label.outcome.energy for label in LabelStore(path)}
        assert len(found) == len(LabelStore(path)) in (last + 1, last + 2)  # one may be on disk and not said yet
        assert found == {f"s:{i:05d}": -i for i in range(len(found))}
        first = len(found)
    assert first > 50
    held = LabelStore(path)
    with held.adding():
        pass
    assert len(LabelStore(path)) == first and not list(tmp_path.rglob("*.part"))


def test_digests_of_many_are_those_of_lists(monkeypatch):
    texts = [f"{(7919 * i) % 1000}é" for i in range(1000)]
    for number in (10, 1000, 5000):
        monkeypatch.setattr("matbench_defects.files.SORTED_AT_A_TIME", number)
        assert digest_of_sorted(iter(texts)) == digest(sorted(texts))
    lists = {"b": [["x", None], ["é", 1.5]], "a": []}
    assert digest_of_lists({name: iter(items) for name, items in lists.items()}) == digest(lists)


def test_new_labels_go_beside_the_spec_where_they_can(tmp_path, monkeypatch):
    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path / "cache"))
    shipped = load_spec("lno-cathode")
    assert place_of_new_labels(shipped) == labels_in_cache(shipped) == tmp_path / "cache" / "labels" / "lno-cathode"
    assert place_of_new_labels(shipped, shipped=True) == labels_of_spec(shipped)  # this is a checkout
    (tmp_path / "mine").mkdir()
    shutil.copy(shipped_specs()["lno-cathode"], tmp_path / "mine" / "spec.yaml")
    mine = load_spec(tmp_path / "mine")
    assert place_of_new_labels(mine) == tmp_path / "mine" / "labels"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert place_of_new_labels(mine) == tmp_path / "cache" / "labels" / "lno-cathode"


def test_build_computes_beside_the_spec_and_finds_what_lies_in_the_cache(tmp_path, monkeypatch):
    from label_samples import copper

    from matbench_defects.dataset.build import build_dataset

    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path / "cache"))
    charges = "{engine: ewald, charges: {Cu: 1}, background: true}"
    spec = copper(tmp_path, "{vacancy: 0..1, Cu: rest}", label=charges)
    built = build_dataset(spec, tmp_path / "out", workers=1)
    assert names(tmp_path / "labels") == ["000001.parquet"] and not (tmp_path / "cache" / "labels").exists()
    first, second = LabelStore(tmp_path / "labels")
    shutil.rmtree(tmp_path / "labels")
    other = dataclasses.replace(first, outcome=dataclasses.replace(first.outcome, energy=-77.0))
    LabelStore(tmp_path / "cache" / "labels" / f"{spec.name}.parquet").add([other])  # where old versions kept them
    again = build_dataset(spec, tmp_path / "out", workers=1, replace=True)
    energies = {row["id"]: row["ewald_static_energy"] for row in again.structures.to_pylist()}
    before = {row["id"]: row["ewald_static_energy"] for row in built.structures.to_pylist()}
    assert energies == before | {first.key.id: -77.0}
    assert [label.key.id for label in LabelStore(tmp_path / "labels")] == [second.key.id]
    said = []
    monkeypatch.setattr("os.access", lambda path, mode: False)
    shutil.rmtree(tmp_path / "labels")
    build_dataset(spec, tmp_path / "out", workers=1, replace=True, say=said.append)
    assert len(said) == 1 and str(tmp_path / "cache" / "labels") in said[0]
