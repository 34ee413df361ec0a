"""From a row of a dataset to the libraries of the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matbench_defects.dataset.structures import row_crystal

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


def to_pymatgen(row: dict[str, Any], label: str | None = None) -> Structure:
    """Return a row of the ``structures`` table as ``pymatgen.core.Structure``.

    Parameters
    ----------
    row : dict
        The row, as ``pyarrow`` or ``datasets`` gives it.
    label : str, optional
        Name of a relaxing label (``sevennet_relaxed``), for its relaxed structure; the ideal one where left out.

    Examples
    --------
    >>> import matbench_defects as md
    >>> row = md.load_dataset("lno-cathode").structures.slice(0, 1).to_pylist()[0]
    >>> len(md.to_pymatgen(row)) == len(md.to_pymatgen(row, "sevennet_relaxed"))
    True
    """
    return row_crystal(row, label).to_pymatgen()


def to_ase(row: dict[str, Any], label: str | None = None) -> Atoms:
    """Return a row of the ``structures`` table as ``ase.Atoms``.

    Parameters
    ----------
    row : dict
        The row, as ``pyarrow`` or ``datasets`` gives it.
    label : str, optional
        Name of a relaxing label (``sevennet_relaxed``), for its relaxed structure; the ideal one where left out.

    Examples
    --------
    >>> import matbench_defects as md
    >>> row = md.load_dataset("lno-cathode").structures.slice(0, 1).to_pylist()[0]
    >>> len(md.to_ase(row)) == len(md.to_ase(row, "sevennet_relaxed"))
    True
    """
    return row_crystal(row, label).to_ase()
