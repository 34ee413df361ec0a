"""Structures of other programs, as crystals that may be configurations."""

from __future__ import annotations

from typing import Any

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError


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
