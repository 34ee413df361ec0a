"""Batches of graphs as torch tensors, cut out of flat arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.networks.graphs import Graphs

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Batch:
    """Some graphs as one graph whose parts are not connected.

    Parameters
    ----------
    size : int
        How many graphs.
    graph : Tensor of int64, shape (nodes,)
        Which graph each node belongs to.
    pairs : Tensor of int64, shape (2, edges)
        Both ends of each edge, counted over all nodes.
    of_nodes, of_edges, of_graphs : dict of str to Tensor
        What each node, edge and graph carries.
    """

    size: int
    graph: Tensor
    pairs: Tensor
    of_nodes: dict[str, Tensor]
    of_edges: dict[str, Tensor]
    of_graphs: dict[str, Tensor]


class GraphTensors:
    """Graphs on a device, whence batches are cut.

    Parameters
    ----------
    graphs : Graphs
        The graphs.
    device : str
        Where the tensors, and so the batches, lie. Nothing crosses to another device after this.
    values : ndarray of float, shape (n,), optional
        A value for each graph; batches carry it in ``of_graphs`` as ``value``.
    """

    def __init__(self, graphs: Graphs, device: str = "cpu", values: NDArray[np.float64] | None = None) -> None:
        import torch

        def tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
            return {name: torch.from_numpy(_writable(array)).to(device) for name, array in arrays.items()}

        self.device = device
        self.pairs = torch.from_numpy(_writable(graphs.pairs)).to(device)
        self.of_nodes = tensors(graphs.of_nodes)
        self.of_edges = tensors(graphs.of_edges)
        of_graphs = dict(graphs.of_graphs)
        if values is not None:
            of_graphs["value"] = values.astype(np.float32)
        self.of_graphs = tensors(of_graphs)
        self._nodes, self._edges = graphs.nodes, graphs.edges

    def __len__(self) -> int:
        return len(self._nodes) - 1

    @property
    def edge_counts(self) -> NDArray[np.int64]:
        """How many edges each graph has, shape (n,)."""
        return np.diff(self._edges)

    def batch(self, chosen: Sequence[int] | NDArray[np.int64]) -> Batch:
        """Return the chosen graphs as one batch.

        Parameters
        ----------
        chosen : sequence of int
            Positions of the graphs, in the order wanted.
        """
        import torch

        chosen = np.asarray(chosen, dtype=np.int64)
        nodes, edges = self._nodes[chosen + 1] - self._nodes[chosen], self._edges[chosen + 1] - self._edges[chosen]
        begins = np.concatenate([[0], np.cumsum(nodes)])
        if len(chosen) and (np.diff(chosen) == 1).all():  # neighbours lie together already
            node_parts = [slice(int(self._nodes[chosen[0]]), int(self._nodes[chosen[-1] + 1]))]
            edge_parts = [slice(int(self._edges[chosen[0]]), int(self._edges[chosen[-1] + 1]))]
        else:
            node_parts = [slice(a, b) for a, b in zip(*_ends(self._nodes, chosen), strict=True)]
            edge_parts = [slice(a, b) for a, b in zip(*_ends(self._edges, chosen), strict=True)]
        shift = torch.from_numpy(np.repeat(begins[:-1], edges)).to(self.device)
        places = torch.from_numpy(chosen).to(self.device)
        return Batch(
            size=len(chosen),
            graph=torch.from_numpy(np.repeat(np.arange(len(chosen)), nodes)).to(self.device),
            pairs=_joined(self.pairs, edge_parts, 1) + shift,
            of_nodes={name: _joined(values, node_parts) for name, values in self.of_nodes.items()},
            of_edges={name: _joined(values, edge_parts) for name, values in self.of_edges.items()},
            of_graphs={name: values[places] for name, values in self.of_graphs.items()},
        )

    def batches(self, order: NDArray[np.int64], *, most: int, edges: int) -> Iterator[Batch]:
        """Yield batches in an order, each with at most so many graphs and, but for a single one, so many edges.

        Parameters
        ----------
        order : ndarray of int64, shape (m,)
            Positions of the graphs.
        most : int
            Most graphs in a batch.
        edges : int
            Most edges in a batch: what memory allows.
        """
        counts = self.edge_counts[order]
        begin = held = 0
        for at, count in enumerate(counts.tolist()):
            if at > begin and (at - begin == most or held + count > edges):
                yield self.batch(order[begin:at])
                begin, held = at, 0
            held += count
        if begin < len(order):
            yield self.batch(order[begin:])


def _ends(offsets: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    return offsets[chosen].tolist(), offsets[chosen + 1].tolist()


def _joined(values: Tensor, parts: list[slice], axis: int = 0) -> Tensor:
    import torch

    found = [values[:, part] if axis else values[part] for part in parts or [slice(0, 0)]]
    return found[0] if len(found) == 1 else torch.cat(found, dim=axis)


def _writable(array: NDArray[Any]) -> NDArray[Any]:
    """Return what torch may share without a warning; what was mapped from disk is copied."""
    return array if array.flags.writeable else array.copy()
