"""Training a network on batches of graphs: the one loop that every graph network shares."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matbench_defects.models.model import ModelSettings, Passes
from matbench_defects.models.networks.batching import Batch, GraphTensors

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


FEWEST_PASSES = 10
"""So many passes are made over however many rows, if the settings allow as many at all."""


class TrainingSettings(ModelSettings):
    """Settings of training, the same for every graph network."""

    batch_size: Annotated[int, Field(gt=0)] = 8
    """Most structures in a batch."""
    batch_edges: Annotated[int, Field(gt=0)] = 500_000
    """Most edges in a batch, but for a structure that has more: what memory allows. A batch ends at whichever of both
    limits it meets first."""
    epochs: Annotated[int, Field(gt=0)] = 120
    """Most passes over the training part."""
    steps: Annotated[int, Field(gt=0)] = 1500
    """About the most steps of the optimizer; many rows mean fewer passes, though not below `FEWEST_PASSES`."""
    patience: Annotated[int, Field(gt=0)] = 30
    """Passes without a better validation error after which training stops."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    """Largest learning rate of AdamW, which falls to nothing as a cosine."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    """Weight decay of AdamW."""
    mixed_precision: bool = True
    """Whether matrix products run in bfloat16 on a GPU; on a CPU everything is float32 all the same. Sums over the
    atoms of a structure and the loss are float32 everywhere."""


def train(
    network: Module,
    training: GraphTensors,
    held_out: GraphTensors,
    settings: TrainingSettings,
    seed: int,
    progress: Passes | None = None,
) -> None:
    """Train a network; it ends with the weights that did best on what was held out.

    Parameters
    ----------
    network : torch.nn.Module
        Takes a `Batch` and returns one number a graph, on the device of the tensors.
    training, held_out : GraphTensors
        With a standardised ``value`` for each graph.
    settings : TrainingSettings
        How long and how fast.
    seed : int
        Seed of the order of the batches and of everything random in the network.
    progress : callable, optional
        Called after each pass; the error is in standard deviations.
    """
    import torch

    torch.manual_seed(seed)
    order = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    epochs = passes(len(training), settings)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    best: dict[str, Tensor] = {}
    best_error, waited = float("inf"), 0
    for epoch in range(epochs):
        network.train()
        run_epoch(network, training, settings, optimizer, order.permutation(len(training)))
        schedule.step()
        error = _error(network, held_out, settings)
        if error < best_error or not best:
            best = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
            best_error, waited = error, 0
        else:
            waited += 1
        if progress:
            progress(epoch + 1, epochs, error)
        if waited >= settings.patience:
            break
    network.load_state_dict(best)
    network.eval()


def passes(rows: int, settings: TrainingSettings) -> int:
    """Return the most passes over so many training rows."""
    steps = math.ceil(rows / settings.batch_size)
    return min(settings.epochs, max(FEWEST_PASSES, settings.steps // steps))


def run_epoch(
    network: Module, training: GraphTensors, settings: TrainingSettings, optimizer: Any, order: NDArray[np.int64]
) -> None:
    """Go once over the training graphs in the given order, a step of the optimizer a batch."""
    import torch

    for batch in training.batches(order, most=settings.batch_size, edges=settings.batch_edges):
        with computed_in(training.device, settings):
            predicted = network(batch)
        loss: Any = torch.nn.functional.mse_loss(predicted.float(), batch.of_graphs["value"])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()


def predicted_values(network: Module, graphs: GraphTensors, settings: TrainingSettings) -> NDArray[np.float64]:
    """Return what a trained network says of each graph, shape (n,)."""
    import torch

    network.eval()
    found = []
    with torch.no_grad():
        for batch in graphs.batches(np.arange(len(graphs)), most=settings.batch_size, edges=settings.batch_edges):
            with computed_in(graphs.device, settings):
                found.append(network(batch).float())
    return torch.cat(found).double().cpu().numpy() if found else np.empty(0)


def computed_in(device: str, settings: TrainingSettings) -> Any:
    """Return the context in which a network runs: bfloat16 for matrix products on a GPU, if the settings want it."""
    import torch

    if settings.mixed_precision and device.startswith("cuda"):
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def summed(batch: Batch, values: Tensor) -> Tensor:
    """Return the sum of what the nodes of each graph add to its value, by their ``share``, in float32.

    Parameters
    ----------
    batch : Batch
        Graphs whose nodes carry ``share``.
    values : Tensor, shape (nodes,) or (nodes, 1)
        One number a node.
    """
    shared = values.reshape(-1).float() * batch.of_nodes["share"]
    return shared.new_zeros(batch.size).index_add(0, batch.graph, shared)


def _error(network: Module, graphs: GraphTensors, settings: TrainingSettings) -> float:
    """Return the mean absolute error in units of the standard deviation."""
    expected = graphs.of_graphs["value"].cpu().numpy()
    return float(np.abs(predicted_values(network, graphs, settings) - expected).mean())
