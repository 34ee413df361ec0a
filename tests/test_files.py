import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench_defects.files import atomic_folder, atomic_path, digest, sha256_of_file, write_json, write_text


class Stop(Exception):
    pass


def listing(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_whole(tmp_path):
    with atomic_path(tmp_path / "deep" / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert (tmp_path / "deep" / "a.txt").read_text() == "new"
    assert listing(tmp_path / "deep") == ["a.txt"]


@pytest.mark.parametrize("before", [None, "old"])
def test_nothing_half_written_is_left_after_an_exception(tmp_path, before):
    path = tmp_path / "a.txt"
    if before:
        path.write_text(before)
    with pytest.raises(Stop), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise Stop
    assert listing(tmp_path) == (["a.txt"] if before else [])
    assert not before or path.read_text() == before


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_honour_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        assert os.umask(before) == umask  # and it is left as it was
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


def test_folders_honour_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        with atomic_folder(tmp_path / "out"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700


def test_a_folder_takes_the_place_of_another(tmp_path):
    for content in ("old", "new"):
        with atomic_folder(tmp_path / "out") as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / content).write_text(content)
    assert listing(tmp_path) == ["out"]
    assert listing(tmp_path / "out" / "sub") == ["new"]


@pytest.mark.parametrize("before", [False, True])
def test_an_unfinished_folder_leaves_what_was_there(tmp_path, before):
    if before:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").write_text("old")
    with pytest.raises(Stop), atomic_folder(tmp_path / "out") as temporary:
        (temporary / "half").write_text("half")
        raise Stop
    assert listing(tmp_path) == (["out"] if before else [])
    assert not before or listing(tmp_path / "out") == ["old"]


def test_json_is_readable_and_strict(tmp_path):
    write_json(tmp_path / "a.json", {"å": [1, 2.5]})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"å": [1, 2.5]}
    assert "å" in (tmp_path / "a.json").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    assert listing(tmp_path) == ["a.json"]


def test_the_digest_of_a_file(tmp_path):
    write_text(tmp_path / "a", "abc")
    assert sha256_of_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.dictionaries(st.text(), st.integers() | st.text(), min_size=1))
def test_a_digest_knows_no_order_but_every_value(data):
    assert digest(data) == digest(dict(reversed(data.items())))
    key = next(iter(data))
    assert digest(data) != digest(data | {key: [data[key]]})
