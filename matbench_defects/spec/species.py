"""Species with an oxidation state, such as ``Ni2+``: how they are written, their element and their charge."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

_WRITTEN = re.compile(r"([A-Z][a-z]?)([2-9]?)([+-])")
LARGEST_STATE = 9
"""No element has an oxidation state beyond this."""


@functools.lru_cache(maxsize=4096)
def _parts(species: str) -> tuple[str, int | None]:
    match = _WRITTEN.fullmatch(species)
    if match is None:
        return species, None
    number = int(match[2] or 1)
    return match[1], number if match[3] == "+" else -number


def element_of(species: str) -> str:
    """Return the element of a species: ``Ni`` of ``Ni2+`` and of ``Ni``; a vacancy stays what it is."""
    return _parts(species)[0]


def oxidation_state(species: str) -> int | None:
    """Return the oxidation state of a species: 2 of ``Ni2+``, None of ``Ni`` and of a vacancy."""
    return _parts(species)[1]


def with_state(element: str, state: int | None) -> str:
    """Return an element with its oxidation state, as specs and pymatgen write it: ``Ni2+``, ``Li+``, ``O2-``.

    Parameters
    ----------
    element : str
        The chemical symbol.
    state : int or None
        The oxidation state; none is written where it is None or zero.
    """
    if not state:
        return element
    number = "" if abs(state) == 1 else str(abs(state))
    return f"{element}{number}{'+' if state > 0 else '-'}"


def respelled(text: str) -> str:
    """Return how a state that is written in another way is spelled: ``Ni2+`` for ``Ni+2``, ``Ni(2+)`` and ``Ni^2+``.

    Empty where it is no such thing.
    """
    match = re.fullmatch(r"([A-Z][a-z]?)[\s_^({]*(?:([1-9])([+-])|([+-])([1-9]))[)}]?", text)
    if match is None:
        return ""
    number, sign = int(match[2] or match[5]), match[3] or match[4]
    return with_state(match[1], number if sign == "+" else -number)


def differing_in_state_alone(species: Iterable[str]) -> list[list[str]]:
    """Return the sets of species of one element that differ in their oxidation state alone, in the order given."""
    by_element: dict[str, list[str]] = {}
    for one in dict.fromkeys(species):
        by_element.setdefault(element_of(one), []).append(one)
    return [members for members in by_element.values() if len(members) > 1]
