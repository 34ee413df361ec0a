"""Reading the ideal host from a CIF file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.limits import check_listed
from matbench_defects.errors import InputError
from matbench_defects.spec.document import LARGEST_BYTES
from matbench_defects.spec.fields import ELEMENTS

Atoms = tuple[NDArray[np.float64], tuple[str, ...], tuple[str, ...], NDArray[np.float64]]
"""Lattice vectors as rows, Å; species; labels; fractional coordinates."""


def read_cif(path: Path) -> Atoms:
    """Return the whole cell of the one crystal that a CIF file holds; its space group is not regarded.

    Parameters
    ----------
    path : path
        The file: UTF-8, at most 1 MB.

    Raises
    ------
    InputError
        If it is not there, is no CIF file, holds no or several crystals, or one with partly occupied sites.
    """
    from pymatgen.io.cif import CifFile, CifParser

    try:
        there = path.is_file()
    except (OSError, ValueError):  # such as a name that is too long
        there = False
    if not there:
        raise InputError(f"there is no CIF file {path}")
    if (size := path.stat().st_size) > LARGEST_BYTES:
        raise InputError(f"has {size} bytes; at most {LARGEST_BYTES} are read", file=str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rounding notes; what matters is checked below
            for block in CifFile.from_str(text).data.values():
                check_listed(len(block.data.get("_atom_site_fract_x", [])), _operations_listed(block.data))
            structures = CifParser.from_str(text, occupancy_tolerance=1.0).parse_structures(primitive=False)
    except InputError as error:
        raise InputError(error.message, file=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("cannot be read as CIF: it is not UTF-8 text", file=str(path)) from None
    except Exception as error:  # pymatgen raises whatever the file's fault led to
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise InputError(f"cannot be read as CIF: {reason:.300}", file=str(path)) from None
    if len(structures) != 1:
        raise InputError(f"holds {len(structures)} structures; one was expected", file=str(path))
    structure = structures[0]
    if not structure.is_ordered:
        raise InputError(
            "has partly occupied sites; give the ideal host with every site filled, and say in `sublattices` what "
            "substitutes or leaves",
            file=str(path),
        )
    labels = tuple(site.label or site.specie.symbol for site in structure)
    species = tuple(getattr(site.specie, "element", site.specie).symbol for site in structure)
    for symbol, site in zip(species, structure, strict=True):
        if symbol not in ELEMENTS:
            raise InputError(f"holds '{site.specie}', which is no element", file=str(path))
    return np.array(structure.lattice.matrix), species, labels, structure.frac_coords


def _operations_listed(block: dict[str, Any]) -> int:
    """Return how many symmetry operations a block of a CIF file lists; one where it lists none."""
    names = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz")
    return max(1, *(len(block.get(name, [])) for name in names))
