"""Folders that are not what they seem: paths, links, special files, names, sizes."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from pathlib import Path

import pytest
from hostile_case import Case, Place, cases_of

FOLDERS: list[Case] = []
case = cases_of(FOLDERS)


@case("a path that climbs out", "is no model's name")
def _climb(place: Place) -> Path:
    (place.outside / "Up").mkdir()
    return place.folder / ".." / ".." / ".." / "outside" / "Up"


@case("a model named like a path", "is no model's name")
def _dotted(place: Place) -> Path:
    return place.folder.rename(place.folder.parent / "..hidden")


@case("submission.yaml is a link to a secret", "submission.yaml: is a symbolic link; put the file itself there")
def _link_description(place: Place) -> None:
    secret = place.outside / "secret"
    secret.write_text("token: swordfish")
    place.description.unlink()
    place.description.symlink_to(secret)


@case("predictions.parquet is a link", "predictions.parquet: is a symbolic link; put the file itself there")
def _link_predictions(place: Place) -> None:
    place.predictions.rename(place.outside / "real.parquet")
    place.predictions.symlink_to(place.outside / "real.parquet")


@case("a link to nothing", "is a symbolic link; put the file itself there")
def _dangling(place: Place) -> None:
    place.predictions.unlink()
    place.predictions.symlink_to("/proc/self/mem")


@case("the model's folder is a link", "is a symbolic link; a submission is a plain folder <task>/<model>/")
def _link_model(place: Place) -> None:
    place.folder.rename(place.outside / "schnet")
    place.folder.symlink_to(place.outside / "schnet")


@case("the task's folder is a link", "is a symbolic link; a submission is a plain folder <task>/<model>/")
def _link_task(place: Place) -> None:
    above = place.folder.parent
    above.rename(place.outside / "moved")
    above.symlink_to(place.outside / "moved")


@case("a hard link to a file elsewhere", "is a hard link to a file that has another name too; put a copy there")
def _hard_link(place: Place) -> None:
    shutil.copy(place.description, place.outside / "passwd")
    place.description.unlink()
    os.link(place.outside / "passwd", place.description)


@case("a pipe that would block for ever", "is a special file; put the file itself there")
def _pipe(place: Place) -> None:
    place.predictions.unlink()
    os.mkfifo(place.predictions)


@case("a socket", "is a special file; put the file itself there")
def _socket(place: Place) -> None:
    place.description.unlink()
    here = Path.cwd()
    os.chdir(place.folder)  # a socket's whole path may have a hundred bytes only
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("submission.yaml")
    finally:
        os.chdir(here)


@case("a device that never ends", "is a special file; put the file itself there")
def _device(place: Place) -> None:
    place.predictions.unlink()
    try:
        os.mknod(place.predictions, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("only root makes device files")


@case("a folder in a file's place", "predictions.parquet: is a folder; put the file itself there")
def _folder_for_file(place: Place) -> None:
    place.predictions.unlink()
    place.predictions.mkdir()


@case("code beside the two files", "holds 'sitecustomize.py'; a submission holds submission.yaml and predictions")
def _code(place: Place) -> None:
    (place.folder / "sitecustomize.py").write_text("raise SystemExit")


@case("a workflow of its own", "holds '.github'")
def _workflow(place: Place) -> None:
    (place.folder / ".github" / "workflows").mkdir(parents=True)


@case("a name with a line end that gives orders to CI", r"holds 'x\n::set-output name=ok::1'")
def _line_end(place: Place) -> None:
    (place.folder / "x\n::set-output name=ok::1").touch()


@case("a name that colours the terminal", r"holds '\x1b[31mred'")
def _escape(place: Place) -> None:
    (place.folder / "\x1b[31mred").touch()


@case("a name that is no text", r"holds '\udcff\udcfe'")
def _bytes_name(place: Place) -> None:
    with open(os.fsencode(place.folder) + b"/\xff\xfe", "wb"):
        pass


@case("a name that reads backwards", r"holds 'submission\u202elmay.yaml'")
def _backwards(place: Place) -> None:
    (place.folder / "submission\u202elmay.yaml").touch()


@case("names that differ in case alone", "holds 'Submission.yaml'")
def _case_clash(place: Place) -> None:
    shutil.copy(place.description, place.folder / "Submission.yaml")


@case("a hundred thousand names", "and nothing else, so remove it")
def _many_names(place: Place) -> None:
    for i in range(3000):
        (place.folder / f"a{i}").touch()


@case("a huge description", "submission.yaml: has 64001 bytes; at most 64000 are allowed")
def _huge_description(place: Place) -> None:
    os.truncate(place.description, 64_001)


@case("a huge file that takes no room on disk", "predictions.parquet: has 1099511627776 bytes; at most 20000000")
def _sparse(place: Place) -> None:
    os.truncate(place.predictions, 2**40)


@case("no predictions", "has no predictions.parquet; `matbench-defects submit` writes both files")
def _missing(place: Place) -> None:
    place.predictions.unlink()
