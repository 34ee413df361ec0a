"""The front door: every exported name has an example that runs, nothing heavy is loaded, and the CLI uses no other."""

from __future__ import annotations

import ast
import doctest
import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import matbench_defects as md

ROOT = Path(md.__file__).parent
ROOMS = {p.name for p in ROOT.iterdir() if p.is_dir() and (p / "__init__.py").is_file()} - {"api", "cli"}
RULES = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
SLOW = {"lock", "label", "build_leaderboard"}


def examples(name):
    thing = getattr(md, name)
    finder = doctest.DocTestFinder(exclude_empty=True, recurse=inspect.isclass(thing))
    return [test for test in finder.find(thing, name, module=inspect.getmodule(thing), globs={}) if test.examples]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name in md.__all__
        if name != "__version__"
    ],
)
def test_the_example_of_every_name_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = examples(name)
    assert found, f"{name} has no example"
    for test in found:
        said: list[str] = []
        runner = doctest.DocTestRunner(optionflags=RULES)
        runner.run(test, out=said.append)
        assert not runner.failures, "".join(said)


def test_what_is_exported_is_said_and_described():
    assert set(md.__all__) <= set(dir(md))
    for name in md.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(md, name)), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        md.nothing  # noqa: B018


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "__init__.py").read_text())
    under = next(n for n in tree.body if isinstance(n, ast.If))
    seen = {
        a.asname: f"matbench_defects.{n.module.removeprefix('matbench_defects.')}" for n in under.body for a in n.names
    }
    assert seen == {name: f"matbench_defects.{home}" for name, home in md._HOME.items()}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def test_the_command_line_calls_only_the_front_door():
    for path in (ROOT / "cli").rglob("*.py"):
        deep = {m for m in imports(path) if m.startswith("matbench_defects.") and m.split(".")[1] in ROOMS}
        assert not deep, f"{path.relative_to(ROOT)}: {deep}"


def test_a_command_is_one_file(tmp_path):
    """The program finds it by itself, and the help shows it under its group."""
    shutil.copytree(ROOT, tmp_path / "matbench_defects", ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    (tmp_path / "matbench_defects" / "cli" / "commands" / "hello.py").write_text(
        "from matbench_defects.cli.app import DATA, command\n"
        "@command(DATA)\n"
        "def hello(name: str) -> None:\n"
        '    """Greet."""\n'
        "    print('hello', name)\n"
    )

    def run(*arguments):
        command = [sys.executable, "-m", "matbench_defects.cli", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)

    done = run("hello", "Ada")
    assert (done.stdout, done.stderr) == ("hello Ada\n", "")
    lines = run("--help").stdout.splitlines()
    mine = lines[lines.index("Your data:") : lines.index("Benchmarks:")]
    assert any(line.split() == ["hello", "Greet."] for line in mine)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: md.SearchOptions(batch=0), "`batch` is 0, but must be at least 1"),
        (lambda: md.SearchOptions(start=-2), "`start` is -2"),
        (lambda: md.SearchOptions(seeds=[0, 0]), "different numbers from 0"),
        (lambda: md.SearchOptions(models="mean"), "a list of names, not 'mean'"),
        (lambda: md.ScreenOptions(top=-5), "`top` is -5"),
        (lambda: md.ScreenOptions(sample=0), "`sample` is 0"),
        (lambda: md.ScreenOptions(fold="nonsense"), "no `split` is given"),
        (lambda: md.load_spec("lno-cathode").space().sample(-1), "ask for 1 at least"),
    ],
)
def test_what_cannot_be_meant_is_refused(make, reason):
    with pytest.raises(md.InputError, match=reason):
        make()
