"""ViSNet, an equivariant network, on the ideal structure, through torch_geometric."""

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


class ViSNetSettings(GraphSettings):
    """Settings of ViSNet, whose layers cost more than SchNet's."""

    cutoff: Annotated[float, Field(gt=0, le=15)] = 4.5
    """Longest edge, Å."""
    width: Annotated[int, Field(gt=0, multiple_of=4)] = 32
    """Hidden channels, of four attention heads."""
    layers: Annotated[int, Field(gt=0)] = 2
    """How many times messages are passed."""
    epochs: Annotated[int, Field(gt=0)] = 80
    """Most passes over the training part."""
    patience: Annotated[int, Field(gt=0)] = 20
    """Passes without a better validation error after which training stops."""


@models.register("visnet")
class ViSNet(GraphModel):
    """ViSNet: scalars and vectors on the atoms, updated equivariantly; angles enter through products of vectors.

    Differs from the published network in spherical harmonics of order one alone, in edges from an atom to its own
    image, which embed it as others do, and in what all networks here share, see `GraphModel`.
    """

    Settings: ClassVar[type[ModelSettings]] = ViSNetSettings
    title: ClassVar[str] = "ViSNet"
    description: ClassVar[str] = (
        "Equivariant vector-scalar message passing on the ideal structure (torch_geometric), as PaiNN with attention "
        "and angles."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1038/s41467-023-43720-2",)
    vectors: ClassVar[bool] = True

    def network(self) -> Module:
        """Return torch_geometric's ViSNet on our edges, read out by our shares."""
        import torch
        from torch import nn
        from torch_geometric.nn.models.visnet import EquivariantScalar, NeighborEmbedding, ViSNetBlock

        settings: Any = self.settings

        class EveryNeighbour(NeighborEmbedding):  # type: ignore[misc]
            """torch_geometric's leaves out edges from an atom to its own image, so a small cell would differ."""

            def forward(
                self, numbers: Tensor, nodes: Tensor, pairs: Tensor, distance: Tensor, expanded: Tensor
            ) -> Tensor:
                weights = self.distance_proj(expanded) * self.cutoff(distance)[:, None]
                gathered = self.propagate(pairs, x=self.embedding(numbers), W=weights)
                found: Tensor = self.combine(torch.cat([nodes, gathered], dim=1))
                return found

        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.block = ViSNetBlock(
                    num_heads=4,
                    num_layers=settings.layers,
                    hidden_channels=settings.width,
                    num_rbf=settings.gaussians,
                    cutoff=settings.cutoff,
                )
                self.block.neighbor_embedding = EveryNeighbour(settings.width, settings.gaussians, settings.cutoff)
                self.last = EquivariantScalar(settings.width)

            def forward(self, batch: Batch) -> Tensor:
                distance, vector = batch.of_edges["distance"], batch.of_edges["vector"]
                # Its own search for edges knows no lattice, and what joins an atom to its own image it leaves as it is.
                given = batch.pairs, distance, torch.nn.functional.normalize(vector)
                self.block.distance.forward = lambda *_: given
                scalars, vectors = self.block(batch.of_nodes["number"], distance, batch.graph)
                return summed(batch, self.last.pre_reduce(scalars, vectors))

        return Network()
