"""Values that programs stumble over, and ways to spoil plain data and text with them."""

from __future__ import annotations

import copy
import random
from typing import Any

Place = tuple[Any, Any]
"""A dict or list, and the key or position in it."""

NUMBERS: list[Any] = [
    0, 1, -1, 2, 3, 5, 7, 12, 64, 65, 99, 128, 255, 256, 999, 1000, 10_000, 99_999, 100_000, 100_001, 10**6, 2**31,
    2**63,
    -(2**63), 10**25, 10**29, 0.0, -0.0, 0.5, -0.5, 1e-300, 1e-12, 0.001, 0.01, 0.333, 0.7, 3.0, 89.99999, 90, 120,
    179.9999,
    180, 1e6, 1e16, 1e154, 1e300, float("inf"), float("-inf"), float("nan"),
]  # fmt: skip
WORDS: list[Any] = [
    "", " ", "rest", "all", "uniform", "by-multiplicity", "vacancy", "Vacancy", "X", "Li", "O", "Og", "lI", "D",
    "0..3", "0..100000", "3..1",
    "0 .. 12", "1/3", "1/0", "-7/3", "99999999999999999999/7", "-1", "1e3", "null", "true", "No", "R-3m", "P1", "P-1",
    "Fm-3m", "F d -3 m", "Im-3m", "P6_3/mmc", "C2/c:b1", "R-3m:R", "Ia-3d", "eV", "meV", "Å", "content.Li", "content",
    "concentration", "random", "k-fold", "group", "leave-one-group-out", "fixed", "counts", "symmetry", "defects",
    "formation_energy", "volume", "migration_barrier", "energy_above_hull", "average_voltage", "sevennet", "chgnet",
    "ewald", "published", "lno-cathode", "spec.yaml", ".", "..", "/", "../../etc/passwd",
    "/etc/passwd",
    "/dev/null", "C:\\x", "a/b", "a\\b", "a.b", "a\nb", "a\r", "\t", "\x7f", "\x1b[31mred", "\u202eabc", "\u200b",
    "\ufeff",
    "\u041d\u0435", "\uff2c\uff49", "e\u0301" + "\u0301" * 50, "\U0001f4a5", "\U0010ffff", "%s%n", "{0}",
    "[bold]x[/bold]", "[/]", "$(id)", "__class__", "model_config",
    "x" * 300, "9" * 40, ">= 6", "< 6", "<", ">= x", "6..", "test", "train", "validation", "=1", "nan", ".inf",
    "mp-1",
]  # fmt: skip
SHAPES: list[Any] = [
    None, True, False, [], {}, [[]], [None], [{}], {"": None}, [0, 0, 0], [1, 1, 1], [2, 2, 2], [1, 1, 20],
    [0, 0, "1/2"], [1e-9, 0, 0], [0.5, 0.5, 0.5], [float("nan")] * 3, [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[1, 1, 0], [0, 1, 1], [1, 0, 1]], [[1, 2, 3], [2, 4, 6], [0, 0, 1]], {"sizes": "1..3"}, {"sizes": 64},
    {"sizes": [1, 64]}, ["Li", "Li"], ["Li", "vacancy"], {"Li": "rest", "vacancy": "0..2"}, {"Li": "rest"}, {"Li": 0},
    {"select": "uniform", "count": 10**9}, {"select": "by-multiplicity", "per_content": 1},
    {"select": "uniform", "strata": [{"count": "all"}]}, {"species": {"Li": "rest"}, "sites": ["Li"]},
    {"by": "random", "train": 1, "test": 1}, {"by": "content.Li", "train": ">= 1", "test": "< 1"}, list(range(200)),
]  # fmt: skip
ELEMENTS = ["H", "Li", "Na", "K", "O", "F", "S", "Cl", "Ti", "Mn", "Fe", "Co", "Ni", "Cd", "I", "Pb", "vacancy"]


def _place(data: Any, chance: random.Random) -> Place:
    """Return a place of plain data that is not empty, deep ones and shallow ones alike."""
    while True:
        keys: Any = list(data) if isinstance(data, dict) else range(len(data))
        key = chance.choice(keys)
        if not (isinstance(data[key], dict | list) and data[key]) or chance.random() < 0.2:
            return data, key
        data = data[key]


def spoil_data(data: dict[str, Any], chance: random.Random) -> None:
    """Change plain data in one place; what is put there is never shared with another place."""
    if not data:
        data[chance.choice(WORDS)] = copy.deepcopy(chance.choice(SHAPES))
        return
    where, key = _place(data, chance)
    value = where[key]
    how = chance.random()
    if how < 0.15:
        del where[key]
    elif how < 0.55:
        where[key] = _instead(value, chance)
    elif how < 0.70:  # the value of another place: right in kind, wrong in its place
        other, other_key = _place(data, chance)
        where[key] = copy.deepcopy(other[other_key])
    elif how < 0.85 and isinstance(where, dict):
        _rename(where, key, _other_name(key, chance))
    elif how < 0.92 and isinstance(where, list):
        where.insert(key, copy.deepcopy(value))
    elif isinstance(value, dict):
        value[_other_name(chance.choice([*value, "x"]), chance)] = _instead(None, chance)
    elif isinstance(value, list):
        value.append(_instead(None, chance))
    else:
        where[key] = chance.choice([[value], {str(key): value}])


def _instead(value: Any, chance: random.Random) -> Any:
    """Return something else, often of the same kind."""
    like = chance.random()
    if type(value) in (int, float) and like < 0.7:
        near = [value + 1, value - 1, -value, value * 2, value / 3, value * 10, value * 1000, float(value)]
        return chance.choice(near) if like < 0.35 else chance.choice(NUMBERS)
    if isinstance(value, str) and like < 0.2 and value:
        at = chance.randrange(len(value))
        return value[:at] + chance.choice(["", "x", "0", "\n", "\u202e", value]) + value[at + 1 :]
    return copy.deepcopy(chance.choice(chance.choice([NUMBERS, WORDS, SHAPES])))


def _other_name(name: str, chance: random.Random) -> str:
    how = chance.random()
    if how < 0.4:
        return chance.choice(ELEMENTS)
    if how < 0.7:
        return chance.choice(WORDS)
    return chance.choice([str(name) + "x", str(name)[1:], str(name).upper(), str(name) * 2, f" {name}", f"{name}\n"])


def _rename(where: dict[str, Any], key: str, name: str) -> None:
    items = [(name if k == key else k, v) for k, v in where.items()]
    where.clear()
    where.update(items)


BYTES = [
    b"", b"\x00", b"\t", b"\n", b"\r", b" ", b"  ", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"\xe2\x80\xae", b"\xc2\x85", b"'", b'"',
    b":", b": ", b"- ", b"---\n", b"...\n", b"{", b"}", b"[", b"]", b",", b"#", b" #", b"&a ", b"*a", b"!!",
    b"!!python/name:os.system ",
    b"!x ", b"|\n", b">-\n", b"%YAML 1.1\n", b"? ", b"<<: ", b"\\x", b'"\\ud800"', b"~", b"null", b".nan", b".inf",
    b"-.inf", b"1e999", b"1e-999", b"0x10", b"1_000", b"12:30", b"2024-01-01", b"=", b"@", b"`", b"\xe2\x80\xa8",
    b"&a [*a, *a]", b"[" * 40, b"{a: " * 40, b"9" * 31, b"9" * 5000, b"../", b"extends: spec.yaml\n",
    b"extends: lno-cathode\n",
]  # fmt: skip


def spoil_bytes(data: bytes, chance: random.Random) -> bytes:
    """Change a text in one place, byte by byte or line by line."""
    if not data:
        return chance.choice(BYTES)
    at = chance.randrange(len(data))
    how = chance.random()
    if how < 0.2:
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    if how < 0.45:
        return data[:at] + chance.choice(BYTES) + data[at:]
    if how < 0.6:
        return data[:at] + chance.choice(BYTES) + data[at + chance.randrange(1, 12) :]
    if how < 0.7:
        return data[:at] + data[at + chance.randrange(1, 40) :]
    if how < 0.73:
        return data[:at]
    lines = data.splitlines(keepends=True)
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    if how < 0.8:
        del lines[one]
    elif how < 0.87:
        lines.insert(one, lines[other])
    elif how < 0.92:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines[one] = chance.choice([b" ", b"  ", b"\t", b"- ", b"#"]) + lines[one]
    return b"".join(lines)
