"""SchNet on the ideal structure, through torch_geometric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.errors import InputError
from matbench_defects.models.graphs import atom_graphs
from matbench_defects.models.model import INVARIANCES, ModelSettings, Prediction, Rows, State, models

if TYPE_CHECKING:
    from torch_geometric.data import Data

OWN_VALIDATION = 0.15
"""Share of the training rows that decides when to stop, where the split has no validation part."""


class SchNetSettings(ModelSettings):
    """Settings of SchNet."""

    cutoff: Annotated[float, Field(gt=0, le=15)] = 5.0
    """Longest edge, Å."""
    width: Annotated[int, Field(gt=0)] = 64
    """Hidden channels and filters."""
    interactions: Annotated[int, Field(gt=0)] = 3
    """Interaction blocks."""
    gaussians: Annotated[int, Field(gt=1)] = 40
    """Functions that a distance is expanded in."""
    batch_size: Annotated[int, Field(gt=0)] = 8
    """Structures in a batch."""
    epochs: Annotated[int, Field(gt=0)] = 120
    """Most passes over the training part."""
    patience: Annotated[int, Field(gt=0)] = 30
    """Passes without a better validation error after which training stops."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    """Largest learning rate of AdamW under a cosine schedule."""


@models.register("schnet")
class SchNet:
    """SchNet: continuous-filter convolutions over the atoms of the ideal structure; vacancies are absent atoms."""

    Settings: ClassVar[type[ModelSettings]] = SchNetSettings
    title: ClassVar[str] = "SchNet"
    description: ClassVar[str] = (
        "Continuous-filter convolutions on the ideal structure (torch_geometric), stopped early on the validation part."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1063/1.5019779",)
    seeded: ClassVar[bool] = True
    invariances: ClassVar[frozenset[str]] = INVARIANCES

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        import torch

        if device.startswith("cuda") and not torch.cuda.is_available():
            raise InputError("no CUDA device is available; use --device cpu")
        self.settings: SchNetSettings = settings
        self.seed = seed
        self.device = device
        self._network: Any = None
        self._mean, self._scale = 0.0, 1.0

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Train on the training part; the validation part says when to stop and which weights to keep."""
        import torch
        from torch_geometric.loader import DataLoader

        if validation is None or not len(validation[0]):
            order = np.random.default_rng(self.seed).permutation(len(rows))
            held = max(1, round(OWN_VALIDATION * len(rows)))
            validation = rows.take(order[:held]), values[order[:held]]
            rows, values = rows.take(order[held:]), values[order[held:]]
        self._mean, self._scale = float(values.mean()), float(values.std()) or 1.0
        training = self._graphs(rows, values)
        held_out = self._graphs(*validation)
        torch.manual_seed(self.seed)
        network = self._new_network().to(self.device)
        loader = DataLoader(
            training,
            batch_size=self.settings.batch_size,
            shuffle=True,
            generator=torch.Generator().manual_seed(self.seed),
        )
        optimizer = torch.optim.AdamW(network.parameters(), lr=self.settings.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.settings.epochs)
        best, best_error, waited = network.state_dict(), float("inf"), 0
        for _ in range(self.settings.epochs):
            network.train()
            for batch in loader:
                batch = batch.to(self.device)
                loss: Any = torch.nn.functional.mse_loss(self._forward(network, batch), batch.y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
            error = self._error(network, held_out)
            if error < best_error:
                best = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
                best_error, waited = error, 0
            else:
                waited += 1
                if waited >= self.settings.patience:
                    break
        network.load_state_dict(best)
        self._network = network.eval()

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row."""
        import torch
        from torch_geometric.loader import DataLoader

        values: list[float] = []
        with torch.no_grad():
            for batch in DataLoader(atom_graphs(rows, self.settings.cutoff), batch_size=self.settings.batch_size):
                values.extend(self._forward(self._network, batch.to(self.device)).tolist())
        return Prediction(np.array(values, dtype=np.float64) * self._scale + self._mean)

    def state(self) -> State:
        """Return the weights and the scale of the target."""
        weights = {name: tensor.cpu().numpy() for name, tensor in self._network.state_dict().items()}
        return weights | {"mean": self._mean, "scale": self._scale}

    def restore(self, state: State) -> None:
        """Take both."""
        import torch

        self._mean, self._scale = state.pop("mean"), state.pop("scale")
        self._network = self._new_network().to(self.device)
        self._network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
        self._network.eval()

    @property
    def parameters(self) -> int | None:
        """Weights of the network."""
        return None if self._network is None else sum(p.numel() for p in self._network.parameters())

    def _new_network(self) -> Any:
        from torch_geometric.nn import SchNet as Network

        return Network(
            hidden_channels=self.settings.width,
            num_filters=self.settings.width,
            num_interactions=self.settings.interactions,
            num_gaussians=self.settings.gaussians,
            cutoff=self.settings.cutoff,
            interaction_graph=_GivenEdges(),
            readout="add",
        )

    def _graphs(self, rows: Rows, values: NDArray[np.float64]) -> list[Data]:
        import torch

        graphs = atom_graphs(rows, self.settings.cutoff)
        for graph, value in zip(graphs, (values - self._mean) / self._scale, strict=True):
            graph.y = torch.tensor([value], dtype=torch.float32)
        return graphs

    def _forward(self, network: Any, batch: Any) -> Any:
        network.interaction_graph.edges = (batch.edge_index, batch.distance)
        return network(batch.z, batch.distance, batch.batch).squeeze(-1) / batch.divisor

    def _error(self, network: Any, graphs: list[Data]) -> float:
        import torch
        from torch_geometric.loader import DataLoader

        network.eval()
        total = 0.0
        with torch.no_grad():
            for batch in DataLoader(graphs, batch_size=self.settings.batch_size):
                batch = batch.to(self.device)
                total += float((self._forward(network, batch) - batch.y).abs().sum())
        return total / len(graphs)


class _GivenEdges:
    """Hands the network the periodic edges that were built once, where its own search knows no lattice."""

    edges: tuple[Any, Any]

    def __call__(self, positions: Any, batch: Any) -> tuple[Any, Any]:
        return self.edges
