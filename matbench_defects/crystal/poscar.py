"""Reading a crystal from the text of a POSCAR or CONTCAR file."""

from __future__ import annotations

import re

import numpy as np

from matbench_defects.crystal.cell import wrap
from matbench_defects.crystal.distances import check_apart
from matbench_defects.crystal.limits import check_atoms, check_lattice
from matbench_defects.crystal.structure import ListedCrystal
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import ELEMENTS


def crystal_of_poscar(text: str) -> ListedCrystal:
    """Return the crystal of a POSCAR file that names its elements (VASP 5 and later).

    VASP itself takes the elements from POTCAR, and readers guess them where the sixth line does not name them, from the
    title or by counting from hydrogen. Here a file without that line is refused.

    Raises
    ------
    InputError
        With the line that is at fault.
    """
    lines = text.splitlines()
    if len(lines) < 8:
        raise InputError("cannot be read as POSCAR: it has fewer than eight lines")
    scale = _numbers(lines, 1)
    vectors = np.array([_numbers(lines, n, 3) for n in (2, 3, 4)])
    if len(scale) not in (1, 3) or 0 in scale or (len(scale) == 3 and min(scale) < 0):
        raise _at(1, "one scaling factor, or three that are positive, were expected")
    if len(scale) == 1 and scale[0] < 0:  # a volume
        volume = abs(float(np.linalg.det(vectors)))
        factors = np.full(3, (-scale[0] / volume) ** (1 / 3) if volume else 0.0)
    else:
        factors = np.array(scale * 3)[:3]
    lattice = vectors * factors
    check_lattice(lattice, 1)
    elements, at = _elements(lines, 5)
    counts: list[int] = []
    first = at
    while re.fullmatch(r"\s*([0-9]{1,9}\s*)+", _line(lines, at)):
        counts += [int(n) for n in _line(lines, at).split()]
        at += 1
    if len(counts) != len(elements) or not all(counts):
        raise _at(first, f"{len(elements)} numbers of atoms were expected, one for each of {' '.join(elements):.100}")
    check_atoms(sum(counts))
    selective = _line(lines, at)[:1].lower() == "s"
    at += selective
    mode = _line(lines, at)[:1].lower()
    if mode not in tuple("dck"):
        raise _at(at, "Direct or Cartesian was expected")
    species = [e for e, n in zip(elements, counts, strict=True) for _ in range(n)]
    rows = []
    for number, element in enumerate(species, start=at + 1):
        rows.append(_numbers(lines, number, 3, more=True))
        words = [w for w in _line(lines, number).split()[3 + 3 * selective :] if w in ELEMENTS]
        if words and words[0] != element:
            raise _at(number, f"the atom is called {words[0]}, but the sixth line makes it {element}")
    # Velocities may follow after an empty line; what stands there without one belongs to nothing that is counted.
    after = at + 1 + len(species)
    if (text := _line(lines, after)) and not text.lower().startswith("lattice vel"):
        raise _at(after, f"more follows than the {len(species)} atoms that are counted: '{text:.60}'")
    coordinates = np.array(rows, dtype=float)
    positions = coordinates if mode == "d" else coordinates * factors @ np.linalg.inv(lattice)
    check_apart(lattice, species, [f"{e} {i + 1}" for i, e in enumerate(species)], wrap(positions))
    return ListedCrystal(lattice, tuple(species), tuple(species), positions)


def _elements(lines: list[str], at: int) -> tuple[list[str], int]:
    """Return the elements of the sixth line, and of the next ones where it goes on, and the line after them."""
    found: list[str] = []
    while words := _line(lines, at).split():
        if re.fullmatch("[0-9]+", words[0]):
            break
        for word in words:
            symbol = re.split(r"[_/]", word)[0]  # Mg_pv/f474ac0d
            if symbol not in ELEMENTS:
                raise _at(at, f"'{word:.40}' is no element; the elements were expected here, one for each number below")
            found.append(symbol)
        at += 1
    if not found:
        raise _at(at, "the elements were expected here: a file without them (VASP 4) does not say what it holds")
    return found, at


def _line(lines: list[str], number: int) -> str:
    return re.split(r"[#!]", lines[number])[0].strip() if number < len(lines) else ""


def _numbers(lines: list[str], number: int, expected: int = 0, *, more: bool = False) -> list[float]:
    words = _line(lines, number).split()
    words = words[:expected] if more else words
    if not words or (expected and len(words) != expected) or not all(map(_is_number, words)):
        raise _at(number, f"{expected or 'some'} numbers were expected, not '{_line(lines, number):.60}'")
    return [float(word.replace("d", "e").replace("D", "e")) for word in words]


def _is_number(word: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?", word) is not None


def _at(number: int, message: str) -> InputError:
    return InputError(f"cannot be read as POSCAR: {message}", line=number + 1)
