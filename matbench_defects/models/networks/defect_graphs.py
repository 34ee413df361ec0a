"""Graphs of the defects alone: sites that differ from the parent, and how far they are from each other."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.networks.graphs import (
    HOP,
    Floats,
    Graphs,
    Integers,
    atomic_numbers,
    cartesian,
    hop_middles,
    list_offsets,
    neighbours,
    node_shares,
)
from matbench_defects.models.rows import Rows
from matbench_defects.spec.fields import VACANCY

LAYER_GAP = 6.0
"""A cell whose atoms leave a gap at least so wide along its third vector holds a layer, Å."""
HOST_ELEMENTS = 100
"""Length of the vector that says what the host is made of."""


def defect_graphs(rows: Rows, cutoff: float) -> Graphs:
    """Return one graph a row whose nodes are the sites that differ from the parent.

    Edges join defects within the cutoff, periodic images included, those of the same defect too. A row without defects
    is a graph without nodes. A pathway's graph has one node more, `HOP`, in the middle of the hop.

    Parameters
    ----------
    rows : Rows
        The rows.
    cutoff : float
        Longest edge, Å.

    Returns
    -------
    Graphs
        Nodes carry ``removed_number`` and ``present_number`` (atomic numbers of what the parent has there and of what
        is there, 0 for a vacancy) and ``share``; edges ``distance``, ``height`` (distance along the normal of a
        layer; 0 in a bulk crystal) and ``clearance`` (distance from the middle of the edge to the nearest host site),
        all in Å, and ``weight`` (how much the edge counts: less the longer it is, nothing at the cutoff); graphs
        ``host``, the amount of each element in the host, and ``volume`` (Å³ a host site).
    """
    nodes = list_offsets(rows, "defect_species")
    points = cartesian(rows, "defect_cartesian_positions")
    removed = atomic_numbers(rows, "defect_host_species", zero=VACANCY)
    present = atomic_numbers(rows, "defect_species", zero=VACANCY)
    boxes = cartesian(rows, "lattice_vectors").reshape(-1, 3, 3)
    atoms = list_offsets(rows, "species_at_sites")
    sites = cartesian(rows, "cartesian_site_positions")
    of_graphs = _hosts(rows, atoms, boxes, (removed, present), nodes)
    hops = hop_middles(rows, sites, atoms)
    if hops is not None:
        points = np.insert(points, nodes[1:], hops, axis=0)
        removed, present = np.insert(removed, nodes[1:], HOP), np.insert(present, nodes[1:], HOP)
        nodes = nodes + np.arange(len(nodes))
    edges, pairs, carried = neighbours(np.ascontiguousarray(points), np.ascontiguousarray(boxes), nodes, cutoff, True)
    vectors = carried["vector"].astype(np.float64)
    begins = points[np.repeat(nodes[:-1], np.diff(edges)) + pairs[0]]
    height = np.zeros(len(vectors))
    clearance = np.zeros(len(vectors))
    for i in range(len(rows)):
        here = slice(edges[i], edges[i + 1])
        if here.start == here.stop:
            continue
        own = sites[atoms[i] : atoms[i + 1]]
        normal = layer_normal(boxes[i], own)
        if normal is not None:
            height[here] = np.abs(vectors[here] @ normal)
        every = np.concatenate([own, points[nodes[i] : nodes[i + 1]][removed[nodes[i] : nodes[i + 1]] != HOP]])
        clearance[here] = _nearest(boxes[i], every, begins[here] + vectors[here] / 2)
    return Graphs(
        nodes,
        edges,
        pairs,
        {"removed_number": removed, "present_number": present, "share": node_shares(rows, nodes, removed == HOP)},
        {
            "distance": carried["distance"],
            "height": height.astype(np.float32),
            "clearance": clearance.astype(np.float32),
            "weight": np.maximum(1 - carried["distance"] / np.float32(cutoff), 0) ** 2,
        },
        of_graphs,
    )


def layer_normal(box: Floats, sites: Floats) -> Floats | None:
    """Return the unit normal of a layer that spans the first two lattice vectors, or None for a bulk crystal.

    Parameters
    ----------
    box : ndarray of float, shape (3, 3)
        Lattice vectors as rows, Å.
    sites : ndarray of float, shape (n, 3)
        Positions, Å.
    """
    normal: Floats = np.cross(box[0], box[1])
    normal /= np.linalg.norm(normal)
    thickness = abs(box[2] @ normal)
    if thickness < LAYER_GAP:
        return None
    along = np.sort((sites @ np.linalg.inv(box))[:, 2] % 1.0)
    gap = np.diff(along, append=along[0] + 1).max() * thickness
    return normal if gap >= LAYER_GAP else None


def _hosts(
    rows: Rows, atoms: Integers, boxes: Floats, changed: tuple[Integers, Integers], nodes: Integers
) -> dict[str, NDArray[Any]]:
    """Return what the host of each row is made of, and the volume of one of its sites."""
    counts = np.zeros((len(rows), HOST_ELEMENTS + 1))
    row = np.repeat(np.arange(len(rows)), np.diff(atoms))
    np.add.at(counts, (row, atomic_numbers(rows, "species_at_sites")), 1)
    row = np.repeat(np.arange(len(rows)), np.diff(nodes))
    np.add.at(counts, (row, changed[0]), 1)
    np.add.at(counts, (row, changed[1]), -1)
    counts[:, 0] = 0
    total = counts.sum(axis=1)
    volume = np.abs(np.linalg.det(boxes)) / total
    return {"host": (counts / total[:, None]).astype(np.float32), "volume": volume.astype(np.float32)}


def _nearest(box: Floats, sites: Floats, places: Floats) -> Floats:
    """Return the distance from each place to the nearest site, periodic images included."""
    from scipy.spatial import KDTree

    steps = np.array(list(itertools.product((-1, 0, 1), repeat=3)), dtype=float)
    inverse = np.linalg.inv(box)
    images = ((sites @ inverse) % 1.0)[None] + steps[:, None]
    result: Floats = KDTree(images.reshape(-1, 3) @ box).query((places @ inverse % 1.0) @ box)[0]
    return result
