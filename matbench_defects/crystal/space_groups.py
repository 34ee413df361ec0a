"""Space groups by symbol or number: which settings are meant, and the operations of each."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import InputError, nearest

_SYSTEMS = (
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)
"""The last space group of each crystal system."""
_PARAMETERS = {
    "triclinic": ("a", "b", "c", "alpha", "beta", "gamma"),
    "orthorhombic": ("a", "b", "c"),
    "tetragonal": ("a", "c"),
    "trigonal": ("a", "c"),
    "rhombohedral": ("a", "alpha"),
    "hexagonal": ("a", "c"),
    "cubic": ("a",),
}
_UNIQUE = {"a": "alpha", "b": "beta", "c": "gamma"}
_ENTRIES = 530
"""Settings in spglib's database, numbered from one."""
_STANDARD = {"", "b", "b1", "1", "2", "H", "R"}
"""Settings that a short symbol or a number stands for: where they are several, origins or axes."""
_MARKS = {"z": "2", "o2": "2", "s": "1", "o1": "1", "h": "h", "r": "r"}
"""Endings of symbols in databases: Z and O2 for the second origin, S and O1 for the first, H and R for the axes."""


@dataclass(frozen=True)
class Setting:
    """A space group with its axes and origin.

    Parameters
    ----------
    number : int
        Number in the International Tables.
    symbol : str
        Short Hermann-Mauguin symbol of the group.
    choice : str
        What tells the setting from others of the group: ``1`` and ``2`` for origins, ``H`` and ``R`` for axes.
    full : str
        Full symbol, spaced, with the axes of this setting.
    rotations : tuple, shape (g, 3, 3)
        Rotation parts, acting on columns of fractional coordinates.
    translations : tuple, shape (g, 3)
        Translation parts in [0, 1).
    """

    number: int
    symbol: str
    choice: str
    full: str
    rotations: tuple[tuple[tuple[int, ...], ...], ...]
    translations: tuple[tuple[float, ...], ...]

    @property
    def name(self) -> str:
        """The symbol with what tells the setting from another, such as ``Fd-3m:2``."""
        return f"{self.symbol}:{self.choice}" if self.choice[:1] in {"1", "2", "H", "R"} else self.full

    @property
    def system(self) -> str:
        """The crystal system; ``rhombohedral`` for trigonal groups on rhombohedral axes."""
        if self.choice == "R":
            return "rhombohedral"
        return next(name for last, name in _SYSTEMS if self.number <= last)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The lattice parameters that this setting leaves free."""
        if self.system == "monoclinic":
            return ("a", "b", "c", _UNIQUE[self.choice.lstrip("-")[0]])
        return _PARAMETERS[self.system]

    @property
    def operations(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rotations, shape (g, 3, 3), and translations, shape (g, 3)."""
        return np.array(self.rotations, dtype=np.int64), np.array(self.translations)


def settings_of(symbol: str) -> list[Setting]:
    """Return the settings that a symbol or number may mean: several where it names neither origin nor axes.

    Parameters
    ----------
    symbol : str
        A Hermann-Mauguin symbol, short or full, spaced or not, with ``_`` or without: ``P2_1/c``, ``P 21/n``,
        ``P 1 21/n 1``, ``Pnam``, ``Fd-3m:2``, ``R-3m:R``, ``F d -3 m Z``; or a number of the International Tables,
        which stands for the group's standard axes.

    Raises
    ------
    InputError
        If there is no such group, or the group has no such setting.
    """
    names, shorts = _names()
    body, mark = _split(symbol)
    key = _key(body)
    entries = names.get(key) or _former_names().get(key)
    if entries is None and key in shorts:
        entries = []
    if entries is None:
        known = {kind.international_short for kind in _kinds().values()}
        near = nearest(symbol, known).partition("known:")[0].strip()
        raise InputError(
            f"no space group has the symbol '{symbol:.80}'; {near or 'write its Hermann-Mauguin symbol, such as R-3m'}"
        )
    if mark:
        every = [*entries, *shorts.get(key, [])]
        choices = {entry: str(_kinds()[entry].choice).lower() for entry in every}
        # `2` also means the second origin where the axes are not the standard ones, as in 2cab.
        fitting = [e for e, c in choices.items() if c == mark] or [
            e for e in entries if mark in "12" and choices[e].startswith(mark)
        ]
        if not fitting:
            known = {str(_kinds()[e].choice) for e in every} - {""}
            some = ", ".join(f":{c}" for c in sorted(known)) or "none"
            raise InputError(f"{body.strip()} has no setting '{mark}'; its settings are {some}")
        entries = fitting[:1]
    return [_setting(entry) for entry in entries]


def group_symbol(rotations: NDArray[np.int64], translations: NDArray[np.float64]) -> tuple[int, str]:
    """Return number and short symbol of the space group of some operations, whatever their axes and origin."""
    import spglib

    try:
        kind = spglib.get_spacegroup_type_from_symmetry(rotations, translations)
    except spglib.error.SpglibError:
        kind = None
    if kind is None:
        raise InputError("the symmetry operations that it lists are those of no space group")
    return int(kind.number), str(kind.international_short)


def _split(symbol: str) -> tuple[str, str]:
    """Return a symbol without, and in lower case, what names its origin or axes."""
    body, colon, mark = symbol.partition(":")
    if colon:
        mark = mark.strip().lower()
        return body, _MARKS.get(mark, mark)
    found = re.fullmatch(r"(.*[^\s:])\s*(Z|S|O1|O2|H|R)", body.strip())
    return (found[1], _MARKS[found[2].lower()]) if found else (body, "")


def _key(symbol: str) -> str:
    return re.sub(r"[\s_()]", "", symbol).lower()


@functools.cache
def _kinds() -> dict[int, Any]:
    import spglib

    return {entry: spglib.get_spacegroup_type(entry) for entry in range(1, _ENTRIES + 1)}


@functools.cache
def _names() -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the entries of spglib's database by each of their own names, and all of a group by its short symbol."""
    names: dict[str, list[int]] = {}
    shorts: dict[str, list[int]] = {}
    for entry, kind in _kinds().items():
        alternatives = [part.strip() for part in kind.international.split("=")]
        own = {kind.international_full, *(alternatives[1:] or alternatives)}
        if kind.choice in _STANDARD:
            own |= {kind.international_short, str(kind.number)}
        # Unique axis b is understood where a monoclinic symbol does not spell its axes.
        if kind.choice.lstrip("-")[:1] == "b" and (found := re.fullmatch(r"(\w) 1 (\S+) 1", kind.international_full)):
            own.add(found[1] + found[2])
        for key in {_key(name) for name in own}:
            names.setdefault(key, []).append(entry)
        shorts.setdefault(_key(kind.international_short), []).append(entry)
    return names, shorts


@functools.cache
def _former_names() -> dict[str, list[int]]:
    """Return the entries by symbols of older editions of the International Tables, such as Cmca for Cmce (gemmi)."""
    import gemmi

    halls: dict[str, int] = {}
    for entry, kind in _kinds().items():
        halls.setdefault(kind.hall_symbol, entry)
    found: dict[str, list[int]] = {}
    for group in gemmi.spacegroup_table():
        if group.hall in halls:
            for name in (group.hm, group.short_name()):
                entries = found.setdefault(_key(name), [])
                entries.extend({halls[group.hall]} - set(entries))
    return found


@functools.cache
def _setting(entry: int) -> Setting:
    import spglib

    kind = _kinds()[entry]
    found = spglib.get_symmetry_from_database(entry)
    operations = sorted(
        (
            tuple(tuple(int(x) for x in row) for row in rotation),
            tuple(round(float(x) * 24) / 24 % 1 for x in translation),
        )
        for rotation, translation in zip(found["rotations"], found["translations"], strict=True)
    )
    return Setting(
        int(kind.number),
        str(kind.international_short),
        str(kind.choice),
        str(kind.international.rpartition("=")[2].strip()),
        tuple(rotation for rotation, _ in operations),
        tuple(translation for _, translation in operations),
    )
