"""Graphs of atoms straight from a dataset's columns, no Structure or Atoms object in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from matbench_defects.models.model import Rows

if TYPE_CHECKING:
    from torch_geometric.data import Data


def atom_graphs(rows: Rows, cutoff: float) -> list[Data]:
    """Return one graph a row: atoms as nodes, neighbours within the cutoff as edges, periodic images included.

    Parameters
    ----------
    rows : Rows
        The rows.
    cutoff : float
        Longest edge, Å.

    Returns
    -------
    list of torch_geometric.data.Data
        With ``z`` (atomic numbers), ``edge_index``, ``distance`` (Å) and ``divisor`` (what a sum over atoms has to be
        divided by to be per what the target is per).
    """
    import torch
    from ase.data import atomic_numbers
    from torch_geometric.data import Data
    from vesin import NeighborList

    finder = NeighborList(cutoff=cutoff, full_list=True)
    per = rows.background.quantity.per
    graphs = []
    for row in rows.table.select(
        ["lattice_vectors", "cartesian_site_positions", "species_at_sites", "formula_units"]
    ).to_pylist():
        first, second, distance = finder.compute(
            points=np.array(row["cartesian_site_positions"], dtype=float),
            box=np.array(row["lattice_vectors"], dtype=float),
            periodic=True,
            quantities="ijd",
        )
        edges: Any = np.stack([first, second]).astype(np.int64)
        atoms = len(row["species_at_sites"])
        divisor = {"formula unit": row["formula_units"], "cell": 1}.get(per, atoms)
        graphs.append(
            Data(
                z=torch.tensor([atomic_numbers[s] for s in row["species_at_sites"]]),
                edge_index=torch.from_numpy(edges),
                distance=torch.from_numpy(distance.astype(np.float32)),
                divisor=torch.tensor([float(divisor)]),
                num_nodes=atoms,
            )
        )
    return graphs
