"""Energies, forces and stresses of several structures by one call of SevenNet: their graphs laid side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import sevenn._keys as keys
import torch
from sevenn.train.dataload import unlabeled_atoms_to_graph

from matbench_defects.labels.relaxing_together import Properties

FEWEST_ATOMS = 8
"""Products of matrices with fewer rows are summed in another order; a smaller structure is evaluated several times."""
READOUT = "reduce_hidden_to_energy"
"""SevenNet's name for the last layer, which makes an energy of each atom's features."""
VOIGT = [0, 1, 2, 4, 5, 3]
"""Places of xx, yy, zz, yz, xz, xy in a stress of SevenNet."""


class _AtomByAtom(torch.nn.Module):
    """A linear layer from scalars to one number, summed for each atom by itself.

    Products of a matrix with a vector are summed in an order that depends on the number of rows, so that an energy
    would depend in its last bits on the other structures.
    """

    weights: torch.Tensor
    """Shape (1, features)."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.takes, self.gives = layer.key_input, layer.key_output
        weights = layer.linear(torch.eye(layer.linear.irreps_in.dim, device=next(layer.parameters()).device))
        self.register_buffer("weights", weights.detach().T)

    def forward(self, data: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        data[self.gives] = (data[self.takes] * self.weights).sum(dim=1, keepdim=True)
        return data


class SevenNetGraphs:
    """Evaluates several structures together.

    What a structure comes to does not depend on the others beyond rounding: sums run over its own edges and atoms, in
    an order of their own. On the processor where it was tried energies, forces and stresses were the same to the last
    bit, alone or with others.

    Parameters
    ----------
    calculator : SevenNetCalculator
        Whose model it takes over; the calculator itself is then of no further use.
    """

    def __init__(self, calculator: Any) -> None:
        self._knows = calculator.set_atoms
        self._cutoff, self._device = calculator.cutoff, calculator.device
        self._model = calculator.model
        self._model.set_is_batch_data(True)
        self._model._modules[READOUT] = _AtomByAtom(self._model._modules[READOUT])
        self._model.requires_grad_(False)  # of the weights; those of the edges are what forces are made of

    def __call__(self, structures: list[Any]) -> list[Properties]:
        """Return energy, forces and stress of each of several ``ase.Atoms``.

        Raises
        ------
        ValueError
            If an element is none that the model knows.
        """
        for atoms in structures:
            self._knows(atoms)
        fill = -((sum(map(len, structures)) - FEWEST_ATOMS) // len(structures[0]))
        found = self._model(self._side_by_side(structures + structures[:1] * fill))
        energies, forces, stresses = (
            found[key].detach().cpu().numpy() for key in (keys.ATOMIC_ENERGY, keys.PRED_FORCE, keys.PRED_STRESS)
        )
        ends = np.cumsum([len(atoms) for atoms in structures])
        result = []
        for end, atoms, stress in zip(ends, structures, stresses, strict=False):
            own = slice(end - len(atoms), end)
            energy = float(energies[own].sum(dtype=np.float64))
            properties = {"energy": energy, "free_energy": energy, "forces": forces[own], "stress": -stress[VOIGT]}
            result.append(properties)
        return result

    def _side_by_side(self, structures: list[Any]) -> dict[str, torch.Tensor]:
        """Return the graphs of several structures as one, in the form that SevenNet's model takes."""
        graphs = [unlabeled_atoms_to_graph(atoms, self._cutoff) for atoms in structures]
        atoms = np.array([len(atoms) for atoms in structures])
        starts = np.cumsum(atoms) - atoms
        edges = np.concatenate([graph[keys.EDGE_IDX] + start for graph, start in zip(graphs, starts, strict=True)], 1)
        numbers = np.concatenate([graph[keys.ATOMIC_NUMBERS] for graph in graphs])
        whole = {
            keys.NODE_FEATURE: numbers,
            keys.NODE_ATTR: numbers,
            keys.ATOMIC_NUMBERS: numbers,
            keys.POS: _joined(graphs, keys.POS),
            keys.EDGE_IDX: edges,
            keys.EDGE_VEC: _joined(graphs, keys.EDGE_VEC),
            keys.CELL_VOLUME: np.array([graph[keys.CELL_VOLUME] for graph in graphs], dtype=np.float32),
            keys.NUM_ATOMS: atoms,
            keys.BATCH: np.repeat(np.arange(len(atoms)), atoms),
        }
        return {key: torch.from_numpy(value).to(self._device) for key, value in whole.items()}


def _joined(graphs: list[dict[str, Any]], key: str) -> Any:
    return np.concatenate([graph[key] for graph in graphs]).astype(np.float32)
