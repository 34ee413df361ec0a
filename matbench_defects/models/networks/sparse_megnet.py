"""MEGNet on the defects alone, after Kazeev et al., npj Comput. Mater. 9, 113 (2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from matbench_defects.models.model import ModelSettings, models
from matbench_defects.models.networks.batching import Batch
from matbench_defects.models.networks.defect_graphs import HOST_ELEMENTS, defect_graphs
from matbench_defects.models.networks.graph_model import GraphModel, GraphSettings
from matbench_defects.models.networks.graphs import HOP, Graphs
from matbench_defects.models.networks.property_reference import PropertyReference
from matbench_defects.models.networks.species_reference import SpeciesReference
from matbench_defects.models.networks.training import summed
from matbench_defects.models.rows import Rows

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class SparseMEGNetSettings(GraphSettings):
    """Settings of the sparse-defect MEGNet. Graphs are tiny, so it may train for long."""

    cutoff: Annotated[float, Field(gt=0, le=30)] = 10.0
    """Longest edge between defects, Å."""
    width: Annotated[int, Field(gt=0)] = 32
    """Channels of nodes, edges and state."""
    batch_size: Annotated[int, Field(gt=0)] = 8
    """Most structures in a batch."""
    epochs: Annotated[int, Field(gt=0)] = 300
    """Most passes over the training part."""
    steps: Annotated[int, Field(gt=0)] = 10_000
    """About the most steps of the optimizer."""
    patience: Annotated[int, Field(gt=0)] = 80
    """Passes without a better validation error after which training stops."""
    mixed_precision: bool = False
    """As in the other networks; off, since graphs so small gain nothing."""


@models.register("sparse-megnet")
class SparseMEGNet(GraphModel):
    """MEGNet whose nodes are the sites that differ from the parent; the host is the global state.

    Differs from the published network in the read-out, a sum over the defects by shares and a number from the state,
    instead of Set2Set; in two embeddings of a node, of what is gone and of what is there, that a dense layer joins; in
    a feature of edges that tells host directions apart, the distance from its middle to the nearest site, instead of
    shell indices; in edges that count less the longer they are; in sums over edges instead of means; and in what all
    networks here share, see `GraphModel`. `sparse-megnet-properties` has properties of elements for the embeddings.
    """

    Settings: ClassVar[type[ModelSettings]] = SparseMEGNetSettings
    title: ClassVar[str] = "Sparse-defect MEGNet"
    description: ClassVar[str] = (
        "MEGNet blocks on the defects alone: what was removed and what is there, distances between defects, and the "
        "host as the global state. Differs from the published network in the sum that reads it out, in its "
        "embeddings, in a feature that tells host directions apart instead of shell indices, in edges that count less "
        "the longer they are, and in a linear reference for single defects."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1038/s41524-023-01062-z",)

    def graphs(self, rows: Rows) -> Graphs:
        """Return the graph of the defects of each row."""
        return defect_graphs(rows, self.settings.cutoff)

    def species(self) -> Module:
        """Return what turns the atomic numbers of nodes into numbers that are learnt from."""
        from torch import nn

        return nn.Embedding(HOST_ELEMENTS + 1, self.settings.width)

    def host(self) -> Module:
        """Return what turns the composition of hosts, and the volume of a site, into the first state."""
        from torch import nn

        return nn.Linear(HOST_ELEMENTS + 2, self.settings.width)

    def network(self) -> Module:
        """Return the network."""
        import torch
        from torch import nn

        from matbench_defects.models.networks.layers.gaussians import Gaussians
        from matbench_defects.models.networks.layers.megnet import MEGNetBlock, dense

        settings: Any = self.settings
        species, host = self.species, self.host
        width, neighbours = settings.width, self._reference.neighbours

        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.species = species()
                self.node = dense(2 * width, width)
                self.distance = Gaussians(settings.cutoff, settings.gaussians)
                self.short = Gaussians(4.0, 12)
                self.edge = dense(settings.gaussians + 24, width)
                self.host = host()
                self.blocks = nn.ModuleList(MEGNetBlock(width, neighbours) for _ in range(settings.layers))
                self.of_node = nn.Sequential(nn.Linear(width, width), nn.Softplus(), nn.Linear(width, 1))
                self.of_state = nn.Sequential(nn.Linear(width, width), nn.Softplus(), nn.Linear(width, 1))

            def forward(self, batch: Batch) -> Tensor:
                carried = batch.of_edges
                kinds = [batch.of_nodes["removed_number"], batch.of_nodes["present_number"]]
                node = self.node(torch.cat([self.species(k) for k in kinds], dim=1))
                lengths = [self.short(carried["height"]), self.short(carried["clearance"])]
                edge = self.edge(torch.cat([self.distance(carried["distance"]), *lengths], dim=1))
                weight = carried["weight"]  # without it the many far defects drown the near ones where they are dense
                edge = edge * weight[:, None]
                volume = batch.of_graphs["volume"].log()[:, None]
                state = self.host(torch.cat([batch.of_graphs["host"], volume], dim=1))
                for block in self.blocks:
                    node, edge, state = block(node, batch.pairs, edge, state, batch.graph, weight)
                of_host: Tensor = self.of_state(state).squeeze(1).float()
                return summed(batch, self.of_node(node)) + of_host

        return Network()


@models.register("sparse-megnet-properties")
class PropertySparseMEGNet(SparseMEGNet):
    """The same on what is known of elements, for dopants and hosts that no training row had."""

    title: ClassVar[str] = "Sparse-defect MEGNet, element properties"
    description: ClassVar[str] = (
        "The sparse-defect MEGNet with electronegativity, radius, group and row in place of an embedding of each "
        "element, and a reference that is linear in them: it serves elements that no training row had."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1038/s41524-023-01062-z", "10.1039/b801115j")
    Reference: ClassVar[type[SpeciesReference]] = PropertyReference
    new_elements: ClassVar[bool] = True

    def species(self) -> Module:
        """Return a linear function of the properties of elements."""
        from torch import nn

        from matbench_defects.models.networks.layers.elements import ElementTable

        return nn.Sequential(ElementTable(HOST_ELEMENTS, HOP), nn.Linear(ElementTable.width, self.settings.width))

    def host(self) -> Module:
        """Return a linear function of the mean properties of the host, and of the volume of a site."""
        import torch
        from torch import nn

        from matbench_defects.models.networks.layers.elements import ElementTable

        width = self.settings.width

        class Host(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.elements = ElementTable(HOST_ELEMENTS, HOP)
                self.linear = nn.Linear(ElementTable.width + 1, width)

            def forward(self, given: Tensor) -> Tensor:
                found: Tensor = self.linear(torch.cat([self.elements.mean(given[:, :-1]), given[:, -1:]], dim=1))
                return found

        return Host()
