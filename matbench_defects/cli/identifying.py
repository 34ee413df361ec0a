"""What `identify` shows."""

from __future__ import annotations

import warnings
from pathlib import Path

from rich.console import Console

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.structure import Crystal
from matbench_defects.enumeration.identify import identify
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec


def show_identified(structure: Path, spec: str, console: Console) -> bool:
    """Show which configuration of a spec's spaces a structure is, and say whether it is one.

    Parameters
    ----------
    structure : path
        A file that pymatgen reads.
    spec : str
        A spec file, a folder that holds one, or a shipped name.
    console : rich.console.Console
        Where it is shown.

    Raises
    ------
    InputError
        If the file cannot be read as an ordered structure.
    """
    spaces = build_spaces(load_spec(spec))
    crystal = _read(structure)
    reasons = {}
    for name, space in spaces.items():
        found = identify(space, crystal)
        if found.id is not None:
            console.print(f"{found.id}, largest displacement {found.displacement:.3f} Å", markup=False, soft_wrap=True)
            return True
        reasons[name] = found.reason
    for name, reason in reasons.items():
        console.print(f"no configuration of {name}: {reason}", markup=False, soft_wrap=True)
    return False


def _read(path: Path) -> Crystal:
    from pymatgen.core import Structure

    if not path.is_file():
        raise InputError("there is no such file", file=str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structure = Structure.from_file(str(path))
    except Exception as error:  # pymatgen raises whatever the file's fault led to
        message = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"cannot be read as a structure: {message[0]}", file=str(path)) from None
    if not structure.is_ordered:
        raise InputError("has partly occupied sites; a configuration has none", file=str(path))
    return Crystal.from_pymatgen(structure)
