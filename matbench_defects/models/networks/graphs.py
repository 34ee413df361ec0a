"""Graphs of atoms straight from a dataset's columns, no Structure or Atoms object in between."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.columns import Per
from matbench_defects.errors import NotServedError
from matbench_defects.models.networks import graph_cache
from matbench_defects.models.per import divisors
from matbench_defects.models.rows import Rows

HOP = 99
"""Stands as an atomic number for the middle of a hop, which is a node of its own in the graph of a pathway."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Graphs:
    """Many graphs as flat arrays, one after the other.

    Parameters
    ----------
    nodes, edges : ndarray of int64, shape (n + 1,)
        Where the nodes and the edges of each graph begin; the last number says how many there are.
    pairs : ndarray of int32, shape (2, e)
        Both ends of each edge, counted within its graph.
    of_nodes, of_edges, of_graphs : dict of str to ndarray
        What each node, edge and graph carries; the first axis runs over them.
    """

    nodes: Integers
    edges: Integers
    pairs: NDArray[np.int32]
    of_nodes: dict[str, NDArray[Any]] = field(default_factory=dict)
    of_edges: dict[str, NDArray[Any]] = field(default_factory=dict)
    of_graphs: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.nodes) - 1


def atom_graphs(rows: Rows, cutoff: float, *, vectors: bool = False, cache: bool = True) -> Graphs:
    """Return one graph a row: atoms as nodes, neighbours within the cutoff as edges, periodic images included.

    A pathway's graph has one node more, `HOP`, in the middle of the hop.

    Parameters
    ----------
    rows : Rows
        The rows.
    cutoff : float
        Longest edge, Å.
    vectors : bool
        Whether edges carry their vector too.
    cache : bool
        Whether graphs that are on disk already are read from there, and new ones kept.

    Returns
    -------
    Graphs
        Nodes carry ``number`` (atomic number) and ``share`` (see `shares`), edges ``distance`` (Å) and, where asked
        for, ``vector`` (Å, from the first end to the second, shape (e, 3)).
    """
    points, boxes, numbers, nodes = _sites(rows)
    make = functools.partial(neighbours, points, boxes, nodes, cutoff, vectors)
    if cache:
        key = graph_cache.key(points, boxes, nodes, cutoff, vectors)
        edges, pairs, carried = graph_cache.known(key, make)
    else:
        edges, pairs, carried = make()
    share = node_shares(rows, nodes, numbers == HOP)
    return Graphs(nodes, edges, pairs, {"number": numbers, "share": share}, carried)


def node_shares(rows: Rows, nodes: Integers, marked: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how much each node adds to the value of its row: a model's output is the sum of shares times node values.

    What is per formula unit, atom, defect site or cell is a sum over the nodes divided by their number; what is per
    hop is read from the node that marks the hop; anything else is a mean over the nodes.

    Parameters
    ----------
    rows : Rows
        The rows.
    nodes : ndarray of int64, shape (n + 1,)
        Where the nodes of each row begin.
    marked : ndarray of bool, shape (nodes,)
        Which nodes mark a hop.

    Returns
    -------
    ndarray of float32, shape (nodes,)
    """
    per = rows.background.quantity.per
    if per == "hop" and marked.any():
        return marked.astype(np.float32)
    counts = np.diff(nodes)
    sums = per in get_args(Per) and per != "hop"
    return np.repeat(1 / (divisors(rows) if sums else np.maximum(counts, 1)), counts).astype(np.float32)


def _sites(rows: Rows) -> tuple[Floats, Floats, Integers, Integers]:
    """Return positions (N, 3), lattices (n, 3, 3), atomic numbers (N,) and where the nodes of each row begin."""
    nodes = list_offsets(rows, "species_at_sites")
    points = cartesian(rows, "cartesian_site_positions")
    numbers = atomic_numbers(rows, "species_at_sites")
    boxes = cartesian(rows, "lattice_vectors").reshape(-1, 3, 3)
    hops = hop_middles(rows, points, nodes)
    if hops is not None:
        points = np.insert(points, nodes[1:], hops, axis=0)
        numbers = np.insert(numbers, nodes[1:], HOP)
        nodes = nodes + np.arange(len(nodes))
    return np.ascontiguousarray(points), np.ascontiguousarray(boxes), numbers, nodes


def hop_middles(rows: Rows, points: Floats, nodes: Integers) -> Floats | None:
    """Return the middle of each row's hop, shape (n, 3), or None where the rows are not pathways."""
    if "hop_atom" not in rows.table.schema.names or rows.table["hop_atom"].null_count:
        return None
    atoms = nodes[:-1] + rows.table["hop_atom"].to_numpy()
    vectors = flat(rows, "hop_cartesian_vector").to_numpy(zero_copy_only=False).reshape(-1, 3)
    middles: Floats = points[atoms] + vectors / 2
    return middles


def neighbours(
    points: Floats, boxes: Floats, nodes: Integers, cutoff: float, vectors: bool
) -> tuple[Integers, NDArray[np.int32], dict[str, NDArray[np.float32]]]:
    """Return where the edges of each row begin, their ends and what they carry.

    Parameters
    ----------
    points : ndarray of float, shape (N, 3)
        Positions of the nodes of all rows, Å.
    boxes : ndarray of float, shape (n, 3, 3)
        Lattice vectors of each row as rows, Å.
    nodes : ndarray of int64, shape (n + 1,)
        Where the nodes of each row begin.
    cutoff : float
        Longest edge, Å.
    vectors : bool
        Whether edges carry their vector too.
    """
    from vesin import NeighborList

    finder = NeighborList(cutoff=cutoff, full_list=True)
    asked = "PdD" if vectors else "Pd"
    periodic = np.ones(3, dtype=np.bool_)
    edges = np.zeros(len(nodes), dtype=np.int64)
    pairs = np.empty((2, 0), dtype=np.int32)
    distance, vector = np.empty(0, dtype=np.float32), np.empty((0, 3), dtype=np.float32)
    starts = nodes.tolist()
    end = 0
    for i in range(len(nodes) - 1):
        if starts[i] == starts[i + 1]:
            edges[i + 1] = end
            continue
        # Without copies: the list's own memory is read before the next call overwrites it.
        found = finder.compute(points[starts[i] : starts[i + 1]], boxes[i], periodic, asked, copy=False)
        begin, end = end, end + len(found[1])
        if end > len(distance):
            # The first row says roughly how much the others need.
            size = max(end * 5 // 4, end * (len(nodes) - 1) // (i + 1) * 21 // 20)
            pairs, distance = _grown(pairs, size, 1), _grown(distance, size, 0)
            vector = _grown(vector, size, 0) if vectors else vector
        pairs[:, begin:end] = found[0].T
        distance[begin:end] = found[1]
        if vectors:
            vector[begin:end] = found[2]
        edges[i + 1] = end
    carried = {"distance": distance[:end]} | ({"vector": vector[:end]} if vectors else {})
    return edges, pairs[:, :end], carried


def _grown(array: NDArray[Any], size: int, axis: int) -> NDArray[Any]:
    shape = list(array.shape)
    old = shape[axis]
    shape[axis] = size
    result = np.empty(shape, dtype=array.dtype)
    result[(slice(None),) * axis + (slice(old),)] = array
    return result


def list_column(rows: Rows, name: str) -> pa.Array:
    """Return a column as one array."""
    chunks = rows.table[name].chunks
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks or [pa.array([], rows.table[name].type)])


def flat(rows: Rows, name: str) -> pa.Array:
    """Return the values in a column of lists, one row after the other."""
    return list_column(rows, name).flatten()


def list_offsets(rows: Rows, name: str) -> Integers:
    """Return where the list of each row begins, shape (n + 1,)."""
    offsets = list_column(rows, name).offsets.to_numpy().astype(np.int64)
    begins: Integers = offsets - offsets[0]
    return begins


def cartesian(rows: Rows, name: str) -> Floats:
    """Return a column of lists of vectors as one array, shape (N, 3), Å."""
    values: Floats = flat(rows, name).flatten().to_numpy(zero_copy_only=False).reshape(-1, 3)
    return values


def atomic_numbers(rows: Rows, name: str, zero: str | None = None) -> Integers:
    """Return a column of lists of species as atomic numbers, shape (N,).

    Parameters
    ----------
    rows : Rows
        The rows.
    name : str
        The column.
    zero : str, optional
        A species that gets number 0, such as ``vacancy``.

    Raises
    ------
    InputError
        If a species is no element.
    """
    from ase.data import atomic_numbers as known

    encoded = flat(rows, name).dictionary_encode()
    species = encoded.dictionary.to_pylist()
    for s in species:
        if s not in known and s != zero:
            raise NotServedError(f"{s} is no element, so no graph can be made of it")
        if s != zero and known[s] >= HOP:
            raise NotServedError(f"{s} is heavier than any element that a graph network knows")
    numbers = np.array([0 if s == zero else known[s] for s in species], dtype=np.int64)
    result: Integers = numbers[encoded.indices.to_numpy()] if len(species) else np.empty(0, dtype=np.int64)
    return result
