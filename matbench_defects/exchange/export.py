"""From a row of a dataset to the libraries of the field."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.finding import Finder
from matbench_defects.dataset.reading import Dataset
from matbench_defects.dataset.structures import row_crystal
from matbench_defects.errors import InputError
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


def to_pymatgen(row: dict[str, Any], label: str | None = None, *, of: Dataset | str | Path | None = None) -> Structure:
    """Return a row of a dataset as ``pymatgen.core.Structure``.

    Parameters
    ----------
    row : dict
        The row, as ``pyarrow`` or ``datasets`` gives it.
    label : str, optional
        Name of a relaxing label (``sevennet_relaxed``), for its relaxed structure; the ideal one where left out.
    of : Dataset, str or path, optional
        The dataset, its folder, or the spec: a row of the ``index`` has no atoms, and its id says which of these it is.

    Raises
    ------
    InputError
        If a row without atoms comes without `of`, or is not of that.

    Examples
    --------
    >>> import matbench_defects as md
    >>> dataset = md.load_dataset("lno-cathode")
    >>> row = dataset.structures.slice(0, 1).to_pylist()[0]
    >>> len(md.to_pymatgen(row)) == len(md.to_pymatgen(row, "sevennet_relaxed"))
    True
    >>> md.to_pymatgen(dataset.index.slice(40, 1).to_pylist()[0], of=dataset).composition.formula
    'Li6 Ni12 O24'
    """
    return _crystal(row, label, of).to_pymatgen()


def to_ase(row: dict[str, Any], label: str | None = None, *, of: Dataset | str | Path | None = None) -> Atoms:
    """Return a row of a dataset as ``ase.Atoms``.

    Parameters
    ----------
    row, label, of
        As for `to_pymatgen`.

    Raises
    ------
    InputError
        As for `to_pymatgen`.

    Examples
    --------
    >>> import matbench_defects as md
    >>> row = md.load_dataset("lno-cathode").structures.slice(0, 1).to_pylist()[0]
    >>> len(md.to_ase(row)) == len(md.to_ase(row, "sevennet_relaxed"))
    True
    """
    return _crystal(row, label, of).to_ase()


def _crystal(row: dict[str, Any], label: str | None, of: Dataset | str | Path | None) -> Crystal:
    if "species_at_sites" in row:
        return row_crystal(row, label)
    if label is not None:
        raise InputError("a row of the index has no relaxed structure; take that of the table of structures")
    if of is None:
        raise InputError("a row of the index holds no atoms; say of which dataset or spec it is: of=")
    file = find_spec(str(of.folder if isinstance(of, Dataset) else of))
    return _finder(file, file.stat().st_mtime_ns).configuration(str(row.get("id"))).crystal


@functools.lru_cache(maxsize=8)
def _finder(spec: Path, changed: int) -> Finder:
    return Finder(load_spec(spec))
