"""The notebook-style script runs, is short, and imports nothing but the front door."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

SCRIPT = Path(__file__).with_name("notebook.py")


def test_the_script_goes_the_whole_way(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(SCRIPT))
    assert 0 < len(names["near"]) < 87
    assert (tmp_path / names["submission"] / "submission.yaml").is_file()
    assert names["comparison"].comparison.differences


def test_it_is_short_and_uses_the_front_door_alone():
    tree = ast.parse(SCRIPT.read_text())
    lines = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)} - {tree.body[0].lineno}
    assert len(lines) <= 25
    imported = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imported == ["import matbench_defects as md"]
