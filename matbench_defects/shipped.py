"""Where the specs and tasks that come with the package lie, and the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

from matbench_defects.bounded import check_plain
from matbench_defects.errors import InputError, nearest

_PACKAGE = Path(__file__).resolve().parent


def _root(folder: str) -> Path:
    """In an installed wheel the folder lies inside the package, in a checkout beside it."""
    inside = _PACKAGE / "shipped" / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def shipped_specs() -> dict[str, Path]:
    """Return the spec file of each shipped domain, by the domain's name."""
    return {p.parent.name: p for p in sorted(_root("specs").glob("*/spec.yaml"))}


def is_shipped(path: Path) -> bool:
    """Return whether a path lies among the shipped domains, installed or in a checkout."""
    return path.resolve().is_relative_to(_root("specs").resolve())


def is_installed(path: Path) -> bool:
    """Return whether a path lies in the installed package, which nobody but an installer changes."""
    return path.resolve().is_relative_to(_PACKAGE)


def shipped_tasks() -> dict[str, Path]:
    """Return the file of each shipped task, by the task's name."""
    return {p.stem: p for p in sorted(_root("benchmarks").glob("*.yaml"))}


def find_spec(name: str) -> Path:
    """Return the file of a spec given as a file, as a folder that holds ``spec.yaml``, or as a shipped name.

    Raises
    ------
    InputError
        If it is none of these.
    """
    inside = Path(name) / "spec.yaml"
    return inside if _is_file(inside) else _find(name, "spec", shipped_specs())


def find_task(name: str) -> Path:
    """Return the file of a task given as a file or as a shipped name.

    Raises
    ------
    InputError
        If it is neither.
    """
    return _find(name, "task", shipped_tasks())


def _find(name: str, kind: str, known: dict[str, Path]) -> Path:
    path = Path(name)
    if _is_file(path):
        return path
    if name in known:
        return known[name]
    if os.path.exists(name) and not os.path.isdir(name):  # noqa: PTH110, PTH112 - as below
        check_plain(path)
    if os.path.exists(name) or path.suffix or os.sep in name:  # noqa: PTH110 - it raises nothing, whatever the name
        raise InputError(f"no {kind} file there; give a YAML file or a shipped name ({', '.join(known)})", file=name)
    raise InputError(f"no {kind} is called '{name}'; {nearest(name, known)}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``$MATBENCH_DEFECTS_CACHE`` or the user's cache folder."""
    explicit = os.environ.get("MATBENCH_DEFECTS_CACHE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "matbench-defects"
