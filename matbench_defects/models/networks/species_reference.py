"""What the species alone say of a value: fitted first, so that a network learns only what the arrangement adds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import NotServedError
from matbench_defects.models.linear_fit import standardised_ridge
from matbench_defects.models.model import State
from matbench_defects.models.networks.graphs import HOP, Graphs
from matbench_defects.models.rows import Rows

ELEMENTS = 120
"""More than the largest atomic number."""

Kind = tuple[int, ...]
"""The atomic numbers that a node carries: one of an atom, what was removed and what is there of a defect."""


@dataclass(frozen=True)
class SpeciesReference:
    """Reference values of single nodes, as reference energies of atoms are in potentials.

    Parameters
    ----------
    known : list of int
        Atomic numbers in the training rows, 0 for a vacancy.
    kinds : list of tuple of int
        The kinds of nodes in the training rows.
    coefficients : ndarray of float, shape (f,)
        What each of the `features` adds; of a kind of node, times its share.
    constant : float
        What is added to all of them.
    typical : float
        Mean sum of the shares in a training row; a network's shares are divided by it, so that its numbers are of
        order one whatever the target is per.
    neighbours : float
        Mean number of edges of a node in the training rows, at least 1; networks divide sums over edges by it.
    """

    known: list[int] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    coefficients: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    constant: float = 0.0
    typical: float = 1.0
    neighbours: float = 1.0

    @classmethod
    def fitted(cls, graphs: Graphs, values: NDArray[np.float64]) -> SpeciesReference:
        """Return the ridge regression of values on how much of each kind of node a row has; it extrapolates in content.

        Parameters
        ----------
        graphs : Graphs
            Graphs of the training rows.
        values : ndarray of float, shape (n,)
            Their values.
        """
        kinds = sorted(set(map(tuple, node_kinds(graphs).tolist())))
        features = cls.features(amounts(graphs, kinds), kinds) * cls.learnable(kinds)
        known = np.flatnonzero(elements(graphs).any(axis=0)).tolist()
        share = graphs.of_nodes["share"]
        excess = bool((share < 0).any())  # over the parent: of order one already
        typical = 1.0 if excess else float(row_sums(graphs, share).mean()) or 1.0
        neighbours = max(1.0, float(graphs.edges[-1] / max(1, graphs.nodes[-1])))
        if not kinds or len(values) < 3:
            return cls(known, kinds, np.zeros(features.shape[1]), float(values.mean()), typical, neighbours)
        mean, scale, slopes, intercept = standardised_ridge(features, values)
        coefficients = slopes / scale
        constant = float(intercept - coefficients @ mean)
        return cls(known, kinds, coefficients, constant, typical, neighbours)

    def values(self, graphs: Graphs) -> NDArray[np.float64]:
        """Return the reference value of each row, shape (n,)."""
        kinds = self.described(graphs)
        result: NDArray[np.float64] = self.features(amounts(graphs, kinds), kinds) @ self.coefficients + self.constant
        return result

    @staticmethod
    def features(amounts: NDArray[np.float64], kinds: list[Kind]) -> NDArray[np.float64]:
        """Return what the values are linear in, shape (n, f): the amount of each kind.

        Parameters
        ----------
        amounts : ndarray of float, shape (n, kinds)
            How much of each kind of node a row has.
        kinds : list of tuple of int
            The kinds.
        """
        return amounts

    @staticmethod
    def learnable(kinds: list[Kind]) -> NDArray[np.bool_] | bool:
        """Return which of the `features` may have a coefficient, given the kinds of nodes in the training rows."""
        return True

    def described(self, graphs: Graphs) -> list[Kind]:
        """Return the kinds of nodes that count: those of the training rows."""
        return self.kinds

    def rescaled(self, graphs: Graphs) -> Graphs:
        """Return the graphs with shares of order one in all."""
        share = graphs.of_nodes["share"] / np.float32(self.typical)
        return replace(graphs, of_nodes=graphs.of_nodes | {"share": share})

    def refuse_unknown(self, graphs: Graphs, rows: Rows) -> None:
        """Raise InputError if a row holds an element that no training row had."""
        from ase.data import chemical_symbols

        held = elements(graphs)
        held[:, self.known] = False
        if held.any():
            row, number = (int(i) for i in np.argwhere(held)[0])
            what = "a hop" if number == HOP else "a vacancy" if number == 0 else chemical_symbols[number]
            seen = ", ".join(sorted(chemical_symbols[n] for n in self.known if n not in (0, HOP))) or "none"
            raise NotServedError(f"{rows.column('id')[row]} holds {what}, which no training row had; those had {seen}")

    def state(self) -> State:
        """Return everything under names of its own."""
        return {
            "reference_known": self.known,
            "reference_kinds": [list(kind) for kind in self.kinds],
            "reference_coefficients": self.coefficients,
            "reference_constant": self.constant,
            "reference_typical": self.typical,
            "reference_neighbours": self.neighbours,
        }

    @classmethod
    def restored(cls, state: State) -> SpeciesReference:
        """Return what `state` gave."""
        return cls(
            list(state["reference_known"]),
            [tuple(kind) for kind in state["reference_kinds"]],
            state["reference_coefficients"],
            float(state["reference_constant"]),
            float(state["reference_typical"]),
            float(state["reference_neighbours"]),
        )


def node_kinds(graphs: Graphs) -> NDArray[np.int64]:
    """Return the atomic numbers that each node carries, shape (nodes, k)."""
    return np.stack([v for name, v in graphs.of_nodes.items() if name.endswith("number")], axis=1)


def row_sums(graphs: Graphs, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sum over the nodes of each graph, shape (n,)."""
    sums = np.bincount(_row_of_nodes(graphs), weights=values, minlength=len(graphs))
    return sums.astype(np.float64)  # they are whole numbers where there is no node at all


def amounts(graphs: Graphs, kinds: list[Kind]) -> NDArray[np.float64]:
    """Return how much of each kind of node a row has, by the nodes' shares, shape (n, kinds)."""
    held = node_kinds(graphs)
    share = graphs.of_nodes["share"]
    result = np.zeros((len(graphs), len(kinds)))
    for i, kind in enumerate(kinds):
        result[:, i] = row_sums(graphs, share * (held == kind).all(axis=1))
    return result


def elements(graphs: Graphs) -> NDArray[np.bool_]:
    """Return which atomic numbers each row holds, those of its host included, shape (n, ELEMENTS)."""
    result = np.zeros((len(graphs), ELEMENTS), dtype=np.bool_)
    if "host" in graphs.of_graphs:
        host = graphs.of_graphs["host"] > 0
        result[:, : host.shape[1]] |= host
    row = _row_of_nodes(graphs)
    for column in node_kinds(graphs).T:
        result[row, column] = True
    return result


def _row_of_nodes(graphs: Graphs) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(graphs)), np.diff(graphs.nodes))
