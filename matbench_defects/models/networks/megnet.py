"""MEGNet on the ideal structure, of torch_geometric's meta layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from matbench_defects.models.model import ModelSettings, models
from matbench_defects.models.networks.batching import Batch
from matbench_defects.models.networks.graph_model import GraphModel, GraphSettings

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class MEGNetSettings(GraphSettings):
    """Settings of MEGNet."""

    width: Annotated[int, Field(gt=0)] = 32
    """Channels of nodes, edges and state."""


@models.register("megnet")
class MEGNet(GraphModel):
    """MEGNet: nodes, edges and a global state updated from each other, read out by Set2Set as published."""

    Settings: ClassVar[type[ModelSettings]] = MEGNetSettings
    title: ClassVar[str] = "MEGNet"
    description: ClassVar[str] = (
        "Nodes, edges and a global state updated in turn on the ideal structure (torch_geometric), read out by Set2Set."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1021/acs.chemmater.9b01294",)

    def network(self) -> Module:
        """Return the network."""
        import torch
        from torch import nn
        from torch_geometric.nn import Set2Set

        from matbench_defects.models.networks.layers.gaussians import Gaussians
        from matbench_defects.models.networks.layers.megnet import MEGNetBlock, dense

        settings: Any = self.settings
        width = settings.width

        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.species = nn.Embedding(100, width)
                self.edge = nn.Sequential(
                    Gaussians(settings.cutoff, settings.gaussians), dense(settings.gaussians, width)
                )
                self.state = nn.Parameter(torch.zeros(1, width))
                self.blocks = nn.ModuleList(MEGNetBlock(width) for _ in range(settings.layers))
                self.of_nodes = Set2Set(width, 2)
                self.of_edges = Set2Set(width, 2)
                self.last = nn.Sequential(dense(5 * width, width), nn.Linear(width, 1))

            def forward(self, batch: Batch) -> Tensor:
                node = self.species(batch.of_nodes["number"])
                edge = self.edge(batch.of_edges["distance"])
                state = self.state.expand(batch.size, -1)
                for block in self.blocks:
                    node, edge, state = block(node, batch.pairs, edge, state, batch.graph)
                nodes = self.of_nodes(node, batch.graph, dim_size=batch.size)
                edges = self.of_edges(edge, batch.graph[batch.pairs[0]], dim_size=batch.size)
                found: Tensor = self.last(torch.cat([nodes, edges, state], dim=1)).squeeze(1)
                return found

        return Network()
