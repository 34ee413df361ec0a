"""What every graph network has in common: graphs, standardised values, training, what it can know, saving."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.errors import InputError, NotServedError
from matbench_defects.models.model import Model, ModelSettings, Prediction, State
from matbench_defects.models.networks.batching import GraphTensors
from matbench_defects.models.networks.graphs import Graphs, atom_graphs
from matbench_defects.models.networks.parent_graphs import with_parents
from matbench_defects.models.networks.species_reference import SpeciesReference
from matbench_defects.models.networks.training import TrainingSettings, predicted_values, train
from matbench_defects.models.per import is_excess
from matbench_defects.models.rows import Rows

if TYPE_CHECKING:
    from torch.nn import Module

OWN_VALIDATION = 0.15
"""Share of the training rows that decides when to stop, where the split has no validation part."""
WEIGHT = "weight/"
"""What names of weights begin with in a saved state."""


class GraphSettings(TrainingSettings):
    """Settings that graph networks share."""

    cutoff: Annotated[float, Field(gt=0, le=15)] = 5.0
    """Longest edge, Å."""
    width: Annotated[int, Field(gt=0)] = 64
    """Hidden channels."""
    layers: Annotated[int, Field(gt=0)] = 3
    """How many times messages are passed."""
    gaussians: Annotated[int, Field(gt=1)] = 40
    """Functions that a distance is expanded in."""


class GraphModel(Model):
    """A network on graphs; a model says which network and, where it is not all atoms, which graphs.

    What all networks here have in common, whatever was published: a reference that is linear in the species is fitted
    first, and the network learns what it leaves, in standard deviations; what a value is per stands in the shares of
    the nodes; of a target per defect site the parent's cell is taken off, see `parent_graphs.with_parents`; training is
    by AdamW with a learning rate that falls as a cosine, stopped early on the validation part; and sizes are the
    settings' defaults, chosen for hundreds of structures on a CPU.
    """

    Settings: ClassVar[type[ModelSettings]] = GraphSettings
    seeded: ClassVar[bool] = True
    Reference: ClassVar[type[SpeciesReference]] = SpeciesReference
    """What is fitted to the species before the network is."""
    vectors: ClassVar[bool] = False
    """Whether the network needs the directions of edges, not only their lengths."""

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        if device.startswith("cuda"):
            import torch

            if not torch.cuda.is_available():
                raise InputError("no CUDA device is available; use --device cpu")
        super().__init__(settings, seed, device)
        self._network: Any = None
        self._start: dict[str, Any] | None = None
        self._reference = self.Reference()
        self._scale = 1.0

    @abstractmethod
    def network(self) -> Module:
        """Return a new network: it takes a `Batch` and returns one number a graph."""

    def graphs(self, rows: Rows) -> Graphs:
        """Return the graph of each row, with its parent's to take off where the target is an excess over it."""
        graphs = atom_graphs(rows, self.settings.cutoff, vectors=self.vectors)
        return with_parents(rows, graphs, self.settings.cutoff, vectors=self.vectors) if is_excess(rows) else graphs

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Train on the training part; the validation part says when to stop and which weights to keep."""
        import torch

        if validation is None or not len(validation[0]):
            order = np.random.default_rng(self.seed).permutation(len(rows))
            held = max(1, round(OWN_VALIDATION * len(rows)))
            if held == len(rows):
                raise NotServedError("one training row is too few for a graph network")
            validation = rows.take(order[:held]), values[order[:held]]
            rows, values = rows.take(order[held:]), values[order[held:]]
        graphs, of_validation = self.graphs(rows), self.graphs(validation[0])
        with torch.random.fork_rng():
            self._begin(graphs, values)
            training, held_out = self._tensors(graphs, values), self._tensors(of_validation, validation[1])
            train(self._network, training, held_out, self.settings, self.seed, self._passed)

    def begin(self, rows: Rows, values: NDArray[np.float64]) -> None:
        """Do what `fit` does before it trains: fit what the species say, and make the network with its first weights.

        Parameters
        ----------
        rows : Rows
            The training rows.
        values : ndarray of float, shape (n,)
            Their values.
        """
        import torch

        with torch.random.fork_rng():
            self._begin(self.graphs(rows), values)

    def _begin(self, graphs: Graphs, values: NDArray[np.float64]) -> None:
        import torch

        self._reference = self.Reference.fitted(graphs, values)
        self._scale = float((values - self._reference.values(graphs)).std()) or 1.0
        torch.manual_seed(self.seed)
        self._network = self.network().to(self.device)
        if self._start is not None:
            self._network.load_state_dict(self._start)

    def pretrain(
        self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None
    ) -> None:
        """Train on other rows; `fit` starts from these weights."""
        self.fit(rows, values, validation)
        self._start = self._network.state_dict()

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row.

        Raises
        ------
        InputError
            If a row holds an element that no training row had.
        """
        graphs = self.graphs(rows)
        self._reference.refuse_unknown(graphs, rows)
        found = predicted_values(self._network, self._tensors(graphs), self.settings)
        return Prediction(found * self._scale + self._reference.values(graphs))

    def state(self) -> State:
        """Return the weights, the scale of the values and what was fitted to the species."""
        weights = {f"{WEIGHT}{name}": tensor.cpu().numpy() for name, tensor in self._network.state_dict().items()}
        return weights | {"scale": self._scale} | self._reference.state()

    def restore(self, state: State) -> None:
        """Take over what `state` gave."""
        import torch

        self._scale, self._reference = state["scale"], self.Reference.restored(state)
        self._network = self.network().to(self.device)
        weights = {n.removeprefix(WEIGHT): torch.from_numpy(a) for n, a in state.items() if n.startswith(WEIGHT)}
        try:
            self._network.load_state_dict(weights)
        except RuntimeError as error:
            raise InputError(f"the saved weights are not those of this network: {error}") from None
        self._network.eval()

    @property
    def parameters(self) -> int | None:
        """Weights of the network."""
        return None if self._network is None else sum(p.numel() for p in self._network.parameters())

    def _passed(self, done: int, most: int, error: float) -> None:
        if self.progress:
            self.progress(done, most, error * self._scale)

    def _tensors(self, graphs: Graphs, values: NDArray[np.float64] | None = None) -> GraphTensors:
        """Return what the network is trained on: what the species leave, in standard deviations."""
        left = None if values is None else (values - self._reference.values(graphs)) / self._scale
        return GraphTensors(self._reference.rescaled(graphs), self.device, left)
