"""A full disk, a folder that nobody may write, two builds at once, one that is killed: one message, nothing left."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from specs_for_tests import LONG_MAGNESIA

from matbench_defects.dataset.reading import open_dataset
from matbench_defects.errors import InputError
from matbench_defects.files import only_writer
from matbench_defects.labels.store import LabelStore

PROGRAM = [sys.executable, "-m", "matbench_defects.cli"]
# A build that says so and waits in the middle of what it writes.
WAITING = """
import sys, time
import matbench_defects.dataset.build as building
def wait(*_, **__):
    print("waiting", flush=True)
    time.sleep(100)
building.write_card = wait
from matbench_defects.cli import main
sys.argv[0] = "matbench-defects"
main()
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec" / "spec.yaml"
    path.parent.mkdir()
    path.write_text(LONG_MAGNESIA)
    return path


def commands(spec: Path, out: Path) -> dict[str, list[str]]:
    return {"build": ["build", str(spec), "--out", str(out)], "enumerate": ["enumerate", str(spec), "--out", str(out)]}


def run(arguments: list[str], largest: int | None = None) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, preexec_fn=limit, check=False)


def refused(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("matbench-defects: ") and message in line


@pytest.mark.slow
@pytest.mark.parametrize("command", ["build", "enumerate"])
def test_no_place_for_a_file(spec: Path, tmp_path: Path, command: str) -> None:
    done = run(commands(spec, tmp_path / "deep" / "out")[command], largest=500)
    refused(done, "cannot be written (File too large); nothing of it was kept")
    left = [path for path in tmp_path.rglob("*") if "spec" not in path.name]
    assert left == ([] if command == "build" else [tmp_path / "deep", tmp_path / "deep" / "out"])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_a_full_disk(spec: Path, disk: Path) -> None:
    before = {"old": "x" * 50_000}
    (disk / "old").write_text(before["old"])
    refused(
        run(commands(spec, disk / "out")["build"]), "out: cannot be written (No space left on device); nothing of it"
    )
    assert {path.name: path.read_text() for path in disk.iterdir()} == before


LABELLED = LONG_MAGNESIA.replace("[1, 1, 2]", "[2, 2, 2]") + (
    "configurations: {select: uniform, count: 12}\nlabels:\n  - {engine: ewald, charges: {Mg: 2, Ca: 2, O: -2}}\n"
)


def labelling(folder: Path, out: Path) -> list[str]:
    (folder / "labelled.yaml").write_text(LABELLED)
    return ["label", str(folder / "labelled.yaml"), "--out", str(out), "--workers", "1"]


def finished(out: Path) -> int:
    return len(LabelStore(out))


@pytest.mark.slow
def test_labels_on_a_full_disk(tmp_path: Path, disk: Path) -> None:
    (disk / "old").write_text("x" * 40_000)
    out = disk / "labels.parquet"
    full = "cannot be written (No space left on device); what was computed before is kept, and the same command goes on"
    said = run(labelling(tmp_path, out))
    assert said.returncode == 2 and said.stderr.splitlines()[-1].endswith(
        f"labels.parquet.unmerged/journal.jsonl: {full}"
    )
    assert 0 < (kept := finished(out)) < 12
    (disk / "old").unlink()
    before = {label.key: label.seconds for label in LabelStore(out)}
    assert run(labelling(tmp_path, out)).returncode == 0
    assert finished(out) == 12 > kept and {k: LabelStore(out).get(k).seconds for k in before} == before
    assert [path.name for path in disk.iterdir()] == ["labels.parquet"]


@pytest.mark.slow
def test_labels_beyond_what_a_file_may_take(tmp_path: Path) -> None:
    out = tmp_path / "labels.parquet"
    said = run(labelling(tmp_path, out), largest=20_000)
    assert said.returncode == 2, said.stderr
    assert said.stderr.splitlines()[-1].endswith(
        "cannot be written (File too large); what was computed before is kept, and the same command goes on"
    )
    assert 0 < finished(out) < 12


@pytest.mark.slow
def test_a_disk_that_is_read_only(spec: Path, tmp_path: Path, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for arguments in commands(spec, disk / "out").values():
        refused(run(arguments), "cannot be written (Read-only file system)")
    refused(run(labelling(tmp_path, disk / "labels.parquet")), "cannot be written (Read-only file system)")
    assert list(disk.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    with pytest.raises(InputError, match=r"out: cannot be written \(Permission denied\)"), only_writer(folder / "out"):
        pass


@pytest.mark.slow
def test_a_second_build_is_refused_at_once(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with only_writer(out):
        refused(run(commands(spec, out)["build"]), "out: is being written by another process; wait for it")
        assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["spec"]


@pytest.mark.slow
def test_builds_at_once_leave_one_whole_dataset(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*PROGRAM, *commands(spec, out)["build"]]
    every = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(3)]
    ends = [(process.communicate()[1], process.returncode) for process in every]
    assert 0 in [code for _, code in ends]
    for said, code in ends:
        assert code == 0 or (code == 2 and "is being written by another process" in said), said
    assert open_dataset(out).name == "mgo"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "spec"]


def heed_interrupts() -> None:
    """Undo what a shell does to what it starts in the background, such as ``make test &``: Ctrl-C is ignored there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [
        (signal.SIGINT, 130, "matbench-defects: interrupted; nothing was finished, so nothing is kept\n"),
        (signal.SIGTERM, 143, "matbench-defects: ended; nothing was finished, so nothing is kept\n"),
        (signal.SIGKILL, -9, ""),
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_an_interrupted_build(spec: Path, tmp_path: Path, sent: int, code: int, said: str, before: bool) -> None:
    out = tmp_path / "out"
    if before:
        assert run(commands(spec, out)["build"]).returncode == 0
        (out / "mine.txt").write_text("a note")
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, *commands(spec, out)["build"], "--replace"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    assert process.stdout is not None and process.stdout.readline() == "waiting\n"
    time.sleep(0.2)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (code, said)
    assert out.exists() == before and (not before or (out / "mine.txt").read_text() == "a note")
    if sent != signal.SIGKILL:  # nobody can clear up after that but the next
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["spec", *(["out"] if before else [])])
    assert run([*commands(spec, out)["build"], "--replace"]).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "spec"]
    assert not (out / "mine.txt").exists() and open_dataset(out).version == "1.0.0"
