"""What is finished is found again under its key and identity, and whatever is wrong with a file, it is only missing."""

from __future__ import annotations

import os

import pyarrow as pa

from matbench_defects.keyed_store import KeyedStore, beside, described, description


def batch_of(*values):
    return pa.record_batch({"value": pa.array(values, pa.float64())})


def test_a_batch_is_kept_as_it_was(tmp_path):
    store = KeyedStore(tmp_path / "store")
    assert store.get("a") is None and list(store.batches()) == []
    for key in ("a", ["../outside", 1, None]):
        store.put(key, described(batch_of(0.1 + 0.2), {"seconds": 1.5}), {"code": 1})
        found = store.get(key, {"code": 1})
        assert found["value"].to_pylist() == [0.1 + 0.2] and description(found) == {"seconds": 1.5}
        assert store.get(key) is None and store.get(key, {"code": 2}) is None
    assert [path.name for path in tmp_path.iterdir()] == ["store"] and len(list(store.batches())) == 2
    store.put("a", batch_of(2), {"code": 2})
    assert store.get("a", {"code": 1}) is None and store.get("a", {"code": 2})["value"].to_pylist() == [2]
    store.put("none", batch_of())
    assert len(store.get("none")) == 0
    store.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_is_missing(tmp_path):
    store = KeyedStore(tmp_path)
    store.put("a", batch_of(1, 2))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for broken in (b"", whole[:100], whole[:-10], b"no arrow at all"):
        file.write_bytes(broken)
        assert store.get("a") is None and list(store.batches()) == []
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert store.get("a") is None, place
    file.write_bytes(whole)
    assert len(store.get("a")) == 2


def test_what_was_not_read_for_longest_goes_first(tmp_path):
    KeyedStore(tmp_path).put("a", batch_of(*range(100)))
    (file,) = tmp_path.iterdir()
    store = KeyedStore(tmp_path, limit=5 * file.stat().st_size // 2)
    for age, key in enumerate("abc"):
        store.put(key, batch_of(*range(100)))
        (file,) = (path for path in tmp_path.iterdir() if path.stat().st_mtime > 1000)
        os.utime(file, (age, age))
    assert len(list(tmp_path.iterdir())) == 2 and store.get("b") is not None  # which makes it younger than c
    store.put("d", batch_of(*range(100)))
    assert [store.get(key) is not None for key in "abcd"] == [False, True, False, True]


def test_unfinished_parts_lie_hidden_beside_the_whole(tmp_path):
    assert beside(tmp_path / "result") == tmp_path / ".result.unfinished"
