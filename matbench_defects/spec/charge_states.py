"""A label in several charge states becomes one label of each, before the spec is read."""

from __future__ import annotations

from typing import Any

from matbench_defects.spec.document import Document, Mark, Route


def suffix(charge: int) -> str:
    """Return what the name of a label ends with in a charge state; nothing for the neutral one."""
    return "" if charge == 0 else f"_{'plus' if charge > 0 else 'minus'}_{abs(charge)}"


def each_charge_state(document: Document) -> Document:
    """Return a document in which each label is in one charge state, the neutral one first.

    Parameters
    ----------
    document : Document
        Of a spec; labels whose charge states make no sense are left as they are.

    Raises
    ------
    InputError
        If zero is not among them, or one comes twice.
    """
    labels = document.data.get("labels")
    if not isinstance(labels, list) or not any(_several(label) for label in labels):
        return document
    found: list[Any] = []
    marks: dict[Route, Mark] = {route: mark for route, mark in document.marks.items() if route[:1] != ("labels",)}
    marks |= {route: mark for route, mark in document.marks.items() if route == ("labels",)}
    for number, label in enumerate(labels):
        own = {route[2:]: mark for route, mark in document.marks.items() if route[:2] == ("labels", number)}
        for one in _each(document, number, label):
            marks |= {("labels", len(found), *route): mark for route, mark in own.items()}
            found.append(one)
    return Document({**document.data, "labels": found}, marks)


def _several(label: Any) -> bool:
    states = label.get("charge_states") if isinstance(label, dict) else None
    return isinstance(states, list) and bool(states) and "state_of" not in label and states != [0]


def _each(document: Document, number: int, label: Any) -> list[Any]:
    if not _several(label) or not all(type(state) is int for state in label["charge_states"]):
        return [label]
    states, route = label["charge_states"], ("labels", number, "charge_states")
    if len(set(states)) < len(states):
        raise document.error(route, "names a charge state twice")
    if 0 not in states:
        raise document.error(route, "lacks the neutral state, 0: the ideal host and reference phases are neutral")
    relaxed = "relaxed" if label.get("relax") else "static"
    name = label.get("name") or f"{str(label.get('engine')).replace('-', '_')}_{relaxed}"
    neutral = {**label, "name": name, "charge_states": [0]}
    charged = [state for state in states if state]
    return [
        neutral,
        *({**label, "name": f"{name}{suffix(q)}", "charge_states": [q], "state_of": name} for q in sorted(charged)),
    ]
