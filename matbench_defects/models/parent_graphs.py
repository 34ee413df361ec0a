"""Graphs beside which the parent's cell stands, to be taken off: what a defect adds, not what the host holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.graphs import Graphs, neighbours
from matbench_defects.models.model import Rows
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
    from ase.data import atomic_numbers

    spaces, which = np.unique(rows.column("space"), return_inverse=True)
    cells = []
    for name in spaces:
        space = rows.background.spaces[name]
        lattice, species, points = space.parent.lattice, np.array(space.parent.species), space.parent.crystal.positions
        there = species != VACANCY
        numbers = np.array([atomic_numbers[s] for s in species[there]], dtype=np.int64)
        nodes = np.array([0, len(numbers)])
        made = neighbours(np.ascontiguousarray(points[there]), lattice[None].copy(), nodes, cutoff, vectors)
        cells.append((numbers, made[1], made[2], len(space.cells.offsets)))

    added = np.array([len(cells[i][0]) for i in which], dtype=np.int64)
    joined = np.array([cells[i][1].shape[1] for i in which], dtype=np.int64)
    own = np.diff(graphs.nodes)
    share = graphs.of_nodes["share"][graphs.nodes[:-1]]
    pairs = _interleaved(graphs.pairs, graphs.edges, [cells[i][1] + own[n] for n, i in enumerate(which)], axis=1)
    return Graphs(
        graphs.nodes + np.concatenate([[0], np.cumsum(added)]),
        graphs.edges + np.concatenate([[0], np.cumsum(joined)]),
        pairs.astype(np.int32),
        {
            "number": _interleaved(graphs.of_nodes["number"], graphs.nodes, [cells[i][0] for i in which]),
            "share": _interleaved(
                graphs.of_nodes["share"],
                graphs.nodes,
                [np.full(added[n], -cells[i][3] * share[n], dtype=np.float32) for n, i in enumerate(which)],
            ),
        },
        {
            name: _interleaved(values, graphs.edges, [cells[i][2][name] for i in which])
            for name, values in graphs.of_edges.items()
        },
        graphs.of_graphs,
    )


def _interleaved(
    values: NDArray[Any], begins: NDArray[np.int64], added: list[NDArray[Any]], axis: int = 0
) -> NDArray[Any]:
    """Return flat values with something added after those of each graph."""
    parts = []
    for n, more in enumerate(added):
        here = slice(begins[n], begins[n + 1])
        parts += [values[:, here] if axis else values[here], more]
    return np.concatenate(parts, axis=axis) if parts else values
