"""What a computed result depends on besides its data: the code behind it, and the versions of the libraries it uses.

Imports are read from the source, those inside functions too; nothing is imported for it. Comments, docstrings, layout
and what is imported for type checkers alone do not count.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.files import digest

DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "PyYAML"}
"""Those that our code imports by another name than they are installed by; to find others out takes half a second."""
OURS = __name__.partition(".")[0]
"""This package. What its own `__init__` offers is imported only when asked for, so nothing depends on that."""


def depends_on(*things: Any) -> dict[str, Any]:
    """Return what the results of some code depend on, as JSON can hold it.

    Parameters
    ----------
    *things : str, type or callable
        Modules by name, classes, or functions. Of a class, those that it names in its attributes count as well, such as
        the member of an ensemble; a classmethod ``depends_on`` of it may return further ones, which it finds by a name.

    Returns
    -------
    dict
        ``code``, a digest of the modules and of all modules of the same packages that they import, directly or not;
        ``libraries``, the version of each installed library that these import, by the name it is imported by.
    """
    modules: set[str] = set()
    without_file: set[str] = set()
    for thing in things:
        for one in _classes(thing) if isinstance(thing, type) else [thing]:
            module = one if isinstance(one, str) else one.__module__
            if _read(module) is not None:
                modules.add(module)
            elif not isinstance(one, str):
                without_file.add(_typed_in(one))
    closure = _closure(modules)
    code = digest([sorted((name, source.digest) for name, source in closure.items()), sorted(without_file)])
    imported = {_top(name) for source in closure.values() for name in source.imports}
    packages = {_top(name) for name in closure}
    libraries = sorted(imported - packages - {OURS} - sys.stdlib_module_names)
    return {"code": code, "libraries": {name: version for name in libraries if (version := library_version(name))}}


def library_version(name: str) -> str:
    """Return the version of an installed library by the name it is imported by; empty where it is not installed."""
    if importlib.util.find_spec(name) is None:
        return ""
    try:
        return importlib.metadata.version(DISTRIBUTIONS.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        return next(map(importlib.metadata.version, _distributions().get(name, [])), "")


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _classes(kind: type) -> set[type]:
    """Return a class with those of this package, or made from them, that it is put together from."""
    found: set[type] = set()
    open_classes = [kind]
    while open_classes:
        one = open_classes.pop()
        if one not in found:
            found.add(one)
            named = [value for base in one.__mro__ for value in vars(base).values() if isinstance(value, type)]
            named += getattr(one, "depends_on", list)()
            open_classes += [other for other in named if any(_top(base.__module__) == OURS for base in other.__mro__)]
    return found | {base for one in found for base in one.__mro__ if _top(base.__module__) == OURS}


def _top(module: str) -> str:
    return module.partition(".")[0]


@functools.cache
def _typed_in(thing: Any) -> str:
    """Return the source of a class or function that no file holds, such as one of a notebook."""
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        return uuid.uuid4().hex  # nobody can tell later whether it is the same: good in this process only


@dataclass(frozen=True)
class _Source:
    """A module: a digest of what it does, and the full names of what it may import."""

    digest: str
    imports: frozenset[str]


def _closure(modules: set[str]) -> dict[str, _Source]:
    """Return the modules, and all of the same packages or of this one that they import, directly or not."""
    packages = {OURS} | {_top(name) for name in modules}
    found: dict[str, _Source] = {}
    open_names = set(modules)
    while open_names:
        name = open_names.pop()
        if name in found or name == OURS or (source := _read(name)) is None:
            continue
        found[name] = source
        for imported in [name, *found[name].imports]:
            if _top(imported) in packages or _is_nobodys(_top(imported)):
                open_names.update(_upwards(imported))  # a package's `__init__` runs before what is in it
    return found


@functools.cache
def _is_nobodys(top: str) -> bool:
    """Return whether a module belongs to no installed package, so that no version stands for what it does."""
    return top not in sys.stdlib_module_names and not library_version(top) and _file(top) is not None


def _upwards(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:i]) for i in range(len(parts), 0, -1))


def _file(name: str) -> Path | None:
    """Return the source file of a module; None where there is no such module, or it has none."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded is not None:
        return Path(loaded) if loaded.endswith(".py") and Path(loaded).is_file() else None
    top, *rest = name.split(".")
    folders = [Path(folder) for folder in _folders(top)]
    if not rest:
        return _origin(top)
    for folder in folders:
        for file in (folder.joinpath(*rest).with_suffix(".py"), folder.joinpath(*rest, "__init__.py")):
            if file.is_file():
                return file
    return None


def _origin(top: str) -> Path | None:
    """Return the file of a module that is not inside of a package; of a package its ``__init__``."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    origin = None if spec is None else spec.origin
    return Path(origin) if origin is not None and origin.endswith(".py") and Path(origin).is_file() else None


def _folders(top: str) -> list[str]:
    """Return the folders of a package that is not inside of another."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    return list(spec.submodule_search_locations or []) if spec is not None else []


@functools.cache
def _read(name: str) -> _Source | None:
    """Return a module as it is when first asked for: what is edited later is not what this process runs."""
    file = _file(name)
    if file is None:
        return None
    tree = ast.parse(file.read_bytes())
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    imports: set[str] = set()
    nodes: list[ast.AST] = [tree]
    for node in nodes:
        for block in ("body", "orelse", "finalbody"):
            if isinstance(statements := getattr(node, block, None), list):
                setattr(node, block, [one for one in statements if not _does_nothing(one)])
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            imports.add(module)
            imports.update(f"{module}.{alias.name}" for alias in node.names)  # it may be a module
        nodes += ast.iter_child_nodes(node)
    return _Source(hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16], frozenset(imports))


def _does_nothing(statement: ast.stmt) -> bool:
    """Return whether a statement is a docstring, or stands there for type checkers alone."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.If) and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
