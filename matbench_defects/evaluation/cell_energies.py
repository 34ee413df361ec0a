"""What turns a target into the energy of a supercell, and into a distance to the convex hull."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.dataset.structure_columns import row_counts

HULL = "energy_above_hull"
"""The quantity that is a distance to the convex hull."""


def cell_factor(quantity: Quantity, rows: pa.Table) -> NDArray[np.float64] | None:
    """Return what a value of each row is multiplied by to be the energy of its supercell in eV.

    A difference to a reference state serves as well as a total energy: the reference is the same for all arrangements
    of one content.

    Parameters
    ----------
    quantity : Quantity
        The target's unit and divisor.
    rows : pyarrow.Table
        Rows of a dataset's structures.

    Returns
    -------
    ndarray of float, shape (n,), or None
        None where the target is no energy of a configuration: another unit than eV, or per nothing or per hop.
    """
    counts = None if quantity.unit != "eV" or quantity.per == "hop" else row_counts(rows, quantity.per)
    return None if counts is None else counts.astype(np.float64)


def atoms_of(rows: pa.Table) -> NDArray[np.int64] | None:
    """Return the number of atoms of each row's supercell."""
    return row_counts(rows, "atom")


def above_hull(dataset: Dataset, target: str, rows: pa.Table) -> NDArray[np.float64] | None:
    """Return the true energy above the convex hull of each row, eV per atom.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    target : str
        The target that is predicted.
    rows : pyarrow.Table
        Rows of the dataset's structures.

    Returns
    -------
    ndarray of float, shape (n,), or None
        The target itself where it is that; else that of the same label. None where there is none, or a row lacks it.
    """
    targets = dataset.manifest["targets"]
    label = targets[target].get("label")
    of_hull = [name for name, of in targets.items() if of.get("quantity") == HULL and of.get("label") == label]
    # The target itself first: its predictions then need no other column.
    for name in sorted(of_hull, key=lambda name: name != target):
        if rows[name].null_count == 0:
            return np.asarray(rows[name].to_numpy(), dtype=np.float64)
    return None
