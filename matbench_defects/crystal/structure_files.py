"""Files of one crystal, in the formats that are read."""

from __future__ import annotations

import dataclasses
import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from matbench_defects.bounded import read_text
from matbench_defects.crystal.cif import crystal_of_cif
from matbench_defects.crystal.distances import check_apart
from matbench_defects.crystal.limits import check_atoms, check_lattice
from matbench_defects.crystal.occupancies import share_of, shares_of_kinds, split_labels, with_occupancies
from matbench_defects.crystal.poscar import crystal_of_poscar
from matbench_defects.crystal.structure import Crystal, ListedCrystal
from matbench_defects.errors import InputError
from matbench_defects.spec.document import LARGEST_BYTES
from matbench_defects.spec.fields import ELEMENTS, LARGEST_COORDINATE

_ASE = {
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
    ".xsf": "xsf",
    ".gen": "gen",
    ".pwi": "espresso-in",
}
"""ASE's formats that are read, by the ending of a file's name: plain text of one crystal. What unpickles, runs code,
opens further files or asks a database is not among them, nor what leaves elements or symmetry to be guessed."""
_ROWS = {"xsf": "PRIMCOORD", "espresso-in": "ATOMIC_POSITIONS"}
"""What stands above the atoms in formats that count them elsewhere: ASE reads as many as are counted, and no more."""
FORMATS = {".cif": "cif", ".vasp": "poscar", ".poscar": "poscar", ".contcar": "poscar"} | _ASE
"""The formats that are read, by the ending of a file's name."""


def format_of(name: str) -> str:
    """Return the format of a structure file: by its ending, or POSCAR and CONTCAR by their names.

    Raises
    ------
    InputError
        If it is none that is read.
    """
    path = Path(name)
    if any(word in path.name.upper() for word in ("POSCAR", "CONTCAR")) and path.suffix.lower() not in FORMATS:
        return "poscar"
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise InputError(
            f"'{path.name:.80}' is of no format that is read; POSCAR, CONTCAR and names that end in "
            f"{', '.join(sorted(FORMATS))} are"
        )
    return found


def read_listed(path: Path, format_: str | None = None) -> ListedCrystal:
    """Return the whole cell of the one crystal that a file holds; its space group is used and not kept.

    Parameters
    ----------
    path : path
        The file: UTF-8, at most 1 MB.
    format_ : str, optional
        One of `FORMATS`; that of the file's name if left out.

    Raises
    ------
    InputError
        If it is not there, is of no format that is read, or holds no or several crystals, or one that is not complete.
    """
    file = str(path)
    try:
        format_ = format_ or format_of(path.name)
    except InputError as error:
        raise InputError(error.message, file=file) from None
    try:
        there = path.exists()  # a pipe, a device and a folder are refused as such
    except (OSError, ValueError):  # such as a name that is too long
        there = False
    if not there:
        raise InputError(f"there is no {format_.upper()} file {path}")
    text = read_text(path, LARGEST_BYTES)
    try:
        return listed_of_text(text, format_)
    except InputError as error:
        raise InputError(error.message, file=file, line=error.line) from None


def crystal_of_text(text: str, format_: str = "cif") -> Crystal:
    """Return the complete, ordered crystal that the text of a file holds; its atoms are where the file puts them.

    Raises
    ------
    InputError
        If it holds none, or declares atoms that it does not list.
    """
    return listed_of_text(text, format_).crystal


def listed_of_text(text: str, format_: str) -> ListedCrystal:
    """Return the crystal that the text of a file holds.

    Parameters
    ----------
    text : str
        What the file holds.
    format_ : str
        ``cif``, ``poscar`` or a format of ASE that `FORMATS` lists.
    """
    if format_ == "cif":
        return crystal_of_cif(text)
    listed = crystal_of_poscar(text) if format_ == "poscar" else _of_ase(text, format_)
    if not (np.abs(listed.positions) <= LARGEST_COORDINATE).all():
        raise InputError(f"a fractional coordinate is no number of at most {LARGEST_COORDINATE}")
    return listed


def _of_ase(text: str, format_: str) -> ListedCrystal:
    import ase.io

    name = f"cannot be read as {format_}"
    first = text.split(maxsplit=1)[:1]
    # These begin with the number of atoms, and ASE would look for as many lines.
    if format_ in ("extxyz", "gen") and not (
        first and re.fullmatch("[0-9]{1,9}", first[0]) and int(first[0]) <= len(text.splitlines())
    ):
        raise InputError(f"{name}: the number of atoms was expected first, and as many lines below it", line=1)
    if format_ == "extxyz":
        _check_columns(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = ase.io.read(io.StringIO(text), index=":", format=format_)
    except Exception as error:  # ASE raises whatever the file's fault led to
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise InputError(f"{name}: {reason:.300}") from None
    if len(frames) != 1:
        raise InputError(f"holds {len(frames)} structures; one was expected")
    atoms = frames[0]
    species = tuple(atoms.get_chemical_symbols())
    if format_ in _ROWS and (rows := _atom_rows(text, _ROWS[format_])) != len(species):
        raise InputError(f"{name}: it lists {rows} atoms and counts {len(species)}")
    lattice = np.array(atoms.cell)
    check_atoms(len(species))
    if not species:
        raise InputError(f"{name}: it holds no atoms")
    if unknown := [s for s in species if s not in ELEMENTS]:
        raise InputError(f"holds '{unknown[0]}', which is no element")
    if not np.isfinite(lattice).all() or abs(np.linalg.det(lattice)) < 1e-3:
        raise InputError(
            "has no cell of three lattice vectors; a crystal that is periodic in three directions is needed"
        )
    check_lattice(lattice, 1)
    if not np.isfinite(atoms.positions).all():
        raise InputError("a position is not a number")
    positions = atoms.positions @ np.linalg.inv(lattice)
    plane = "its cell is periodic in some directions only, and is taken as periodic in all three"
    listed = ListedCrystal(lattice, species, species, positions, () if atoms.pbc.all() else (plane,))
    listed = _with_occupancies(listed, atoms)
    named = listed.labels if listed.occupancies else [f"{s} {i + 1}" for i, s in enumerate(species)]
    check_apart(lattice, listed.species, named, listed.positions, split_labels(listed))
    return listed


def _with_occupancies(listed: ListedCrystal, atoms: Any) -> ListedCrystal:
    """Return a crystal with what ASE knows of its occupancies: a column of them, or those of kinds of sites.

    Kinds of which the same element is the most frequent are told apart by a number behind it, ``Li1`` and ``Li2``.
    """
    columns = [np.ravel(column) for name, column in atoms.arrays.items() if name.startswith("occupanc")]
    kinds = atoms.info.get("occupancy")
    if len(columns) + (kinds is not None) > 1:
        raise InputError("gives occupancies in several ways; one was expected")
    if columns:
        try:
            values = [float(value) for value in columns[0].tolist()]
        except (TypeError, ValueError):
            values = []
        if len(values) != len(listed.species):
            raise InputError("has a column of occupancies that are no numbers, one an atom")
        return with_occupancies(listed, [share_of(v, repr(v), s) for v, s in zip(values, listed.species, strict=True)])
    if kinds is None:
        return listed
    if "spacegroup_kinds" not in atoms.arrays:
        raise InputError(
            "its `occupancy` is of kinds of sites, and no column `spacegroup_kinds` says which site is which"
        )
    each = [str(kind) for kind in atoms.arrays["spacegroup_kinds"].tolist()]
    shares = shares_of_kinds(
        {str(kind): found for kind, found in kinds.items()} if isinstance(kinds, dict) else {}, each
    )
    rows = [i for i, found in enumerate(shares) for _ in found]
    species = tuple(element for found in shares for element, _ in found)
    leading = {kind: max(found, key=lambda one: one[1].value)[0] for kind, found in zip(each, shares, strict=True)}
    alike = {k: [other for other in leading if leading[other] == leading[k]] for k in leading}
    labels = tuple(
        element + (str(alike[each[i]].index(each[i]) + 1) if len(alike[each[i]]) > 1 else "")
        for i, element in zip(rows, species, strict=True)
    )
    every = dataclasses.replace(listed, species=species, labels=labels, positions=listed.positions[rows])
    return with_occupancies(every, [share for found in shares for _, share in found])


def _check_columns(text: str) -> None:
    """Refuse an extended XYZ file that declares more columns than its first row has words: ASE makes room for them."""
    lines = text.splitlines()[1:3]
    declared = re.search(r"Properties=\"?([^\s\"]+)", lines[0], re.IGNORECASE) if len(lines) == 2 else None
    if declared is None:
        return
    numbers = declared[1].split(":")[2::3]
    if not all(re.fullmatch("[0-9]{1,4}", n) for n in numbers) or sum(map(int, numbers)) > len(lines[1].split()):
        raise InputError("cannot be read as extxyz: its rows have fewer columns than `Properties` declares", line=2)


def _atom_rows(text: str, heading: str) -> int:
    """Return how many rows of an element and a position stand below a heading."""
    rows = 0
    for line in re.split(heading, text, maxsplit=1, flags=re.IGNORECASE)[-1].splitlines()[1:]:
        words = line.split()
        if rows and len(words) < 4:
            break
        rows += len(words) >= 4
    return rows
