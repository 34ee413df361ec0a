"""JSON Schemas of what users write, with the fields that engines, quantities and operators add."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from matbench_defects.errors import InputError, nearest


def schema(kind: str = "spec") -> dict[str, Any]:
    """Return the JSON Schema of a spec, a task or a submission.

    Parameters
    ----------
    kind : str
        ``spec``, ``task`` or ``submission``.

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.schema("task")["properties"]["metrics"]["description"]
    'Names of registered metrics; the first one ranks.'
    """
    if kind == "spec":
        return _spec_schema()
    if kind == "task":
        from matbench_defects.evaluation.task import Task

        return Task.model_json_schema()
    if kind == "submission":
        from matbench_defects.leaderboard.submission import submission_schema

        return submission_schema()
    raise InputError(f"there is no schema of '{kind}'; {nearest(kind, ['spec', 'task', 'submission'])}")


def _spec_schema() -> dict[str, Any]:
    from matbench_defects.crystal.kinds.kind import kinds
    from matbench_defects.dataset.splits import operators
    from matbench_defects.dataset.targets import quantities
    from matbench_defects.labels.engine import engines
    from matbench_defects.spec.loading import spec_schema

    schema = spec_schema()
    definitions = schema["$defs"]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["extends"] = {"type": "string", "description": "A spec to lay this one over."}
    # What is extended, or shared between spaces, may hold the rest; null takes an inherited part away.
    schema["required"] = ["name"]
    for part in ("SpaceSpec", "TargetSpec"):
        definitions[part].pop("required", None)
    for part in ("targets", "splits", "reference_phases", "schemes"):
        values = schema["properties"][part]["additionalProperties"]
        schema["properties"][part]["additionalProperties"] = {"anyOf": [values, {"type": "null"}]}
    _close(definitions, "KindSpec", {name: kind.Settings for name, kind in kinds.items()})
    definitions["KindSpec"]["properties"]["name"]["enum"] = kinds.names()
    _close(definitions, "LabelSpec", {name: engine.Settings for name, engine in engines.items()})
    definitions["LabelSpec"]["properties"]["engine"]["enum"] = engines.names()
    _close(definitions, "TargetSpec", {name: quantity.Settings for name, quantity in quantities.items()})
    _close(definitions, "SplitSpec", {name: operator.Settings for name, operator in operators.items()})
    return schema


def _close(definitions: dict[str, Any], name: str, settings: dict[str, type[BaseModel]]) -> None:
    """Add the fields of every registered thing to an open part, and forbid all others."""
    part = definitions[name]
    # What the open part says of these in general gives way to what each registered thing says.
    general = {field: part["properties"][field] for field in ("unit", "per") if field in part["properties"]}
    for model in settings.values():
        own = model.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(own.get("$defs", {}))
        for field, description in own.get("properties", {}).items():
            known = part["properties"].get(field)
            if known is None or (field in general and known is general[field]):
                part["properties"][field] = description
            elif known != description:
                options = known.get("anyOf", [known])
                part["properties"][field] = {"anyOf": [*options, *([] if description in options else [description])]}
    part["additionalProperties"] = False
