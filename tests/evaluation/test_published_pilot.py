"""The published DFT energies of 200 defects in MoS2, from the authors' files to scores of models, by the commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PILOT = Path(os.environ.get("MATBENCH_DEFECTS_SHARED", ROOT.parent / "shared")) / "data" / "2dmd-mos2-pilot"


@pytest.mark.slow
@pytest.mark.skipif(not PILOT.exists(), reason=f"the DFT energies are not here: {PILOT}")
def test_models_are_evaluated_on_the_published_energies(tmp_path):
    folder = tmp_path / "2dmd-pilot"
    shutil.copytree(
        ROOT / "benchmarks" / "published" / "2dmd-pilot", folder, ignore=shutil.ignore_patterns("*.parquet")
    )

    def run(*words: str | Path) -> None:
        command = [sys.executable, "-m", "matbench_defects.cli", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    run("import", "2dmd", PILOT)  # the format knows its spec
    (tmp_path / f"{PILOT.name}.parquet").rename(folder / "pilot.parquet")
    run("label", folder)
    run("build", folder, "--out", tmp_path / "dataset")
    models = ("mean", "composition", "cluster-expansion")
    asked = [word for model in models for word in ("--model", model)]
    out = tmp_path / "results"
    run("evaluate", folder / "2dmd-pilot.yaml", "--dataset", tmp_path / "dataset", *asked, "--out", out)
    error = {
        model: json.loads((out / "2dmd-pilot" / model / "result.json").read_text())["scores"]["mae"]["mean"]
        for model in models
    }
    # Most of the energy is the sum over single defects, which composition knows; the rest is that of pairs.
    assert error["cluster-expansion"] < 0.5 * error["composition"] < 0.05 * error["mean"]
