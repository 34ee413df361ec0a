"""Structures as they are handed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matbench_defects.bounded import read_json
from matbench_defects.crystal.structure import Crystal
from matbench_defects.crystal.structure_files import read_listed
from matbench_defects.errors import InputError
from matbench_defects.exchange.structure_text import crystal_of_structure, plain_structure


def crystal_of(structure: Any) -> Crystal:
    """Return a structure of any kind that is handed in: ours, ASE's, pymatgen's, or a file.

    Raises
    ------
    InputError
        If a file cannot be read, or sites are partly occupied.
    """
    if isinstance(structure, Crystal):
        return structure
    if isinstance(structure, str | Path):
        try:
            if Path(structure).suffix.lower() == ".json":  # pymatgen's own decoder imports what a file names
                return crystal_of_structure(plain_structure(read_json(structure)))
            return read_listed(Path(structure)).crystal
        except InputError as error:
            raise InputError(error.message, file=str(structure), line=error.line) from None
    if hasattr(structure, "get_chemical_symbols"):
        return Crystal.from_ase(structure)
    if not structure.is_ordered:
        raise InputError("the structure has partly occupied sites; a configuration has none")
    return Crystal.from_pymatgen(structure)
