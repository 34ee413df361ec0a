"""Ridge regression on what a universal potential sees: the features of each atom before its energy, summed."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.models.descriptors.cache import cached_vectors
from matbench_defects.models.linear import LinearModel
from matbench_defects.models.model import ModelSettings, Prediction, Rows, models
from matbench_defects.models.potentials.pretrained_networks import MPTRJ, PretrainedNetwork, networks
from matbench_defects.models.terms import structure_digest, terms_of

BATCH = 4
"""Structures that a network sees at a time on the CPU."""


class PretrainedFeatures(LinearModel):
    """Ridge regression on the frozen features of a pre-trained network for the ideal structure.

    The potential's own energy is, or nearly is, one linear function of these features; the regression finds the one
    that suits the labels, such as energies of relaxed structures. An element that no training row has is no obstacle
    where the network knows it. Features are kept in the cache; the seconds that they took are reported also when they
    come from there.
    """

    Settings: ClassVar[type[ModelSettings]] = ModelSettings
    network: ClassVar[str]
    trained_on: ClassVar[str] = MPTRJ
    fitted: ClassVar[bool] = True

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        super().__init__(settings, seed, device)
        self.device = device
        self._network: PretrainedNetwork | None = None

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return features summed over atoms and divided by what the target is per, shape (n, width)."""
        return self._measured(rows)[0]

    def predict(self, rows: Rows) -> Prediction:
        """Return a value for each row."""
        features, seconds = self._measured(rows)
        return Prediction(self.linear.predict(features), seconds=seconds)

    def feature_names(self) -> list[str]:
        """Return numbers: such features have no names."""
        return [f"feature {number}" for number in range(networks.get(self.network).width)]

    def _measured(self, rows: Rows) -> tuple[NDArray[np.float64], float]:
        """Return the features of each row and the seconds that they took, at one time or another."""
        kind = networks.get(self.network)
        terms = terms_of(rows)
        crystals = {structure_digest(crystal): crystal for term in terms for crystal in term.crystals}
        identity = {"network": kind.version(), "device": self.device}
        found = cached_vectors(identity, list(crystals.values()), self._compute)
        sums = dict(zip(crystals, found[:, :-1], strict=True))
        values = [
            np.array(term.factors) @ np.array([sums[structure_digest(crystal)] for crystal in term.crystals])
            for term in terms
        ]
        return np.array(values), float(found[:, -1].sum())

    def _compute(self, crystals: list[Crystal]) -> NDArray[np.float64]:
        """Return the summed features of some structures and, last, the seconds that each took."""
        import torch

        self._network = self._network or networks.get(self.network)(self.device)
        found = []
        for start in range(0, len(crystals), BATCH):
            some = crystals[start : start + BATCH]
            begin = time.perf_counter()
            with torch.no_grad():
                sums = self._network.features([self._network.graph(crystal) for crystal in some]).cpu().numpy()
            each = (time.perf_counter() - begin) / len(some)
            found.append(np.column_stack([sums, np.full(len(some), each)]))
        return np.concatenate(found)


def _described(title: str) -> str:
    return (
        f"Ridge regression on the features of each atom in the ideal structure that {title} reads its energy from, "
        "summed; the network is frozen."
    )


@models.register("chgnet-features-ridge")
class CHGNetFeatures(PretrainedFeatures):
    """Ridge regression on CHGNet's features."""

    network: ClassVar[str] = "chgnet"
    title: ClassVar[str] = "CHGNet features, ridge"
    description: ClassVar[str] = _described("CHGNet")
    references: ClassVar[tuple[str, ...]] = ("10.1038/s42256-023-00716-3",)


@models.register("sevennet-features-ridge")
class SevenNetFeatures(PretrainedFeatures):
    """Ridge regression on SevenNet-0's features."""

    network: ClassVar[str] = "sevennet"
    title: ClassVar[str] = "SevenNet-0 features, ridge"
    description: ClassVar[str] = _described("SevenNet-0")
    references: ClassVar[tuple[str, ...]] = ("10.1021/acs.jctc.4c00190",)
