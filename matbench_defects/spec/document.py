"""Reading YAML so that every value knows the file and line it came from."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from matbench_defects.bounded import read_text
from matbench_defects.errors import MOST_SHOWN, InputError, nearest
from matbench_defects.spec.fields import field_name

Route = tuple[str | int, ...]
"""The keys and positions that lead to a value from the top of a document."""

LARGEST_BYTES = 1_000_000
DEEPEST = 32
LONGEST_INTEGER = 30
MOST_LOCATED = 500
"""Mistakes that are looked at; a file of more is not worth the time."""


@dataclass(frozen=True)
class Mark:
    """Where a value stands.

    Parameters
    ----------
    file : str
        The file.
    line : int
        The line, counted from one.
    """

    file: str
    line: int


@dataclass
class Document:
    """Plain data read from YAML, with the place of each value.

    Parameters
    ----------
    data : dict
        Mappings, lists, strings, numbers, booleans and None.
    marks : dict
        The place of each value, by its route.
    """

    data: dict[str, Any]
    marks: dict[Route, Mark] = field(default_factory=dict)

    def error(self, route: Route, message: str) -> InputError:
        """Return an error that names the file, line and field at `route`, or the nearest place above it."""
        known = route
        while known and known not in self.marks:
            known = known[:-1]
        mark = self.marks.get(known)
        return InputError(
            message,
            file=mark.file if mark else None,
            line=mark.line if mark else None,
            field=".".join(str(part) for part in route) or None,
        )

    @contextlib.contextmanager
    def at(self, route: Route, *, keep_file: bool = False) -> Iterator[None]:
        """Say of each `InputError` raised within the block that it is about the field at `route`.

        Parameters
        ----------
        route : tuple
            The field.
        keep_file : bool
            Whether an error that names a file already, such as a CIF, is left as it is.
        """
        try:
            yield
        except InputError as error:
            if keep_file and error.file is not None:
                raise
            raise error.changed(lambda one: self.error(route, one.message)) from None

    def folder(self, route: Route) -> Path:
        """Return the folder of the file in which the value at `route` was written."""
        mark = self.marks.get(route) or self.marks[()]
        return Path(mark.file).parent


_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader over libyaml, where PyYAML was built with it: five times as fast."""


class _Loader(yaml.SafeLoader):
    """A safe loader with the scalars of YAML 1.2: ``No``, ``on`` and ``1:30`` stay strings, ``1e-3`` is a number."""


class _FastLoader(_FAST):  # type: ignore[misc]
    """The same over libyaml. What it refuses is read again by `_Loader`, whose messages are clearer."""


def _check_events(text: str, name: str, loader: type) -> None:
    """Refuse what is not plain data, before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else None
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise InputError(f"is nested more than {DEEPEST} levels deep", file=name, line=line)
        if (tag := getattr(event, "tag", None)) is not None:
            raise InputError(f"the tag '{tag}' is not allowed; write plain values", file=name, line=line)
        if (anchor := getattr(event, "anchor", None)) is not None:
            raise InputError(
                f"anchors and aliases are not used here ('{anchor}'); say what is shared once with `extends`",
                file=name,
                line=line,
            )


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Loader.yaml_implicit_resolvers = {}
_FastLoader.yaml_implicit_resolvers = {}
_Dumper.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in [
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    (
        "float",
        r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+.0123456789",
    ),
]:
    for _side in (_Loader, _FastLoader, _Dumper):
        _side.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def dump_yaml(data: dict[str, Any]) -> str:
    """Return plain data as YAML that `read_document` reads back equal."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def read_document(path: str | Path) -> Document:
    """Read one YAML file.

    Parameters
    ----------
    path : path-like
        The file: a mapping at its top, UTF-8, at most 1 MB.

    Returns
    -------
    Document

    Raises
    ------
    InputError
        If it cannot be read, is not plain YAML, repeats a key, or uses anchors, aliases or tags.
    """
    name = str(path)
    return parse_document(read_text(path, LARGEST_BYTES), name)


def parse_document(text: str, name: str) -> Document:
    """Read YAML from a text, such as that at the head of a card; `name` is the file that errors name.

    Raises
    ------
    InputError
        If it is not plain YAML, repeats a key, or uses anchors, aliases or tags.
    """
    try:
        try:
            return _parse(text, name, _FastLoader)
        except yaml.YAMLError:
            return _parse(text, name, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or "cannot be parsed"
        if "\\t" in problem:
            problem = "a tab is used for indentation; YAML allows only spaces there"
        if "another document" in problem:
            problem = "a second document begins; a file holds one"
        raise InputError(f"not valid YAML: {problem}", file=name, line=mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise InputError(f"not valid YAML: {str(error).splitlines()[0]}", file=name) from None


def _parse(text: str, name: str, kind: type) -> Document:
    _check_events(text, name, kind)
    loader = kind(text)
    try:
        node = loader.get_single_node()
        document = Document({}, {(): Mark(name, 1)})
        if node is None:
            raise InputError("is empty", file=name)
        if not isinstance(node, yaml.MappingNode):
            raise InputError("a mapping of fields was expected at the top", file=name, line=1)
        document.data = _construct(node, (), document, loader, name)
        return document
    finally:
        loader.dispose()


def _construct(node: yaml.Node, route: Route, document: Document, loader: Any, name: str) -> Any:
    line = node.start_mark.line + 1
    document.marks.setdefault(route, Mark(name, line))
    where = ".".join(str(part) for part in route)
    if isinstance(node, yaml.ScalarNode):
        _check_characters(node, name)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise InputError("a key must be a plain word", file=name, line=key_line, field=where)
            _check_characters(key_node, name)
            key = key_node.value
            if key in result:
                first = document.marks[(*route, key)].line
                raise InputError(
                    f"the key '{key}' is given twice (first on line {first})", file=name, line=key_line, field=where
                )
            document.marks[(*route, key)] = Mark(name, key_line)
            result[key] = _construct(value_node, (*route, key), document, loader, name)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_construct(v, (*route, i), document, loader, name) for i, v in enumerate(node.value)]
    if node.tag == "tag:yaml.org,2002:int":
        if len(node.value) > LONGEST_INTEGER:
            raise InputError(
                f"a whole number may have {LONGEST_INTEGER} digits, not {len(node.value)}",
                file=name,
                line=line,
                field=where,
            )
        return int(node.value)  # PyYAML would read 010 as octal, as YAML 1.1 did
    return loader.construct_object(node)


def _check_characters(node: yaml.ScalarNode, name: str) -> None:
    if any("\ud800" <= c <= "\udfff" for c in node.value):  # an escape such as \\ud800, which no file can hold
        raise InputError("an escape stands for half a character", file=name, line=node.start_mark.line + 1)


def merge(parent: Document, child: Document) -> Document:
    """Lay `child` over `parent`: mappings merge deeply, anything else replaces, null takes an inherited key away."""
    merged = Document({}, dict(parent.marks))
    merged.data = _merge(parent.data, child.data, (), parent, child, merged)
    merged.marks[()] = child.marks[()]
    return merged


def _merge(
    below: dict[str, Any], above: dict[str, Any], route: Route, parent: Document, child: Document, merged: Document
) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        here = (*route, key)
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            result[key] = _merge(below[key], value, here, parent, child, merged)
            merged.marks[here] = child.marks[here]
            continue
        if key in below:
            for known in [r for r in merged.marks if r[: len(here)] == here]:
                del merged.marks[known]
        merged.marks.update({r: m for r, m in child.marks.items() if r[: len(here)] == here})
        if value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], data: Any, document: Document, route: Route = ()) -> M:
    """Validate plain data as a pydantic model; every mistake is a located error, and the first raised has the others.

    Parameters
    ----------
    model : type of pydantic.BaseModel
        What the data should be.
    data : object
        The plain data.
    document : Document
        Where the data came from.
    route : tuple
        Where in that document they stand.

    Raises
    ------
    InputError
        With file, line, field, what was expected and, for an unknown field, the nearest known one.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        items = error.errors(include_url=False)
    found: dict[str, tuple[bool, InputError]] = {}
    unknown = {item["loc"] for item in items if item["type"] == "extra_forbidden"}
    for item in items[:MOST_LOCATED]:
        if item["type"] == "missing" and (*item["loc"][:-1], _meant(item, model)) in unknown:
            continue  # it follows from a misspelling, which is told
        mistake = _located(item, data, model, document, route)
        found.setdefault(str(mistake), (item["type"] == "missing", mistake))
    # What is there and wrong comes first: that something is missing may follow from it.
    order = sorted(found, key=lambda text: (found[text][0], found[text][1].line or 0, text))
    first, *others = [found[text][1] for text in order]
    more = max(len(others) - (MOST_SHOWN - 1), 0) + max(len(items) - MOST_LOCATED, 0)
    if more:
        others = [*others[: MOST_SHOWN - 1], InputError(f"and {more} more mistakes", file=first.file)]
    first.others = tuple(others)
    raise first


def _located(item: Any, data: Any, model: type[BaseModel], document: Document, route: Route) -> InputError:
    # pydantic puts names of unions and validators into a location; only what the data hold is kept.
    place: list[str | int] = []
    value, owner = data, model
    location = list(item["loc"])
    missing = item["type"] == "missing"
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if isinstance(value, dict) and (part in value or (last and missing)):
            place.append(part)
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            place.append(part)
            value = value[part]
        owner = _model_at(owner, part) or owner
    kind = item["type"]
    if kind == "extra_forbidden":
        unknown = str(location[-1])
        message = f"unknown field; {nearest(unknown, _fields_beside(model, location[:-1]))}"
    elif missing:
        message = f"is too short; item {location[-1] + 1} is missing" if isinstance(value, list) else "is missing"
        if meant := _meant(item, model):
            message += f"; is '{meant}' meant for it?"
    else:
        message = item["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
        whole = repr(item["input"])
        shown = whole if len(whole) < 60 else whole[:57] + "..."
        message = message.replace(whole, shown) if kind == "value_error" else f"{message}, not {shown}"
    return document.error((*route, *place), message)


def _meant(item: Any, model: type[BaseModel]) -> str:
    """Return the unknown key beside a missing field that is likely a misspelling of it."""
    given = item["input"]
    if not isinstance(given, dict):
        return ""
    known = _fields_beside(model, list(item["loc"][:-1]))
    close = difflib.get_close_matches(str(item["loc"][-1]), [str(key) for key in given if key not in known], n=1)
    return close[0] if close else ""


def _model_at(owner: Any, part: str | int) -> type[BaseModel] | None:
    if not (isinstance(owner, type) and issubclass(owner, BaseModel)) or part not in owner.model_fields:
        return None
    return _model_inside(owner.model_fields[str(part)].annotation)


def _model_inside(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation such as ``dict[str, Model] | None`` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_inside(argument)
        if found is not None:
            return found
    return None


def _fields_beside(model: type[BaseModel], location: list[str | int]) -> list[str]:
    owner: type[BaseModel] = model
    for part in location:
        owner = _model_at(owner, part) or owner
    return [field_name(owner, name) for name in owner.model_fields]
