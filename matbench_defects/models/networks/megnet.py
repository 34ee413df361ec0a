"""MEGNet on the ideal structure, of torch_geometric's meta layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from matbench_defects.models.model import ModelSettings, models
from matbench_defects.models.networks.batching import Batch
from matbench_defects.models.networks.graph_model import GraphModel, GraphSettings
from matbench_defects.models.networks.training import summed

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class MEGNetSettings(GraphSettings):
    """Settings of MEGNet."""

    width: Annotated[int, Field(gt=0)] = 32
    """Channels of nodes, edges and state."""


@models.register("megnet")
class MEGNet(GraphModel):
    """MEGNet: nodes, edges and a global state updated from each other, read out by Set2Set as published.

    Set2Set gives a number that does not grow with the crystal. It is multiplied by the sum of the nodes' shares, and
    what stands for the host beside a row is a crystal of its own, with a state and a read-out of its own: so the value
    of the host is taken off as in networks that sum over atoms.

    Differs from the published network, of 32 channels too, in an embedding of each element that is as wide as the
    channels instead of 16 numbers; in updates of two dense layers instead of three; in one dense layer of 32 before the
    value instead of one of 32 and one of 16; and in what all networks here share, see `GraphModel`.
    """

    Settings: ClassVar[type[ModelSettings]] = MEGNetSettings
    title: ClassVar[str] = "MEGNet"
    description: ClassVar[str] = (
        "Nodes, edges and a global state updated in turn on the ideal structure (torch_geometric), read out "
        "by Set2Set. Differs from the published network in fewer dense layers in its updates and before the "
        "value, and in wider embeddings of the elements."
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
                share = batch.of_nodes["share"]
                # A host that is taken off is a crystal of its own: behind the rows stands that of each row.
                crystal = batch.graph + batch.size * (share < 0)
                count = 2 * batch.size if bool((share < 0).any()) else batch.size
                state = self.state.expand(count, -1)
                for block in self.blocks:
                    node, edge, state = block(node, batch.pairs, edge, state, crystal)
                nodes = self.of_nodes(node, crystal, dim_size=count)
                edges = self.of_edges(edge, crystal[batch.pairs[0]], dim_size=count)
                value = self.last(torch.cat([nodes, edges, state], dim=1))
                return summed(batch, value[crystal])

        return Network()
