"""Rooms import only the rooms before them, and modules no module that imports them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

import matbench_defects

ROOT = Path(matbench_defects.__file__).parent
ROOMS = (
    *("errors", "_version", "bounded", "csv_text", "part_files", "files", "registry", "columns", "shipped"),
    *("plain_tables",),
    *("compiling", "dependencies", "keyed_store", "terminal", "plotting"),
    *("spec", "crystal", "execution", "enumeration", "labels", "dataset", "exchange", "hub"),
    *("models", "evaluation", "discovery", "testing", "leaderboard", "api", "cli"),
)
"""Each imports itself and what stands before it."""
LIGHT = ("torch", "pymatgen", "ase", "sevenn", "chgnet", "numba", "matbench_defects.models")
"""What the leaderboard, run in CI on strangers' submissions, does without."""


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name, packages too."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path, name: str) -> Iterator[tuple[str, int]]:
    """Yield each module of this package that a file imports, with the line.

    Wherever the import stands: also within functions, and also what is only read for types.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}:{node.lineno}: a relative import"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in found:
            if target not in MODULES:  # a name of a module
                target = target.rpartition(".")[0]
            if target in MODULES and target != name:
                yield target, node.lineno


@pytest.fixture(scope="module")
def graph() -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(MODULES)
    for name, path in MODULES.items():
        graph.add_edges_from((name, target, {"line": line}) for target, line in imports(path, name))
    return graph


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _for_types(path: Path, target: str) -> bool:
    """Return whether a file imports a module, and does so under ``if TYPE_CHECKING`` alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = [n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    inside = [n for block in guarded for n in ast.walk(block) if isinstance(n, ast.ImportFrom) and n.module == target]
    every = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == target]
    return bool(every) and len(inside) == len(every)


def test_every_room_is_in_the_list():
    assert {room(module) for module in MODULES} - {""} <= set(ROOMS)


def test_rooms_import_only_rooms_before_them(graph):
    wrong = [
        f"{MODULES[one].relative_to(ROOT)}:{data['line']} imports {other}"
        for one, other, data in graph.edges(data=True)
        if room(one) and room(other) and ROOMS.index(room(one)) < ROOMS.index(room(other))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_room_imports_the_front_door(graph):
    """The package itself offers the rooms; a room that imported it would import all of them."""
    assert [one for one in graph.predecessors("matbench_defects") if room(one) not in ("api", "cli")] == []


KINDS = "matbench_defects.crystal.kinds"
ONLY_FOR_TYPES = {
    (f"{KINDS}.kind", "matbench_defects.crystal.space"),
    (f"{KINDS}.kind", "matbench_defects.crystal.configuration"),
    (f"{KINDS}.structures", "matbench_defects.crystal.space"),
}
"""A space has a kind, and a kind is told about spaces: one of the two can name the other for type checkers alone."""


def test_modules_import_each_other_in_no_circle(graph):
    for name, target in ONLY_FOR_TYPES:
        assert _for_types(MODULES[name], target)
    graph = nx.restricted_view(graph, (), ONLY_FOR_TYPES)
    circles = [sorted(found) for found in nx.strongly_connected_components(graph) if len(found) > 1]
    assert circles == []


def test_nothing_imports_the_command_line(graph):
    assert {room(one) for one, other in graph.edges if room(other) == "cli"} <= {"cli"}


def test_registries_look_in_no_later_room():
    """Their members are found by the name of a package, which is an import as well."""
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Registry"):
                named = [a.value for a in node.args if isinstance(a, ast.Constant) and a.value in MODULES]
                assert all(ROOMS.index(room(other)) <= ROOMS.index(room(name)) for other in named), (name, named)


def test_the_leaderboard_loads_nothing_heavy():
    inside = [name for name in MODULES if room(name) == "leaderboard"]
    code = f"import sys\nfor m in {inside}: __import__(m)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(set(loaded) & set(LIGHT)) == []
