"""Explanations on the command line: a picture and a table for each model, a clear word where there is none."""

from __future__ import annotations

import csv

from typer.testing import CliRunner

from matbench_defects.cli import app


def test_picture_and_table(lno, tmp_path):
    asked = ["explain", "lno-formation-energy", "--dataset", str(lno.folder), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*asked, "--model", "cluster-expansion", "--model", "composition"])
    assert done.exit_code == 0, done.output
    for model in ("cluster-expansion", "composition"):
        folder = tmp_path / "lno-formation-energy"
        assert (folder / f"{model}.png").read_bytes().startswith(b"\x89PNG")
        with open(folder / f"{model}.csv", encoding="utf-8") as stream:
            rows = list(csv.reader(stream))
        weights = [abs(float(weight)) for _, weight in rows[1:]]
        assert rows[0] == ["feature", "weight"] and weights == sorted(weights, reverse=True)
    assert "Li.vacancy" in done.output


def test_a_model_without_features(lno, tmp_path):
    asked = ["explain", "lno-formation-energy", "--dataset", str(lno.folder), "--out", str(tmp_path), "--model", "mean"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code != 0
    assert "mean has no features of its own" in str(done.exception or done.output)
