"""A pipe or a device where a file is meant is called so, and nothing waits for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def refusal(folder, arguments):
    """Return what a command says of its input."""
    command = [sys.executable, "-m", "matbench_defects.cli", *arguments]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert found.returncode == 2 and "Traceback" not in found.stderr
    return " ".join((found.stdout + found.stderr).split())


@pytest.fixture
def special(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipe.cif").symlink_to("pipe")
    (tmp_path / "zero.cif").symlink_to("/dev/zero")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["identify", "pipe.cif", "--spec", "lno-cathode"],
        ["identify", "zero.cif", "--spec", "lno-cathode"],
        ["init", "zero.cif", "--out", "new"],
        ["check", "pipe"],
        ["import", "ase", "pipe", "--spec", "lno-cathode"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_what_is_no_plain_file(special, arguments):
    assert "it is a pipe or a device, not a plain file" in refusal(special, arguments)


def test_no_folder_to_write_into(special):
    assert "pipe: is no folder" in refusal(special, ["enumerate", "lno-cathode", "--out", "pipe"])
