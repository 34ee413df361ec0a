"""The blocks of MEGNet, shared by the network on all atoms and the one on defects."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch_geometric.nn import MetaLayer
from torch_geometric.nn.models.schnet import ShiftedSoftplus
from torch_geometric.utils import scatter


def dense(*widths: int) -> nn.Sequential:
    """Return dense layers of these widths, a softplus that is 0 at 0 after each, as published."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), ShiftedSoftplus()]
    return nn.Sequential(*layers)


class _Edges(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.update = dense(4 * width, 2 * width, width)

    def forward(self, first: Tensor, second: Tensor, edge: Tensor, state: Tensor, graph: Tensor) -> Tensor:
        edge, weight = edge[:, :-1], edge[:, -1:]  # as torch_geometric's layer hands both on
        found: Tensor = self.update(torch.cat([first, second, edge, state[graph]], dim=1)) * weight
        return found


class _Nodes(nn.Module):
    def __init__(self, width: int, neighbours: float | None) -> None:
        super().__init__()
        self.update = dense(3 * width, 2 * width, width)
        self.neighbours = neighbours

    def forward(self, node: Tensor, pairs: Tensor, edge: Tensor, state: Tensor, graph: Tensor) -> Tensor:
        reduce = "mean" if self.neighbours is None else "sum"
        gathered = scatter(edge, pairs[1], dim=0, dim_size=len(node), reduce=reduce) / (self.neighbours or 1.0)
        found: Tensor = self.update(torch.cat([node, gathered, state[graph]], dim=1))
        return found


class _State(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.update = dense(3 * width, 2 * width, width)

    def forward(self, node: Tensor, pairs: Tensor, edge: Tensor, state: Tensor, graph: Tensor) -> Tensor:
        nodes = scatter(node, graph, dim=0, dim_size=len(state), reduce="mean")
        edges = scatter(edge, graph[pairs[0]], dim=0, dim_size=len(state), reduce="mean")
        found: Tensor = self.update(torch.cat([nodes, edges, state], dim=1))
        return found


class MEGNetBlock(nn.Module):
    """One block: dense layers, then edges, nodes and the state updated from each other, all with a skip connection.

    Parameters
    ----------
    width : int
        Channels of edges, nodes and state.
    neighbours : float, optional
        A node takes the sum of its edges divided by this number; their mean, as published, where left out.
    """

    def __init__(self, width: int, neighbours: float | None = None) -> None:
        super().__init__()
        self.before = nn.ModuleList(dense(width, 2 * width, width) for _ in range(3))
        self.meta = MetaLayer(_Edges(width), _Nodes(width, neighbours), _State(width))

    def forward(
        self, node: Tensor, pairs: Tensor, edge: Tensor, state: Tensor, graph: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return nodes, edges and state after the block.

        Parameters
        ----------
        node, edge, state : Tensor, shape (nodes, width), (edges, width), (graphs, width)
            What they carry.
        pairs : Tensor of int64, shape (2, edges)
            Both ends of each edge.
        graph : Tensor of int64, shape (nodes,)
            Which graph each node belongs to.
        weight : Tensor, shape (edges,), optional
            How much each edge counts; 1 where left out.
        """
        inner = (f(x) for f, x in zip(self.before, (node, edge, state), strict=True))
        node_in, edge_in, state_in = inner
        counts = edge_in.new_ones(len(edge_in), 1) if weight is None else weight[:, None].to(edge_in.dtype)
        weighted = torch.cat([edge_in, counts], dim=1)
        new_node, new_edge, new_state = self.meta(node_in, pairs, weighted, state_in, graph)
        return node + new_node, edge + new_edge, state + new_state
