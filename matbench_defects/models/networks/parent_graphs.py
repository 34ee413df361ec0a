"""Graphs beside which the parent's cell stands, to be taken off: what a defect adds, not what the host holds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.space import Space
from matbench_defects.models.networks.graphs import Graphs, neighbours
from matbench_defects.models.rows import Rows
from matbench_defects.spec.fields import VACANCY


def with_parents(rows: Rows, graphs: Graphs, cutoff: float, *, vectors: bool = False) -> Graphs:
    """Return the graphs, each with the cell of its parent as a part that no edge joins to the rest.

    The nodes of that cell carry a negative share, as large as there are cells in the supercell. So a sum over nodes by
    their shares is what the row has more than its host, as a formation energy is. Without it a network has to learn
    that all nodes but one to three of hundreds add nothing, and a reference that is linear in the atoms may give the
    host an energy, which is divided by a number of defect sites that differs from row to row.

    Parameters
    ----------
    rows : Rows
        The rows.
    graphs : Graphs
        Their graphs of atoms, `graphs.atom_graphs`.
    cutoff : float
        Longest edge, Å.
    vectors : bool
        Whether edges carry their vector too.
    """
    spaces, which = np.unique(rows.column("space"), return_inverse=True)
    cells = [_cell(rows.background.spaces[name], cutoff, vectors) for name in spaces]
    parents = [cells[i] for i in which]
    own = np.diff(graphs.nodes).astype(np.int32)
    share = graphs.of_nodes["share"][graphs.nodes[:-1]]
    return Graphs(
        graphs.nodes + np.cumsum([0, *(len(parent.of_nodes["number"]) for parent in parents)]),
        graphs.edges + np.cumsum([0, *(parent.pairs.shape[1] for parent in parents)]),
        _interleaved(graphs.pairs, graphs.edges, [p.pairs + n for p, n in zip(parents, own, strict=True)], axis=1),
        {
            "number": _interleaved(
                graphs.of_nodes["number"], graphs.nodes, [parent.of_nodes["number"] for parent in parents]
            ),
            "share": _interleaved(
                graphs.of_nodes["share"],
                graphs.nodes,
                [parent.of_nodes["share"] * own_share for parent, own_share in zip(parents, share, strict=True)],
            ),
        },
        {
            name: _interleaved(values, graphs.edges, [parent.of_edges[name] for parent in parents])
            for name, values in graphs.of_edges.items()
        },
        graphs.of_graphs,
    )


def _cell(space: Space, cutoff: float, vectors: bool) -> Graphs:
    """Return the graph of one cell of the parent, whose share takes off as many as the supercell has."""
    from ase.data import atomic_numbers

    crystal = space.parent.crystal
    there = [i for i, species in enumerate(crystal.species) if species != VACANCY]
    numbers = np.array([atomic_numbers[crystal.species[i]] for i in there], dtype=np.int64)
    nodes = np.array([0, len(numbers)])
    edges, pairs, carried = neighbours(crystal.positions[there], crystal.lattice[None].copy(), nodes, cutoff, vectors)
    share = np.full(len(numbers), -len(space.cells.offsets), dtype=np.float32)
    return Graphs(nodes, edges, pairs, {"number": numbers, "share": share}, carried)


def _interleaved(
    values: NDArray[Any], begins: NDArray[np.int64], added: list[NDArray[Any]], axis: int = 0
) -> NDArray[Any]:
    """Return flat values with something added after those of each graph."""
    if not added:
        return values
    parts = np.split(values, begins[1:-1], axis=axis)
    return np.concatenate(list(itertools.chain.from_iterable(zip(parts, added, strict=True))), axis=axis)
