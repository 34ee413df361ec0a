"""What the command line says of an error that nobody foresaw."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import matbench_defects
def fail(*_):
    raise {error}
matbench_defects.listing = fail
from matbench_defects.cli import main
sys.argv[0] = "matbench-defects"
main()
"""
REPORT = r"Please report it with the command, the version (0."


def run(error, *arguments, **environment):
    command = [sys.executable, "-c", PROGRAM.format(error=error), *arguments, "list", "specs"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment or None)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            "KeyError('x\\ny')",
            1,
            r"a fault of this program, not of the input: KeyError: 'x\ny' (<string>:5). " + REPORT,
        ),
        ("AssertionError", 1, "a fault of this program, not of the input: AssertionError (<string>:5). " + REPORT),
        ("RecursionError('deep')", 1, "a fault of this program, not of the input: RecursionError: deep"),
        ("ValueError('\\x1b[31m\\u202e')", 1, r"ValueError: \x1b[31m\u202e ("),
        ("MemoryError('9 GiB')", 2, "out of memory (9 GiB); a smaller supercell, fewer contents or workers need less"),
        ("OSError(13, 'Permission denied', 'a/b')", 2, "a/b: Permission denied"),
        ("OSError('odd')", 1, "a fault of this program, not of the input: OSError: odd"),
    ],
)
def test_it_is_one_message(error, code, message):
    done = run(error)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("matbench-defects: ") and message in line and line.isprintable()


def test_where_it_came_from_is_shown_when_asked_for():
    for done in (run("KeyError('x')", "--debug"), run("KeyError('x')", MATBENCH_DEFECTS_DEBUG="1")):
        assert done.returncode == 1
        assert done.stderr.startswith("Traceback (most recent call last):")
        assert "matbench-defects: a fault of this program" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("", "nothing was finished, so nothing is kept"),
        ("write_text('out.txt', 'whole')", "what was finished is kept"),
        ("write_json('dataset.part/.a.12345678.part/b.json', {})", "nothing was finished, so nothing is kept"),
        ("Journal(Path()).append([{}])", "what was finished is kept"),
    ],
)
def test_what_was_finished_is_kept_only_where_something_was(tmp_path, before, kept):
    text = PROGRAM.replace(
        "    raise {error}",
        "    import os, signal, time\n    from pathlib import Path\n"
        "    from matbench_defects.files import write_json, write_text\n"
        "    from matbench_defects.labels.journal import Journal\n"
        f"    {before}\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)",
    )
    command = [sys.executable, "-c", text, "list", "specs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (143, f"matbench-defects: ended; {kept}\n")
