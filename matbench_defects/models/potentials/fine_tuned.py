"""Universal potentials fine-tuned on the training rows: a linear read-out first, then the last layers with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.models.linear_fit import standardised_ridge
from matbench_defects.models.model import Model, ModelSettings, Prediction, State, models
from matbench_defects.models.potentials.energy_differences import EnergyDifference, energy_differences, structure_digest
from matbench_defects.models.potentials.pretrained import PretrainedNetwork, networks
from matbench_defects.models.rows import Rows

OWN_VALIDATION = 0.15
"""Share of the training rows that decides when to stop, where the split has no validation part."""
WEIGHT = "weight/"
"""What names of the network's weights begin with in a saved state."""


class FineTunedSettings(ModelSettings):
    """Settings of fine-tuning."""

    convolutions: Annotated[int, Field(gt=0)] = 1
    """How many of the last convolutions are trained with what follows; the whole network where it has no more."""
    epochs: Annotated[int, Field(ge=0)] = 8
    """Most passes over the training part."""
    patience: Annotated[int, Field(gt=0)] = 3
    """Passes without a better validation error after which training stops."""
    batch_size: Annotated[int, Field(gt=0)] = 4
    """Rows in a batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Learning rate of Adam; the features are nearly collinear, so larger steps undo the fitted read-out."""


@dataclass
class _Readout:
    """A linear function of standardised features, tensors in double precision."""

    mean: Any
    scale: Any
    slopes: Any
    intercept: Any

    def __call__(self, features: Any) -> Any:
        return (features - self.mean) / self.scale @ self.slopes + self.intercept


class FineTuned(Model):
    """A pre-trained network that goes on learning on the ideal structures of the training rows.

    The value is a linear function of the features that the network's energy is read from, summed over atoms. Ridge
    regression finds it with the network as published; then it is trained together with the last layers. Starting from a
    fitted read-out spares the network the gradients of a random one (Kumar et al., ICLR 2022, arXiv:2202.10054). The
    validation part says which weights are kept, those of the start among them, so that a model for which training does
    not help is the ridge regression.
    """

    Settings: ClassVar[type[ModelSettings]] = FineTunedSettings
    Network: ClassVar[type[PretrainedNetwork]]
    seeded: ClassVar[bool] = True

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        super().__init__(settings, seed, device)
        self._network: PretrainedNetwork | None = None
        self._start: dict[str, Any] | None = None
        self._readout: _Readout | None = None
        self._graphs: dict[str, Any] = {}

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Train on the training part; the validation part says when to stop and which weights to keep."""
        import torch

        if validation is None or not len(validation[0]):
            order = np.random.default_rng(self.seed).permutation(len(rows))
            held = max(1, round(OWN_VALIDATION * len(rows)))
            validation = rows.take(order[:held]), values[order[:held]]
            rows, values = rows.take(order[held:]), values[order[held:]]
        module = self._begun().module
        training, held_out = energy_differences(rows), energy_differences(validation[0])
        self._readout = self._fitted_readout(training, values)
        wanted, scale = torch.tensor(values, dtype=torch.float64, device=self.device), float(values.std()) or 1.0
        optimizer = torch.optim.Adam(self._trained(), lr=self.settings.learning_rate)
        random = np.random.default_rng(self.seed)
        best, best_error, waited = self._weights(), self._error(held_out, validation[1]), 0
        for epoch in range(self.settings.epochs):
            order = random.permutation(len(training))
            for start in range(0, len(order), self.settings.batch_size):
                some = order[start : start + self.settings.batch_size]
                found = self._readout(self._features([training[i] for i in some]))
                loss: Any = torch.nn.functional.mse_loss(found / scale, wanted[some] / scale)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            error = self._error(held_out, validation[1])
            if self.progress:
                self.progress(epoch + 1, self.settings.epochs, error)
            if error < best_error:
                best, best_error, waited = self._weights(), error, 0
            else:
                waited += 1
                if waited >= self.settings.patience:
                    break
        module.load_state_dict(best[0])
        self._readout = best[1]
        self._graphs = {}

    def pretrain(
        self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None
    ) -> None:
        """Fine-tune on other rows first; the network stays as it is then, the read-out is found anew by `fit`."""
        self.fit(rows, values, validation)
        self._start = self._weights()[0]

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row."""
        found = self._predicted(energy_differences(rows))
        self._graphs = {}
        return Prediction(found)

    def state(self) -> State:
        """Return the weights of the network and the read-out."""
        network, readout = self._weights()
        weights = {f"{WEIGHT}{name}": tensor.cpu().numpy() for name, tensor in network.items()}
        return weights | {name: tensor.cpu().numpy() for name, tensor in vars(readout).items()}

    def restore(self, state: State) -> None:
        """Take over weights and read-out that `state` gave."""
        import torch

        weights = {n.removeprefix(WEIGHT): torch.from_numpy(a) for n, a in state.items() if n.startswith(WEIGHT)}
        self._begun().module.load_state_dict(weights)
        parts = {n: torch.from_numpy(a).to(self.device) for n, a in state.items() if not n.startswith(WEIGHT)}
        self._readout = _Readout(**parts)

    @property
    def parameters(self) -> int | None:
        """Weights of the network and of the read-out, those that were not trained included."""
        if self._network is None:
            return None
        return sum(p.numel() for p in self._network.module.parameters()) + self._network.width + 1

    def _begun(self) -> PretrainedNetwork:
        """Return the network with the weights that training starts from."""
        if self._network is None:
            self._network = self.Network(self.device)
            self._start = copy.deepcopy(self._network.module.state_dict())
        assert self._start is not None
        self._network.module.load_state_dict(self._start)
        return self._network

    def _trained(self) -> list[Any]:
        """Return what is trained, and spare everything else its gradient."""
        assert self._network is not None and self._readout is not None
        self._network.module.requires_grad_(False)
        layers = self._network.last_layers(self.settings.convolutions)
        return [
            tensor.requires_grad_(True)
            for tensor in (
                *(parameter for layer in layers for parameter in layer.parameters()),
                self._readout.slopes,
                self._readout.intercept,
            )
        ]

    def _fitted_readout(self, differences: list[EnergyDifference], values: NDArray[np.float64]) -> _Readout:
        """Return the linear function of the features as they are now that ridge regression finds."""
        import torch

        features = self._batches(differences, self._features).cpu().numpy()
        numbers = standardised_ridge(features, values)
        return _Readout(*(torch.tensor(n, dtype=torch.float64, device=self.device) for n in numbers))

    def _features(self, differences: list[EnergyDifference]) -> Any:
        """Return the features of some rows, shape (b, width)."""
        import torch

        assert self._network is not None
        crystals = {structure_digest(crystal): crystal for difference in differences for crystal in difference.crystals}
        place = {name: i for i, name in enumerate(crystals)}
        share = torch.zeros((len(differences), len(place)), dtype=torch.float64, device=self.device)
        for i, difference in enumerate(differences):
            for crystal, coefficient in zip(difference.crystals, difference.coefficients, strict=True):
                share[i, place[structure_digest(crystal)]] += coefficient
        for name, crystal in crystals.items():
            if name not in self._graphs:
                self._graphs[name] = self._network.graph(crystal)
        return share @ self._network.features([self._graphs[name] for name in crystals]).double()

    def _batches(self, differences: list[EnergyDifference], of: Callable[[list[EnergyDifference]], Any]) -> Any:
        import torch

        step = self.settings.batch_size
        with torch.no_grad():
            return torch.cat([of(differences[i : i + step]) for i in range(0, len(differences), step)])

    def _predicted(self, differences: list[EnergyDifference]) -> NDArray[np.float64]:
        readout = self._readout
        assert readout is not None
        found = self._batches(differences, lambda some: readout(self._features(some)))
        return np.asarray(found.cpu().numpy(), dtype=np.float64)

    def _error(self, differences: list[EnergyDifference], values: NDArray[np.float64]) -> float:
        return float(np.abs(self._predicted(differences) - values).mean())

    def _weights(self) -> tuple[dict[str, Any], _Readout]:
        """Return a copy of what the network and the read-out are now."""
        assert self._network is not None and self._readout is not None
        state = {name: tensor.detach().clone() for name, tensor in self._network.module.state_dict().items()}
        parts = {name: tensor.detach().clone() for name, tensor in vars(self._readout).items()}
        return state, _Readout(**parts)


@models.family(suffix="-fine-tuned", members=networks.names)
def fine_tuned(name: str) -> type[FineTuned] | None:
    """Return the model that fine-tunes a pre-trained network."""
    if name not in networks:
        return None
    network = networks.get(name)
    members = {
        "__doc__": f"{network.title}, fine-tuned.",
        "Network": network,
        "title": f"{network.title}, fine-tuned",
        "description": f"{network.title} with a linear read-out fitted to the training part, then its last layers "
        "trained with it on ideal structures, stopped early on the validation part.",
        "references": network.references,
        "trained_on": network.trained_on,
    }
    return type(f"{network.__name__}FineTuned", (FineTuned,), members)
