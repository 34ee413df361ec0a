"""The wheel, installed into an empty environment, builds a domain by its name."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_specs_and_tasks_ship(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "matbench_defects/shipped/specs/lno-cathode/spec.yaml",
        "matbench_defects/shipped/specs/lno-cathode/labels.parquet",
        "matbench_defects/shipped/benchmarks/lno-formation-energy.yaml",
        "matbench_defects/leaderboard/templates/task.html.j2",
    ):
        assert needed in names
    assert not [n for n in names if n.startswith(("tests/", "leaderboard/"))]


@pytest.mark.slow
def test_installed_alone_it_builds_a_domain(wheel, tmp_path):
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel]
    subprocess.run(install, check=True, cwd=tmp_path)
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    clean["MATBENCH_DEFECTS_CACHE"] = str(tmp_path / "cache")
    command = [environment / "bin" / "matbench-defects", "build", "lno-cathode", "--out", "lno"]
    done = subprocess.run(command, check=False, cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "87 inequivalent of 4,096" in done.stdout
    where = subprocess.run(
        [python, "-c", "import matbench_defects; print(matbench_defects.__file__)"],
        check=True,
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert str(environment) in where.stdout
