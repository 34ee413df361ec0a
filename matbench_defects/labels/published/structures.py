"""Text of one structure, as a crystal."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError

FORMATS = {".cif": "cif", ".vasp": "poscar", ".poscar": "poscar"}
"""The formats that are read, by the ending of a file's name."""


def crystal_of_text(text: str, format_: str = "cif") -> Crystal:
    """Return the ordered structure that a CIF or POSCAR text holds.

    Raises
    ------
    InputError
        If it holds none.
    """
    from pymatgen.core import Structure

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structure = Structure.from_str(text, fmt=format_)
    except Exception as error:  # pymatgen raises whatever the text's fault led to
        message = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"cannot be read as {format_}: {message[0]}") from None
    return crystal_of_structure(structure)


def crystal_of_structure(structure: Any) -> Crystal:
    """Return the crystal of a pymatgen structure.

    Raises
    ------
    InputError
        If a site is partly occupied, or a number is not finite.
    """
    if not structure.is_ordered:
        raise InputError("has partly occupied sites; a configuration has none")
    crystal = Crystal.from_pymatgen(structure)
    check_crystal(crystal)
    return crystal


def check_crystal(crystal: Crystal) -> None:
    """Refuse a crystal with numbers that are not finite, or no volume."""
    if not (np.isfinite(crystal.lattice).all() and np.isfinite(crystal.positions).all()):
        raise InputError("has positions or lattice vectors that are no finite numbers")
    if crystal.volume < 1e-3:
        raise InputError("has no cell: its lattice vectors span no volume")
