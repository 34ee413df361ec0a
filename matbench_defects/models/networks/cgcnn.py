"""CGCNN on the ideal structure, of torch_geometric's convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from matbench_defects.models.model import models
from matbench_defects.models.networks.batching import Batch
from matbench_defects.models.networks.graph_model import GraphModel
from matbench_defects.models.networks.training import summed

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


@models.register("cgcnn")
class CGCNN(GraphModel):
    """CGCNN: gated convolutions over neighbours; the pooled value is a sum over atoms by their shares.

    Differs from the published network in an embedding of each element that is learnt, instead of 92 numbers that encode
    its properties; in all neighbours within the cutoff instead of the twelve nearest; in torch_geometric's convolution,
    which normalises a batch once instead of twice and has no softplus after the sum with what an atom was before; in
    the read-out, dense layers on each atom whose values are summed by shares, instead of dense layers on the mean over
    atoms; and in what all networks here share, see `GraphModel`.
    """

    title: ClassVar[str] = "CGCNN"
    description: ClassVar[str] = (
        "Gated crystal-graph convolutions on the ideal structure (torch_geometric). Differs from the "
        "published network in a learnt embedding of each element, in all neighbours within a cutoff, and in "
        "the read-out: each atom's value is summed by its share."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1103/PhysRevLett.120.145301",)

    def network(self) -> Module:
        """Return the network."""
        from torch import nn
        from torch_geometric.nn import CGConv

        from matbench_defects.models.networks.layers.gaussians import Gaussians

        settings: Any = self.settings
        width = settings.width

        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.species = nn.Embedding(100, width)
                self.distance = Gaussians(settings.cutoff, settings.gaussians)
                self.layers = nn.ModuleList(
                    CGConv(width, settings.gaussians, batch_norm=True) for _ in range(settings.layers)
                )
                self.of_node = nn.Sequential(nn.Softplus(), nn.Linear(width, width), nn.Softplus(), nn.Linear(width, 1))

            def forward(self, batch: Batch) -> Tensor:
                node = self.species(batch.of_nodes["number"])
                edge = self.distance(batch.of_edges["distance"])
                for layer in self.layers:
                    node = layer(node, batch.pairs, edge)
                return summed(batch, self.of_node(node))

        return Network()
