"""Files that never answer, never end or unpack to more than any memory holds are refused at once, wherever named."""

from __future__ import annotations

import ast
import gzip
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from specs_for_tests import LONG_MAGNESIA, SMALL_SHEET

import matbench_defects
from matbench_defects import bounded
from matbench_defects.api.domains import load_spec
from matbench_defects.api.spaces import Space
from matbench_defects.bounded import open_plain, read_bytes, read_json, read_parquet, read_text
from matbench_defects.dataset.lock import read_lock
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.dataset.splits.fixed import FixedSettings, FixedSplit
from matbench_defects.errors import InputError
from matbench_defects.evaluation.overview import insert
from matbench_defects.evaluation.results import read_predictions
from matbench_defects.exchange import tables
from matbench_defects.exchange.archives import LARGEST_HEADS, tar_members
from matbench_defects.exchange.importing import import_published
from matbench_defects.exchange.published_table import read_published
from matbench_defects.exchange.source import format_settings, formats
from matbench_defects.exchange.tables import read_rows
from matbench_defects.labels.engines.table import read_energies
from matbench_defects.labels.store import LabelStore
from matbench_defects.leaderboard.recorded import read_record
from matbench_defects.leaderboard.writing import write_submission
from matbench_defects.spec.document import read_document

ROOT = Path(matbench_defects.__file__).parent


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Fail where a test waits for a pipe, instead of waiting with it."""

    def fail(*_: object) -> None:
        raise AssertionError("it waited")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**43)


def bound_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's whole path may have a hundred bytes only
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(here)


def folder(path: Path) -> None:
    path.mkdir()


STRANGE = {
    "pipe": (pipe, "cannot be read: it is a pipe or a device, not a plain file"),
    "device": (device, "cannot be read: it is a pipe or a device, not a plain file"),
    "sparse": (sparse, "has 8796093022208 bytes; at most "),
    "socket": (bound_socket, "cannot be read: it is a socket, not a plain file"),
    "folder": (folder, "cannot be read: it is a folder, not a plain file"),
}


def imported(format_: str) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        return list(formats.get(format_)(format_settings(format_, {})).read(path).structures)

    return read


def identified(path: Path) -> Any:
    spec = path.parent / "sheet.yaml"
    spec.write_text(SMALL_SHEET)
    return load_spec(str(spec)).space().identify(path)


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "fixed split": ("list.csv", lambda p: FixedSplit(FixedSettings(file=p.name), "", {}, p.parent)),
    "csv": ("table.csv", imported("csv")),
    "csv.gz": ("table.csv.gz", imported("csv")),
    "extxyz": ("frames.xyz", imported("extxyz")),
    "entries": ("entries.json", imported("computed-entries")),
    "perovskites": ("table.csv", imported("cspbi3")),
    "perovskites in Parquet": ("table.parquet", imported("cspbi3")),
    "2dmd": ("set.zip", imported("2dmd")),
    "energies in CSV": ("energies.csv", lambda p: read_energies(p, "energy", "cell")),
    "energies in JSON": ("energies.json", lambda p: read_energies(p, "energy", "cell")),
    "energies in Parquet": ("energies.parquet", lambda p: read_energies(p, "energy", "cell")),
    "published labels": ("published.parquet", read_published),
    "manifest": ("manifest.json", lambda p: open_dataset(p.parent)),
    "lock": ("lock.json", read_lock),
    "spec": ("spec.yaml", read_document),
    "labels": ("labels.parquet", LabelStore),
    "predictions": ("predictions.parquet", lambda p: read_predictions(p.parent)),
    "result": ("result.json", lambda p: write_submission(p.parent, None, None, p.parent, authors=["A"])),  # type: ignore[arg-type]
    "scores": ("scores.json", read_record),
    "overview": ("README.md", lambda p: insert("", p)),
}


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_plain_file_is_refused(reader: str, kind: str, tmp_path: Path) -> None:
    name, read = READERS[reader]
    make, words = STRANGE[kind]
    make(tmp_path / name)
    if (reader, kind) in {("2dmd", "folder"), ("labels", "folder")}:
        pytest.skip("a folder is what it may be")
    with pytest.raises(InputError) as caught:
        read(tmp_path / name)
    assert words in str(caught.value) and name in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "", "/proc/self/mem", "\udcff"])
def test_names_that_no_file_has(name: str) -> None:
    for read in (read_bytes, read_text, read_json, read_parquet):
        with pytest.raises(InputError) as caught:
            read(name)
        assert str(caught.value).isprintable()


def test_a_file_that_does_not_say_how_long_it_is() -> None:
    assert b"VmHWM" in read_bytes("/proc/self/status")
    with pytest.raises(InputError, match="has more than 100 bytes, which is all that is read"):
        read_bytes("/proc/self/status", 100)


def test_a_file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(90))
    with pytest.raises(InputError, match="has more than 100 bytes"), open_plain(path, 100) as stream:
        with open(path, "ab") as more:
            more.write(bytes(90))
        stream.read()


def test_a_plain_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("\ufeffÅ\r\n".encode() * 100_000)
    assert read_bytes(path, path.stat().st_size) == path.read_bytes()
    assert read_text(path).startswith("Å\r\n")
    with open_plain(path) as stream:
        assert stream.read(3) == b"\xef\xbb\xbf" and stream.seek(-2, os.SEEK_END) and stream.read() == b"\r\n"


@pytest.mark.parametrize("text", ["[[],[],[],[]]", '{"a":{"b":{"c":1}},"d":[1]}'])
def test_json_of_more_values_than_memory_holds(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text(text)
    assert read_json(tmp_path / "a.json") == json.loads(text)
    monkeypatch.setattr(bounded, "MOST_VALUES", 3)
    with pytest.raises(InputError, match="holds more than 3 lists, objects and values"):
        read_json(tmp_path / "a.json")


# Tar archives


def head(kind: bytes, size: int, name: str = "s0.cif") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def pax(**said: str) -> bytes:
    info = tarfile.TarInfo("s0.cif")
    info.pax_headers, info.size = {name.replace("_", "."): value for name, value in said.items()}, 512
    return info.tobuf(tarfile.PAX_FORMAT)


class Counted(io.BytesIO):
    """Bytes that remember how many of them were read."""

    handed_out = 0

    def readinto(self, buffer: Any) -> int:
        found = super().readinto(buffer)
        self.handed_out += found
        return found


LONG = bytes(8 * LARGEST_HEADS)
TARS = {
    "a name of 3 GB": head(tarfile.GNUTYPE_LONGNAME, 3 * 2**30, "././@LongLink") + LONG,
    "a link's name of 3 GB": head(tarfile.GNUTYPE_LONGLINK, 3 * 2**30, "././@LongLink") + LONG,
    "a comment of 3 GB": head(tarfile.XHDTYPE, 3 * 2**30) + LONG,
    "a comment on all of 3 GB": head(tarfile.XGLTYPE, 3 * 2**30) + LONG,
    "an unknown kind of 3 GB": head(b"Z", 3 * 2**30) + LONG,
    "a list of holes without end": pax(GNU_sparse_major="1", GNU_sparse_minor="0")
    + b"999999999\n"
    + b"0\n" * 9_000_000,
    "a member of 3 GB": head(tarfile.REGTYPE, 3 * 2**30) + LONG,
    "a negative size": pax(size="-5") + LONG,
    "holes": head(tarfile.GNUTYPE_SPARSE, 512) + bytes(1024),
}


@pytest.mark.parametrize("what", TARS)
@pytest.mark.parametrize("packed", [False, True])
def test_tar_archives_that_say_more_than_they_hold(what: str, packed: bool) -> None:
    stream = Counted(gzip.compress(TARS[what], 1) if packed else TARS[what])
    words = "says more than 1,048,576 bytes of one member|holds too much|cannot be read as a tar|but a link or a device"
    with pytest.raises(InputError, match=words):
        list(tar_members(stream, "initial.tar.gz"))
    assert stream.handed_out < 4 * LARGEST_HEADS


def test_a_tar_archive_with_long_names_and_large_members() -> None:
    given = {"a/" * 100 + "s0.cif": bytes(3 * LARGEST_HEADS), "s1.cif": b"data_", "ü" * 80 + ".cif": b""}
    for format_ in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz", format=format_) as archive:
            for name, data in given.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        assert dict(tar_members(io.BytesIO(stream.getvalue()), "x.tar.gz")) == given


# ZIP archives and tables


def test_tables_of_more_cells_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_CELLS", 100)
    with pytest.raises(InputError, match="holds more than 100 cells"):
        read_rows(b"_id,defects\n" + b"a,[]\n" * 1000, "descriptors.csv")


def test_a_zip_archive_with_a_list_of_members_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for i in range(1000):
            archive.writestr(f"a{i}", "")
    monkeypatch.setattr(bounded, "LARGEST_LIST", 20_000)
    with pytest.raises(InputError, match=r"set\.zip: .*it lists its members in more than 20000 bytes"):
        imported("2dmd")(tmp_path / "set.zip")


LIMITED = """
import resource, sys
from matbench_defects.errors import InputError
from matbench_defects.exchange.source import format_settings, formats
import ase.io, pymatgen.core, pyarrow
before = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
for format_, file in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        list(formats.get(format_)(format_settings(format_, {})).read(__import__("pathlib").Path(file)).structures)
    except InputError as error:
        print(error)
after = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
print((after - before) // 1024)
"""


@pytest.mark.slow
def test_small_files_that_unpack_without_end_take_little_memory(tmp_path: Path) -> None:
    signal.alarm(300)  # to write them takes longer than to refuse them
    heads = "_id,description,base,cell,defects\n"
    with (
        zipfile.ZipFile(tmp_path / "rows.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("descriptors.csv", "w") as stream,
    ):
        stream.write(heads.encode())
        for _ in range(280):
            stream.write(b"[]\n" * 333_333)
    with gzip.open(tmp_path / "table.csv.gz", "wb", 1) as packed:
        for _ in range(280):
            packed.write(bytes(2**20))
    (tmp_path / "frames.xyz").write_text("1000000000000\n\nSi 0 0 0\n")
    assert (tmp_path / "rows.zip").stat().st_size < 3e6
    named = ["2dmd", "rows.zip", "csv", "table.csv.gz", "extxyz", "frames.xyz"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *named], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    *said, grown = done.stdout.splitlines()
    assert [line.split(": ")[1].partition(";")[0][:40] for line in said] == [
        "holds more than 268,435,456 bytes",
        "holds more than 268,435,456 bytes",
        "cannot be read as extended XYZ",
    ], done.stderr
    assert int(grown) < 1000


# Structures


@pytest.mark.parametrize(
    "text",
    [
        "1000000000000\n\nSi 0 0 0\n",
        "999999999999999999999999\n\nSi 0 0 0\n",
        "-1\n\nSi 0 0 0\n",
        "2\n\nSi 0 0 0\n",
        "1\nProperties=species:S:1:pos:R:3:x:R:1000000000\nSi 0 0 0\n",
        '1\nProperties="species:S:1:pos:R:3:x:R:999:y:R:999"\nSi 0 0 0\n',
        f"1\n{'a=1 ' * 100_000}\nSi 0 0 0\n",
        "١\n\nSi 0 0 0\n",
    ],
)
def test_frames_that_promise_more_than_there_is(text: str, tmp_path: Path) -> None:
    (tmp_path / "frames.xyz").write_text(text)
    with pytest.raises(InputError, match=r"frames\.xyz:\d: cannot be read as extended XYZ: (a frame of|it says more)"):
        imported("extxyz")(tmp_path / "frames.xyz")


@pytest.mark.parametrize(
    "named", ["pipe.cif", "a\0b.cif", "zero.cif", "sparse.cif", "loop.cif", "folder.cif", "x" * 300 + ".cif"]
)
def test_a_table_that_names_what_is_no_plain_file(named: str, tmp_path: Path) -> None:
    pipe(tmp_path / "pipe.cif")
    device(tmp_path / "zero.cif")
    sparse(tmp_path / "sparse.cif")
    (tmp_path / "loop.cif").symlink_to("loop.cif")
    (tmp_path / "folder.cif").mkdir()
    (tmp_path / "table.csv").write_text(f"structure,energy [eV per cell]\n{named},1\n")
    (tmp_path / "spec.yaml").write_text(SMALL_SHEET)
    try:
        mapped, report = import_published("csv", tmp_path / "table.csv", str(tmp_path), tmp_path / "o.parquet", {})
    except InputError as error:  # the table itself is at fault
        assert "is no file in the table's folder" in str(error) and str(error).isprintable()
    else:
        assert mapped.mapped == 0 and "not mapped" in report.read_text()


EVIL = {"@module": "trap_module", "@class": "Trap"}


@pytest.fixture
def space(tmp_path: Path) -> Space:
    (tmp_path / "magnesia.yaml").write_text(LONG_MAGNESIA)
    return load_spec(str(tmp_path / "magnesia.yaml")).space()


@pytest.mark.parametrize("name", ["a.json", "a.mson", "a.yaml", "a.json.gz", "A.JSON"])
def test_a_structure_that_names_a_class_does_not_import_it(
    name: str, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap_module.py").write_text("raise SystemExit('owned')")
    monkeypatch.syspath_prepend(str(tmp_path))
    data = next(iter(space.enumerate())).to_pymatgen().as_dict()
    data["properties"] = {"x": EVIL}
    for site in data["sites"]:
        site["properties"] = {"x": EVIL}
    text = json.dumps(data).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    if name.lower() == "a.json":
        assert space.identify(tmp_path / name)
    else:
        with pytest.raises(InputError, match="is of no format that is read"):
            space.identify(tmp_path / name)
    assert "trap_module" not in sys.modules


def test_a_structure_that_unpacks_without_end(space: Space, tmp_path: Path) -> None:
    (tmp_path / "a.cif.gz").write_bytes(gzip.compress(bytes(2**25), 1))
    with pytest.raises(InputError, match="is of no format that is read"):
        space.identify(tmp_path / "a.cif.gz")


# The package itself

READ = {"read_text", "read_bytes", "ParquetFile", "read_table"}
LOAD = {"open", "np.load", "torch.load", "pickle.load", "pickle.loads", "json.load", "yaml.load", "yaml.safe_load"}
NAMES = {name.rpartition(".")[2] for name in LOAD}
OWN = {
    "bounded.py": "the reader",
    "compiling.py": "modules of this package, and machine code that it kept, by its checksum",
    "dependencies.py": "modules of this package and of models, as Python finds them",
    "evaluation/memory.py": "/proc",
    "execution/dask_cluster.py": "what the client sent",
    "exchange/exporting.py": "writes",
    "exchange/writers/extended_xyz.py": "writes",
    "files.py": "what was written here a moment ago; digests of files that were looked at",
    "hub/bodies.py": "writes",
    "hub/publish.py": "what the Hub's own client downloaded",
    "keyed_store.py": "writes",
    "labels/engines/ase.py": "outputs of the user's own program",
    "labels/program_guard.py": "/proc",
    "leaderboard/predictions.py": "looks at kind and size itself",
    "leaderboard/site.py": "templates",
    "leaderboard/trial.py": "its own process",
    "labels/journal.py": "writes; the end of what was looked at",
    "labels/shards.py": "looked at before",
    "testing/models.py": "what it has just pickled",
    "testing/moved_rows.py": "a shipped spec",
    "cli/settings.py": "what the user typed",
}
"""Where files are opened otherwise, and why that may be."""


def test_no_file_is_opened_but_by_the_bounded_reader() -> None:
    found: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in READ | NAMES:
                continue
            called = ast.unparse(node.func)
            if called in LOAD or (name in READ and "." in called):
                found.setdefault(path.relative_to(ROOT).as_posix(), set()).add(called)
    assert set(found) == set(OWN)
    assert {"torch.load", "np.load", "pickle.load", "yaml.load"}.isdisjoint(set().union(*found.values()))
