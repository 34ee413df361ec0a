"""SchNet on the ideal structure, through torch_geometric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from matbench_defects.models.model import models
from matbench_defects.models.networks.batching import Batch
from matbench_defects.models.networks.graph_model import GraphModel
from matbench_defects.models.networks.training import summed

if TYPE_CHECKING:
    from torch.nn import Module


@models.register("schnet")
class SchNet(GraphModel):
    """SchNet: continuous-filter convolutions over the atoms of the ideal structure; vacancies are absent atoms.

    Differs from the published network in its sizes and in what all networks here share, see `GraphModel`.
    """

    title: ClassVar[str] = "SchNet"
    description: ClassVar[str] = (
        "Continuous-filter convolutions on the ideal structure (torch_geometric), stopped early on the validation part."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1063/1.5019779",)

    def network(self) -> Module:
        """Return torch_geometric's SchNet, which takes our edges and pools by our shares."""
        from torch import Tensor
        from torch_geometric.nn import SchNet as Network

        class OnGivenEdges(Network):  # type: ignore[misc]
            def forward(self, batch: Batch) -> Tensor:
                # Its own search for edges knows no lattice.
                self.interaction_graph = lambda *_: (batch.pairs, batch.of_edges["distance"])
                self.readout = lambda values, *_, **__: summed(batch, values)
                result: Tensor = super().forward(batch.of_nodes["number"], batch.of_edges["distance"], batch.graph)
                return result

        settings: Any = self.settings
        return OnGivenEdges(
            hidden_channels=settings.width,
            num_filters=settings.width,
            num_interactions=settings.layers,
            num_gaussians=settings.gaussians,
            cutoff=settings.cutoff,
            interaction_graph=lambda *_: (),
            readout=lambda *_, **__: (),
        )
