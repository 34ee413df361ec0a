"""Loading a spec: reading, inheritance, validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matbench_defects.shipped import find_spec
from matbench_defects.spec.document import Document, Route, merge, read_document, validate
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import SpaceSpec

_SPACE_FIELDS = tuple(SpaceSpec.model_fields)


def load_spec(name: str | Path) -> Spec:
    """Load a spec with everything that it extends.

    Parameters
    ----------
    name : str or path
        A YAML file, a folder that holds ``spec.yaml``, or the name of a shipped domain.

    Returns
    -------
    Spec
        Validated; `Spec.error` gives errors that name file and line.

    Raises
    ------
    InputError
        With file, line, field, what was expected and the nearest valid name.
    """
    return spec_of(_with_inheritance(find_spec(str(name)), ()))


def spec_of(document: Document) -> Spec:
    """Return the spec that a document holds, in which `extends` is resolved already.

    Raises
    ------
    InputError
        With file, line, field, what was expected and the nearest valid name.
    """
    document = _share_between_spaces(document)
    spec = validate(Spec, document.data, document)
    spec._document = document
    return spec


def _with_inheritance(path: Path, below: tuple[Path, ...]) -> Document:
    path = path.resolve() if below else path
    document = read_document(path)
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
