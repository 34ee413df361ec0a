"""A result is computed again when something changes that it depends on, and only then."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import matbench_defects
from matbench_defects import dependencies
from matbench_defects.dependencies import depends_on, library_version

FILES = {
    "__init__.py": "",
    "model.py": """
'''A model.'''
from typing import TYPE_CHECKING
import numpy as np
from . import shared
if TYPE_CHECKING:
    from made_up.typed import Unused

class Model:
    '''Fits.'''
    def fit(self):
        import yaml
        from made_up.inner.late import late
        return late(), shared.common(), np, yaml
""",
    "shared.py": "def common():\n    return 1\n",
    "typed.py": "Unused = int\n",
    "other.py": "from made_up.shared import common\n",
    "inner/__init__.py": "",
    "inner/late.py": "from ..shared import common\n\ndef late():\n    return common()\n",
    "inner/beside.py": "x = 1\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / "made_up" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "made_up" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("made_up.model")
    yield tmp_path / "made_up"
    for name in [name for name in sys.modules if name.partition(".")[0] == "made_up"]:
        del sys.modules[name]


def model_depends_on():
    dependencies._read.cache_clear()  # as a new process would
    return depends_on(sys.modules["made_up.model"].Model)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("shared.py", "return 1", "return 1  # a comment"),
        ("shared.py", "def", "\n\ndef"),
        ("shared.py", "    return 1", "    '''Return one.'''\n    return 1"),
        ("model.py", "'''A model.'''", "'''The model.'''"),
        ("model.py", "'''Fits.'''", "'''Is fitted.'''"),
        ("typed.py", "int", "float"),
        ("inner/beside.py", "1", "2"),
        ("other.py", "common\n", "common\n\nx = 2"),
        ("new.py", "", "class NewModel:\n    pass"),
    ],
)
def test_what_it_does_not_depend_on(package, file, before, after):
    first = model_depends_on()
    path = package / file
    path.write_text((path.read_text() if path.exists() else "").replace(before, after))
    assert model_depends_on() == first


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("shared.py", "return 1", "return 2"),
        ("inner/late.py", "return common()", "return -common()"),
        ("inner/__init__.py", "", "print()"),
        ("__init__.py", "", "print()"),
        ("model.py", "return late()", "return 0"),
    ],
)
def test_what_it_depends_on(package, file, before, after):
    first = model_depends_on()
    path = package / file
    path.write_text(path.read_text().replace(before, after) if before else after)
    changed = model_depends_on()
    assert changed["code"] != first["code"] and changed["libraries"] == first["libraries"]


def test_the_versions_of_libraries_count(package, monkeypatch):
    first = model_depends_on()
    assert first["libraries"] == {name: library_version(name) for name in ("numpy", "yaml")}
    assert all(first["libraries"].values()) and library_version("no_such_library") == ""
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0" if name == "numpy" else real(name))
    changed = model_depends_on()
    assert changed["libraries"]["numpy"] == "0.0" and changed["libraries"]["yaml"] == first["libraries"]["yaml"]
    assert changed["code"] == first["code"]


def test_classes_that_a_class_names_count(package):
    from matbench_defects.models.ensemble import Ensemble

    member = type("Member", (), {"Settings": None, "depends_on": classmethod(lambda cls: [Ensemble])})
    member.__module__ = "made_up.shared"
    assert depends_on(member) != depends_on("made_up.shared")
    assert depends_on(member) == depends_on("made_up.shared", Ensemble)


def test_a_class_without_a_file_is_known_in_its_process_alone():
    code = (
        "import sys; from matbench_defects.dependencies import depends_on\n"
        "class Typed: pass\n"
        "first = depends_on(Typed)\n"
        "assert depends_on(Typed) == first\n"
        "print(first['code'])"
    )
    found = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in "ab"]
    assert found[0].stdout != found[1].stdout


CHANGES = """
import json, sys
from pathlib import Path
import matbench_defects
from matbench_defects import dependencies
from matbench_defects.dependencies import depends_on
from matbench_defects.hub.find import _code
from matbench_defects.models.model import models
from matbench_defects.spec.loading import load_spec

root = Path(matbench_defects.__file__).parent
names = ("composition", "cluster-expansion", "ensemble-cluster-expansion", "ewald-ridge", "ewald-forest",
         "sevennet-zero-shot")
kinds = {name: models.get(name) for name in names}
spec = load_spec(sys.argv[1])

def every():
    dependencies._read.cache_clear()
    return {name: depends_on(kind) for name, kind in kinds.items()} | {"dataset": _code(spec, False)}

def changed(file, text, old=None):
    path = root / file
    kept = path.read_text() if path.exists() else ""
    path.write_text(kept.replace(old, text) if old else kept + text)
    found = every()
    path.write_text(kept)
    return [name for name in before if found[name] != before[name]]

before = every()
print(json.dumps({
    "model": changed("models/new_model.py", "from matbench_defects.models.model import models\\nx = 1\\n"),
    "metric": changed("evaluation/metrics/new_metric.py", "x = 1\\n"),
    "comment": changed("models/model.py", "# A comment.\\n"),
    "command": changed("cli/__init__.py", "x = 1\\n"),
    "front door": changed("__init__.py", "x = 1\\n"),
    "clusters": changed("models/clusters/orbits.py", "x = 1\\n"),
    "ridge": changed("models/regressors/ridge.py", "x = 1\\n"),
    "engine": changed("labels/engines/sevennet.py", "x = 1\\n"),
    "target": changed("dataset/targets/formation_energy.py", "x = 1\\n"),
    "files": changed("errors.py", "x = 1\\n"),
    "nothing": changed("files.py", ""),
}))
"""


def test_a_change_counts_for_the_models_whose_code_it_is(tmp_path):
    shutil.copytree(
        Path(matbench_defects.__file__).parent,
        tmp_path / "matbench_defects",
        ignore=shutil.ignore_patterns("__pycache__", "shipped"),
    )
    spec = Path(matbench_defects.__file__).parent.parent / "specs" / "lno-cathode" / "spec.yaml"
    done = subprocess.run(
        [sys.executable, "-c", CHANGES, str(spec)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name in ("model", "metric", "comment", "command", "front door", "nothing"):
        assert found[name] == [], name
    assert found["clusters"] == ["cluster-expansion", "ensemble-cluster-expansion"]
    assert found["ridge"] == ["composition", "cluster-expansion", "ensemble-cluster-expansion", "ewald-ridge"]
    assert found["engine"] == ["sevennet-zero-shot", "dataset"]
    assert found["target"] == ["dataset"]
    assert len(found["files"]) == 7
