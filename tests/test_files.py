import errno
import json
import os
import stat
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench_defects.bounded import read_parquet
from matbench_defects.errors import InputError
from matbench_defects.files import (
    atomic_folder,
    atomic_path,
    check_replaceable,
    digest,
    only_writer,
    sha256_of_file,
    write_json,
    write_text,
)


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


# What the system refuses, and who else writes.


def full(*_, **__):
    raise OSError(errno.ENOSPC, "in words of its own")


def test_a_full_disk_is_one_message_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(InputError) as caught, atomic_path(path) as temporary:
        temporary.write_text("half")
        full()
    assert str(caught.value) == f"{path}: cannot be written (No space left on device); nothing of it was kept"
    assert listing(tmp_path) == []


def test_only_what_concerns_the_writing_is_said_of_the_file(tmp_path):
    for error in (FileNotFoundError(2, "No such file", "elsewhere.cif"), PermissionError(13, "no", "elsewhere")):
        for writing in (atomic_path, atomic_folder):
            with pytest.raises(type(error)), writing(tmp_path / "out"):
                raise error
    assert listing(tmp_path) == []


def test_a_file_within_a_folder_is_called_by_its_final_name(tmp_path, monkeypatch):
    with pytest.raises(InputError) as caught, atomic_folder(tmp_path / "out") as temporary:
        monkeypatch.setattr(os, "fsync", full)
        write_text(temporary / "deep" / "README.md", "half")
    monkeypatch.undo()
    assert caught.value.file == str(tmp_path / "out" / "deep" / "README.md")
    assert listing(tmp_path) == []


def test_where_nothing_can_be(tmp_path):
    (tmp_path / "file").write_text("in the way")
    message = r"out: cannot be written \((Not a directory|File exists)\)"
    for writing in (atomic_folder, only_writer, atomic_path):
        with pytest.raises(InputError, match=message), writing(tmp_path / "file" / "out"):
            pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"folder: cannot be written \(Is a directory\)"):
        write_text(tmp_path / "folder", "x")
    assert listing(tmp_path) == ["file", "folder"]


def test_what_stood_there_comes_back_when_its_place_cannot_be_taken(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    replace = type(out).replace

    def fail(self, target):
        if self.name != "out" and target == out and self.name != "old":
            full()
        return replace(self, target)

    monkeypatch.setattr(type(out), "replace", fail)
    with pytest.raises(InputError, match="No space left"), atomic_folder(out) as temporary:
        (temporary / "new").write_text("new")
    assert listing(tmp_path) == ["out"] and listing(out) == ["old"]


def test_one_writer_at_a_time(tmp_path):
    path = tmp_path / "deep" / "er" / "out"
    with only_writer(path):
        with (
            pytest.raises(InputError, match="out: is being written by another process; wait for it"),
            only_writer(path),
        ):
            pass
        with only_writer(path.with_name("other")):
            pass
        assert listing(path.parent) == [".out.lock"]
    assert listing(tmp_path) == []  # neither the lock is left nor the folders that were made for it
    with pytest.raises(Stop), only_writer(path):
        path.mkdir()
        raise Stop
    assert listing(path.parent) == ["out"]


def test_writers_that_wait_come_one_after_the_other(tmp_path):
    seen = []

    def write(number):
        with only_writer(tmp_path / "out", wait=True):
            seen.append(number)
            time.sleep(0.02)
            seen.append(number)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 16 and seen[::2] == seen[1::2]
    assert listing(tmp_path) == []


@pytest.mark.parametrize("there", [False, True])
def test_what_a_killed_writer_left_is_cleared_away(tmp_path, there):
    out = tmp_path / "out"
    if there:
        out.mkdir()
    (tmp_path / ".out.abcdefgh.part").mkdir()
    (tmp_path / ".out.abcdefgh.part" / "half").write_text("half")
    (tmp_path / ".out.12345678.part" / "old").mkdir(parents=True)  # it was killed between two renamings
    (tmp_path / ".out.12345678.part" / "old" / "mine").write_text("mine")
    (tmp_path / ".out.lock").touch()
    others = [".other.abcdefgh.part", ".out.long-and-mine.part", "out.abcdefgh.part"]
    for other in others:
        (tmp_path / other).mkdir()
    with only_writer(out):
        pass
    assert listing(tmp_path) == sorted([*others, "out"])
    assert listing(out) == ([] if there else ["mine"])


# A process that writes a file and a folder, says so, and is killed.
WRITING = """
import sys, time
from pathlib import Path
from matbench_defects.files import atomic_folder, atomic_path
with atomic_path(Path("a.txt")) as file, atomic_folder(Path("out")) as folder:
    file.write_text("half")
    (folder / "half").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_the_next_to_write_clears_away_what_a_killed_one_left_and_no_more(tmp_path):
    writing = [subprocess.Popen([sys.executable, "-c", WRITING], cwd=tmp_path, stdout=subprocess.PIPE) for _ in "ab"]
    try:
        for process in writing:
            assert process.stdout.readline() == b"writing\n"
        assert len(listing(tmp_path)) == 4
        writing[0].kill()
        writing[0].wait()
        for _ in "ab":
            write_text(tmp_path / "a.txt", "whole")
            with atomic_folder(tmp_path / "out"):
                pass
            assert len(listing(tmp_path)) == 4  # what the other still writes
    finally:
        for process in writing:
            process.kill()
            process.wait()
            process.stdout.close()
    write_text(tmp_path / "a.txt", "whole")
    with atomic_folder(tmp_path / "out"):
        pass
    assert listing(tmp_path) == ["a.txt", "out"]


def test_a_folder_moved_aside_when_its_writer_was_killed_comes_back_first(tmp_path):
    (tmp_path / ".out.12345678.part" / "old").mkdir(parents=True)
    (tmp_path / ".out.12345678.part" / "old" / "mine").write_text("mine")
    with pytest.raises(Stop), atomic_folder(tmp_path / "out"):
        raise Stop
    assert listing(tmp_path) == ["out"] and listing(tmp_path / "out") == ["mine"]


def test_many_that_write_one_file_at_once_take_nothing_from_each_other(tmp_path):
    failed = []

    def write(number):
        try:
            for _ in range(20):
                write_text(tmp_path / "a.txt", str(number))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and listing(tmp_path) == ["a.txt"]


def test_only_a_folder_of_the_kind_is_replaced(tmp_path):
    there = tmp_path / "there"
    check_replaceable(there, "mark", "a thing")
    there.mkdir()
    check_replaceable(there, "mark", "a thing")
    (there / "precious").touch()
    with pytest.raises(InputError, match="there: exists and is not a thing; give another --out"):
        check_replaceable(there, "mark", "a thing", "another --out")
    (there / "mark").touch()
    check_replaceable(there, ("other", "mark"), "a thing")
    with pytest.raises(InputError, match="exists and is not a thing; give another folder"):
        check_replaceable(there / "precious", "mark", "a thing")


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and nothing else PAR1"])
def test_what_is_not_parquet_is_named(tmp_path, content):
    path = tmp_path / "a.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.parquet: cannot be read( as Parquet)?: .*"):
        read_parquet(path)
