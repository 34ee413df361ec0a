"""Text of one structure, as a crystal."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError

FORMATS = {".cif": "cif", ".vasp": "poscar", ".poscar": "poscar"}
"""The formats that are read, by the ending of a file's name."""
_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


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
            plain = _without_symmetry(text) if format_ == "cif" else None
            if plain is not None:
                return plain
            structure = Structure.from_str(text, fmt=format_)
    except Exception as error:  # pymatgen raises whatever the text's fault led to
        message = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"cannot be read as {format_}: {message[0]}") from None
    return crystal_of_structure(structure)


def _without_symmetry(text: str) -> Crystal | None:
    """Return the crystal of a CIF text that lists every atom, or None where that is not so.

    pymatgen's own parser takes 30 ms for 190 atoms, most of it for symmetry that such a file has not; this takes 2.
    """
    from pymatgen.core import Element, Lattice
    from pymatgen.io.cif import CifFile

    blocks = list(CifFile.from_str(text).data.values())
    if len(blocks) != 1:
        return None
    data = blocks[0].data
    operations = data.get("_symmetry_equiv_pos_as_xyz", data.get("_space_group_symop_operation_xyz"))
    symbols = data.get("_atom_site_type_symbol", [])
    occupied = data.get("_atom_site_occupancy", [])
    # As a list: one operation in quotes is a list of one, too.
    if not isinstance(operations, list) or [o.replace(" ", "").lower() for o in operations] != ["x,y,z"]:
        return None
    if not symbols or not all(map(Element.is_valid_symbol, symbols)):
        return None
    try:
        cell = [float(data[f"_cell_{name}"]) for name in _CELL]
        fractional = [[float(x) for x in data[f"_atom_site_fract_{axis}"]] for axis in "xyz"]
        if {float(x) for x in occupied} != {1.0}:
            return None
    except (KeyError, ValueError):  # such as 0.25(1)
        return None
    lattice = np.array(Lattice.from_parameters(*cell).matrix)
    crystal = Crystal(lattice, tuple(symbols), np.array(fractional).T @ lattice)
    check_crystal(crystal)
    return crystal


def plain_structure(data: Any) -> Any:
    """Return the pymatgen structure of what its JSON holds, properties left out.

    pymatgen's own decoder imports whatever class a property names.

    Raises
    ------
    InputError
        If it is no structure.
    """
    from pymatgen.core import Structure

    try:
        sites = [{"species": s["species"], "abc": s["abc"]} for s in data["sites"]]
        return Structure.from_dict({"lattice": {"matrix": data["lattice"]["matrix"]}, "sites": sites})
    except Exception as error:  # whatever the fault of the data leads to
        raise InputError(f"its structure cannot be read: {type(error).__name__} {str(error)[:60]}") from None


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
