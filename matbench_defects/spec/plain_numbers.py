"""Models that take numbers for numbers: neither true and false, which pydantic counts as 1 and 0, nor text."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_NOT_SCHEMAS = frozenset(
    {"keys_schema", "metadata", "serialization", "default", "expected", "config", "cls", "function"}
)
"""What is no schema of a value. Keys are text where a document was JSON in between, and pydantic reads them."""


def _check_number(value: Any) -> Any:
    """Refuse what is no number, where pydantic would make one of it."""
    if isinstance(value, bool | str | bytes):
        raise ValueError(f"a number was expected, not {str(value).lower() if isinstance(value, bool) else repr(value)}")
    return value


def _is_number(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") in ("int", "float")


def _checked(schema: Any) -> Any:
    """Return a schema in which every number, at any depth, is checked before it is read."""
    if isinstance(schema, dict):
        if schema.get("type") == "function-before" and schema["function"]["function"] is _check_number:
            return schema
        inside = {key: value if key in _NOT_SCHEMAS else _checked(value) for key, value in schema.items()}
        if schema.get("type") == "union":  # under the names that pydantic gives the choices, for messages
            pairs = zip(schema["choices"], inside["choices"], strict=True)
            inside["choices"] = [(new, old["type"]) if _is_number(old) else new for old, new in pairs]
        if _is_number(schema):
            return core_schema.no_info_before_validator_function(_check_number, inside)  # type: ignore[arg-type]
        return inside
    if isinstance(schema, list | tuple):
        return type(schema)(map(_checked, schema))
    return schema


class PlainNumbers(BaseModel):
    """A model whose numbers are numbers; see the module."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        found: CoreSchema = _checked(handler(source))
        return found
