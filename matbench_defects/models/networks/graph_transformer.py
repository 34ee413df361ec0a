"""A graph transformer on the ideal structure: attention within a cutoff."""

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

MOST_NEIGHBOURS = 255
"""More neighbours than these are counted as these."""


class GraphTransformerSettings(GraphSettings):
    """Settings of the graph transformer."""

    cutoff: Annotated[float, Field(gt=0, le=15)] = 6.0
    """Atoms attend to each other up to this distance, Å."""
    bonded: Annotated[float, Field(gt=0, le=15)] = 3.5
    """Atoms nearer than this count as neighbours in an atom's degree, Å."""
    heads: Annotated[int, Field(gt=0)] = 4
    """Attention heads; the width has to be a multiple of them."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Largest learning rate of AdamW, which falls to nothing as a cosine."""


@models.register("graph-transformer")
class GraphTransformer(GraphModel):
    """Attention among the atoms within a cutoff; distances enter keys and values.

    Layers are those of Shi et al., as torch_geometric has them. One of Graphormer's encodings is taken over: an atom's
    degree, the number of its neighbours, is added to it. The others are not: a distance biases no attention but is
    added, in Gaussians, to the keys and values of a pair; there are no shortest paths and no virtual node that attends
    to all. Graphormer lets all atoms attend to all. In a crystal that would make a value depend on how large the cell
    was chosen, so attention reaches to a cutoff, across the cell's border. The read-out is a sum over atoms by shares.
    """

    Settings: ClassVar[type[ModelSettings]] = GraphTransformerSettings
    title: ClassVar[str] = "Graph transformer"
    description: ClassVar[str] = (
        "Attention among the atoms within a cutoff on the ideal structure (torch_geometric). Not Graphormer: "
        "distances in Gaussians are added to keys and values instead of biasing the attention, and there is "
        "no virtual node; the number of neighbours is added to an atom as there."
    )
    references: ClassVar[tuple[str, ...]] = ("10.48550/arXiv.2009.03509", "10.48550/arXiv.2106.05234")

    def network(self) -> Module:
        """Return the network."""
        from torch import nn
        from torch_geometric.nn import TransformerConv

        from matbench_defects.models.networks.layers.gaussians import Gaussians

        settings: Any = self.settings
        width, heads = settings.width, settings.heads

        class Layer(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
                self.attention = TransformerConv(width, width // heads, heads=heads, edge_dim=settings.gaussians)
                self.after = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

            def forward(self, node: Tensor, pairs: Tensor, edge: Tensor) -> Tensor:
                node = node + self.attention(self.first(node), pairs, edge)
                found: Tensor = node + self.after(self.second(node))
                return found

        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.species = nn.Embedding(100, width)
                self.degree = nn.Embedding(MOST_NEIGHBOURS + 1, width)
                self.distance = Gaussians(settings.cutoff, settings.gaussians)
                self.layers = nn.ModuleList(Layer() for _ in range(settings.layers))
                self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

            def forward(self, batch: Batch) -> Tensor:
                distance = batch.of_edges["distance"]
                ends = batch.pairs[1]
                near = (distance < settings.bonded).long()
                degree = near.new_zeros(len(batch.graph)).index_add(0, ends, near).clamp(max=MOST_NEIGHBOURS)
                node = self.species(batch.of_nodes["number"]) + self.degree(degree)
                edge = self.distance(distance)
                for layer in self.layers:
                    node = layer(node, batch.pairs, edge)
                return summed(batch, self.last(node))

        return Network()
