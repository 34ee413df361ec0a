"""Configurations that a file names, such as those of a published set: nothing else of their spaces is enumerated."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matbench_defects.crystal.canonical import configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.configurations import Configurations
from matbench_defects.enumeration.sampling import collect
from matbench_defects.errors import InputError, Mistakes, nearest
from matbench_defects.plain_tables import table_rows
from matbench_defects.spec.document import Route
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import Selection

_Row = tuple[str, str]
"""An id, and the digest of the ideal host that the file states; empty where it states none."""


def spaces_with_rows(spec: Spec, spaces: Mapping[str, Space]) -> dict[str, Space]:
    """Return the spaces of a spec without those shapes of supercells of which a file of configurations names none.

    Raises
    ------
    InputError
        Naming file and line of a `from` whose file is not there, holds an id of no space of the spec, or holds no row
        of the spaces that it is for.
    """
    result = dict(spaces)
    for family, (part, route) in spec.all_spaces().items():
        if part.configurations.from_file is None:
            continue
        here = [name for name, space in spaces.items() if (space.family or name) == family]
        rows = _rows_of(spec, part.configurations, route, spaces)
        if not any(rows.get(name) for name in here):
            raise _at(spec, route, f"names no configuration of {family}")
        if part.sizes is not None:
            result = {name: space for name, space in result.items() if name not in here or rows.get(name)}
    return result


def named_in_file(spec: Spec, space: Space, spaces: Mapping[str, Space]) -> Configurations:
    """Return the configurations of a space that the file of its selection names, in the order of the enumeration.

    Parameters
    ----------
    spec : Spec
        The spec.
    space : Space
        The space, whose selection has a `from`.
    spaces : mapping of str to Space
        Every space of the spec.

    Raises
    ------
    InputError
        Naming file and line, if an id is of no configuration or stands there twice, the file was made for another
        crystal, or a configuration repeats a smaller cell; all such ids told. What does not fulfil the conditions of
        the selection is left out.
    """
    part, route = spec.all_spaces()[space.family or space.name]
    selection = part.configurations
    own, asked = Checks.of(space, None), Checks.of(space, selection.where)
    found: list[Configuration] = []
    seen: set[str] = set()
    mistakes = Mistakes()
    for name, host in _rows_of(spec, selection, route, spaces).get(space.name, ()):
        with mistakes.noted():
            if name in seen:
                raise _at(spec, route, f"names '{name}' twice")
            seen.add(name)
            if host and host != space.digest():
                raise _at(spec, route, f"names '{name}' of another ideal crystal than this spec's; import it again")
            with spec.at((*route, "configurations", "from")):
                one = Configuration.canonical(space, configuration_of(space, name), id=name)
            if reason := own.refused(one.canonical_occupation, one.stabiliser_order):
                raise _at(spec, route, f"names '{name}', which is not meant: {reason}")
            if selection.where is None or not asked.refused(one.canonical_occupation, one.stabiliser_order):
                found.append(one)
    mistakes.tell()
    return collect(space, found)


def _at(spec: Spec, route: Route, message: str) -> InputError:
    chosen = (*route, "configurations", "from")
    return spec.error(chosen, f"{_written(spec, route)} {message}")


def _written(spec: Spec, route: Route) -> str:
    value: Any = spec.document.data
    for key in (*route, "configurations", "from"):
        value = value[key]
    return str(value)


def path_of(spec: Spec, selection: Selection, route: Route) -> Path:
    """Return where the file of a selection lies: beside the spec.

    Raises
    ------
    InputError
        Naming file and line, if it is not there.
    """
    assert selection.from_file is not None
    chosen = (*route, "configurations", "from")
    path = spec.document.folder(chosen) / selection.from_file
    if not path.is_file():
        raise spec.error(chosen, f"there is no file {path}; `matbench-defects import` writes such a one")
    return path


def _rows_of(spec: Spec, selection: Selection, route: Route, spaces: Mapping[str, Space]) -> dict[str, list[_Row]]:
    """Return what the file of a selection names, by space."""
    path = path_of(spec, selection, route)
    state = path.stat()
    found = _rows_in(path, (state.st_mtime_ns, state.st_size))
    for name, rows in found.items():
        if name not in spaces:
            raise _at(
                spec, route, f"names '{rows[0][0]}', which is of no space of {spec.name}; {nearest(name, spaces)}"
            )
    return found


@functools.lru_cache(maxsize=8)
def _rows_in(path: Path, state: tuple[int, int]) -> dict[str, list[_Row]]:
    """Return what a file names, by space; read once while it does not change."""
    found: dict[str, list[_Row]] = {}
    for name, host in _read(path):
        if not name.startswith(REFERENCE):
            found.setdefault(name.partition(":")[0], []).append((name, host))
    return found


def _read(path: Path) -> Iterator[_Row]:
    rows, _ = table_rows(path, ("id", "host"))
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise InputError(f"row {number} lacks a text `id`", file=str(path))
        yield row["id"], str(row.get("host") or "")
