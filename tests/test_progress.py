"""What a command says of its progress where its output is a file."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from rich.console import Console

from matbench_defects.cli import progress
from matbench_defects.cli.progress import Lines, show_progress

LOG = Console(file=io.StringIO(), force_terminal=False)


@pytest.mark.parametrize("step", [1, 7, 90])
def test_a_line_at_each_tenth_however_many_come_at_once(step, capsys):
    with show_progress(LOG, "labels") as show:
        for done in [*range(0, 787, step), 787]:
            show(done, 787)
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == ("labels: 0 of 787", "labels: 787 of 787")
    said = [int(line.split()[1]) for line in lines]
    assert len(said) == len(set(said)) <= 11
    assert all(b - a < 787 / 10 + 2 * step for a, b in pairwise(said))


def test_a_line_after_some_seconds_though_nothing_was_finished():
    lines = []
    with Lines("labels", lines.append, every=0.05) as show:
        time.sleep(0.12)
        show(0, 787)
        show(1, 787)
        show.passes(3, 200, 0.0123)
        time.sleep(0.12)
    assert re.fullmatch(r"labels: \d+ s so far", lines[0])
    assert "labels: 0 of 787" in lines
    assert re.fullmatch(r"labels: 1 of 787, epoch 3 of 200, validation error 0\.0123, \d+ s so far", lines[-1])
    number = len(lines)
    time.sleep(0.1)
    assert len(lines) == number  # it ends with the block


def test_what_others_read_has_only_signs_of_life_and_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(Lines.__init__, "__kwdefaults__", {"tenths": True, "every": 0.05})
    with show_progress(LOG, "resamples", lines=False) as show:
        show(1, 10)
        time.sleep(0.12)
    said = capsys.readouterr()
    assert said.out == "" and re.match(r"resamples: 1 of 10, \d+ s so far\n", said.err)
    assert progress.EVERY <= 30


WAITING = """
import sys, time
import matbench_defects
import matbench_defects.cli.progress as progress
progress.Lines.__init__.__kwdefaults__["every"] = 0.2
setattr(matbench_defects, sys.argv[1], lambda *_, **__: time.sleep(1))
from matbench_defects.cli import main
sys.argv[:2] = ["matbench-defects"]
main()
"""


@pytest.mark.parametrize(
    ("name", "arguments", "stream"),
    [
        ("build_leaderboard", ["leaderboard", "build"], 1),
        ("rescore", ["leaderboard", "rescore"], 1),
        ("score_request", ["leaderboard", "score-request", "--head", "x"], 2),
        ("check_submission", ["submit", ".", "--check"], 1),
        ("submit", ["submit", "."], 1),
        ("lock", ["lock", "lno-cathode"], 1),
        ("check", ["check", "lno-cathode"], 2),
        ("publish", ["publish", "."], 1),
        ("label", ["label", "lno-cathode"], 1),
    ],
)
def test_commands_that_count_nothing_say_that_they_still_run(name, arguments, stream, tmp_path):
    command = [sys.executable, "-c", WAITING, name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert re.search(r"^[\w -]+: 0 s so far$", (done.stdout, done.stderr)[stream - 1], re.MULTILINE), done
