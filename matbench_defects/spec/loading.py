"""Loading a spec: reading, inheritance, validation."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, overload

from matbench_defects.shipped import find_spec
from matbench_defects.spec.charge_states import each_charge_state
from matbench_defects.spec.document import Document, Mark, Route, merge, read_document, validate
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import SpaceSpec

_SPACE_FIELDS = tuple(SpaceSpec.model_fields)
_GIVEN = "<dict>"
"""The file of a spec that is given as data; files that it names are looked for in the current folder."""

S = TypeVar("S", bound=Spec)


@overload
def load_spec(name: str | Path | dict[str, Any]) -> Spec: ...
@overload
def load_spec(name: str | Path | dict[str, Any], kind: type[S]) -> S: ...
def load_spec(name: str | Path | dict[str, Any], kind: type[Spec] = Spec) -> Spec:
    """Load a spec with everything that it extends.

    Parameters
    ----------
    name : str, path or dict
        A YAML file, a folder that holds ``spec.yaml``, the name of a shipped domain, or what such a file holds.
    kind : type
        `Spec`, or a class derived from it.

    Returns
    -------
    Spec
        Validated; `Spec.error` gives errors that name file and line.

    Raises
    ------
    InputError
        With file, line, field, what was expected and the nearest valid name.
    """
    if isinstance(name, dict):
        data = copy.deepcopy(name)
        return spec_of(_extended(Document(data, dict.fromkeys(_routes(data), Mark(_GIVEN, 1))), Path(_GIVEN), ()), kind)
    return spec_of(_with_inheritance(find_spec(str(name)), ()), kind)


def spec_of(document: Document, kind: type[Spec] = Spec) -> Spec:
    """Return the spec that a document holds, in which `extends` is resolved already.

    Raises
    ------
    InputError
        With file, line, field, what was expected and the nearest valid name.
    """
    document = each_charge_state(_share_between_spaces(document))
    spec = validate(kind, document.data, document)
    spec._document = document
    return spec


def _routes(data: Any, route: Route = ()) -> Iterator[Route]:
    """Yield the route of every value in plain data."""
    yield route
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _routes(value, (*route, key))


def _with_inheritance(path: Path, below: tuple[Path, ...]) -> Document:
    path = path.resolve() if below else path
    return _extended(read_document(path), path, below)


def _extended(document: Document, path: Path, below: tuple[Path, ...]) -> Document:
    """Return a document laid over what it extends."""
    seen = (*below, path.resolve())
    above = document.data.pop("extends", None)
    if above is None:
        return document
    if not isinstance(above, str):
        raise document.error(("extends",), f"a file or a shipped name was expected, not {above!r}")
    beside = path.parent / above
    try:
        with document.at(("extends",)):
            parent_path = find_spec(str(beside) if beside.exists() else above)
    except OSError as error:
        raise document.error(("extends",), f"cannot be read ({error.strerror})") from None
    if parent_path.resolve() in seen:
        raise document.error(("extends",), f"goes round in a circle through {parent_path.name}")
    if "name" not in document.data:
        raise document.error(("name",), "is missing; a spec that extends another has a name of its own")
    return merge(_with_inheritance(parent_path, seen), document)


def _share_between_spaces(document: Document) -> Document:
    """Lay what stands at the top level under each space, so that each is whole."""
    spaces = document.data.get("spaces")
    if not isinstance(spaces, dict) or not all(isinstance(s, dict) for s in spaces.values()):
        return document
    shared = {k: v for k, v in document.data.items() if k in _SPACE_FIELDS}
    base = Document(shared, {r: m for r, m in document.marks.items() if not r or r[0] in shared})
    result = Document({k: v for k, v in document.data.items() if k not in shared}, dict(document.marks))
    result.data["spaces"] = {}
    for name, data in spaces.items():
        prefix: Route = ("spaces", name)
        own = {r[2:]: m for r, m in document.marks.items() if r[:2] == prefix}
        whole = merge(base, Document(data, own))
        result.data["spaces"][name] = whole.data
        result.marks.update({(*prefix, *r): m for r, m in whole.marks.items()})
    return result


def spec_schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec, without the fields that engines, quantities and operators add."""
    return Spec.model_json_schema(mode="validation")
