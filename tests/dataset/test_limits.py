"""What would take over an hour or 10 GB is said before; what was promised of memory holds on the largest spaces."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from specs_for_tests import ALLOY
from typer.testing import CliRunner

from matbench_defects.cli import app
from matbench_defects.dataset import check, limits
from matbench_defects.dataset.estimate import SpaceEstimate, estimate_spaces
from matbench_defects.dataset.limits import PROCESS_BYTES, memory_bound
from matbench_defects.spec.loading import load_spec

EWALD = "{engine: ewald, charges: {Cu: 1, Au: 1}, background: true}"
LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


def warned(folder, supercell, content, selection, monkeypatch, seconds=None, engine=EWALD):
    """Return the warnings of `check`, where one label took so many seconds."""
    text = ALLOY.replace("SUPERCELL", supercell).replace("CONTENT", content).replace("SELECTION", selection)
    (folder / "spec.yaml").write_text(text.replace(EWALD, engine))
    if seconds is not None:
        (folder / "labels.parquet").touch()
        digest = check.estimate_labels(load_spec(folder), 0, {})[0].method.digest()
        monkeypatch.setattr(check, "_known", lambda labels: {digest: (1, seconds)})
    monkeypatch.setattr(check, "available_cores", lambda: 2)
    result = CliRunner().invoke(app, ["check", str(folder)])
    assert result.exit_code == 0, result.output
    return re.findall(r"^warning: (.*)$", result.output, re.MULTILINE)


def test_nothing_is_said_of_what_is_small(tmp_path, monkeypatch):
    assert warned(tmp_path, "[2, 2, 2]", "0..4", "{select: all}", monkeypatch, 2.0) == []


def test_labels_that_take_hours(tmp_path, monkeypatch):
    (line,) = warned(tmp_path, "[3, 3, 3]", "9", "{select: uniform, count: 1001, seed: 0}", monkeypatch, 72.0)
    assert line == "label ewald_static: about 10 h on 2 cores; `label --cluster` takes the workers of a cluster"


def test_labels_whose_time_nobody_knows(tmp_path, monkeypatch):
    (line,) = warned(tmp_path, "[3, 3, 3]", "9", "{select: uniform, count: 7300, seed: 0}", monkeypatch)
    assert line.startswith(
        "label ewald_static: 7,300 are to go, over an hour on 2 cores if one takes a second; label a few"
    )


def test_density_functional_theory_is_not_taken_for_quick(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "require_extra", lambda engine: None)
    some = "{select: uniform, count: 25, seed: 0}"
    (line,) = warned(tmp_path, "[3, 3, 3]", "9", some, monkeypatch, engine="{engine: gpaw}")
    assert line == (
        "label gpaw_static: 25 are to go, over an hour on 2 cores if one takes 5 minutes; label a few first, and "
        "`check` knows more"
    )


def test_datasets_that_fill_disk_and_memory(tmp_path, monkeypatch):
    lines = warned(tmp_path, "[5, 5, 5]", "40", "{select: uniform, count: 1000000, seed: 0}", monkeypatch, 0.001)
    assert len(lines) == 3  # memory is bounded: a million rows of 125 sites take two gigabytes
    assert lines[0] == "the dataset: about 29 GB before compression"
    assert re.fullmatch(r"`build`: about \d+ h, labels not counted", lines[1])
    assert re.fullmatch(
        r"`enumerate` and a `screen` of all \S+ configurations: over an hour and over 10 GB; .*", lines[2]
    )


def test_a_million_rows_of_twelve_atoms_stay_below_the_bound_of_the_stress_test():
    space = type("Space", (), {"host_species": ("Li",) * 12, "size": 12})()
    million = SpaceEstimate(space, 10**6, 10**6, [], 10**6, exact=True, warning="")
    assert PROCESS_BYTES < memory_bound([million], 1) < 1.5e9


def test_hundred_million_rows_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "ROW_BYTES", 70_000)  # as if
    lines = warned(tmp_path, "[5, 5, 5]", "40", "{select: uniform, count: 1000000, seed: 0}", monkeypatch, 0.001)
    assert re.fullmatch(r"`label` and `build` may need \d+ GB of memory; select fewer configurations", lines[1])


# Not ru_maxrss: a child keeps the peak of the test process that started it.
CODE = """
import re, sys
from pathlib import Path
from matbench_defects.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def peak_of(*arguments, cwd):
    """Run a command and return the most memory that its process held, bytes."""
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    return 1024 * int(done.stdout.splitlines()[-1])


def bound_of(spec):
    bound = memory_bound(estimate_spaces(spec), len(spec.labels))
    assert bound < 2 * PROCESS_BYTES
    return bound


@pytest.mark.slow
@LINUX
def test_building_holds_its_memory_bound(tmp_path):
    """8.7 million pathways."""
    arguments = ("build", "kfeo2-ti-pathways", "--only-labelled", "--out", tmp_path / "built")
    assert peak_of(*arguments, cwd=tmp_path) < bound_of(load_spec("kfeo2-ti-pathways"))


@pytest.mark.slow
@LINUX
def test_labelling_holds_its_memory_bound(tmp_path):
    """1e28 configurations, of which some are labelled."""
    selection = "{select: uniform, count: 40, seed: 0}"
    text = ALLOY.replace("SUPERCELL", "[3, 3, 3]").replace("CONTENT", "30..54").replace("SELECTION", selection)
    (tmp_path / "spec.yaml").write_text(text)
    spec = load_spec(tmp_path)
    assert sum(space.inequivalent for space in estimate_spaces(spec)) > 1e27
    assert peak_of("label", tmp_path, cwd=tmp_path) < bound_of(spec)


@pytest.mark.slow
@LINUX
def test_screening_holds_its_memory_bound(tmp_path):
    """Every one of 1.5 million configurations, 30 times what is held at a time."""
    arguments = ("screen", "kfeo2-ti", "--model", "cluster-expansion", "--out", tmp_path / "found")
    assert peak_of(*arguments, cwd=tmp_path) < 2 * PROCESS_BYTES
