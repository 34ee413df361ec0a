"""Ridge regression on what a universal potential sees: the features of each atom before its energy, summed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.feature_cache import FeatureCache, structure_digest
from matbench_defects.models.linear import LinearModel
from matbench_defects.models.model import ModelSettings, Prediction, Rows, models
from matbench_defects.models.pretrained_networks import PretrainedNetwork, networks
from matbench_defects.models.terms import Terms, terms_of

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
        return Prediction(features @ self.coefficients + self.intercept, seconds=seconds)

    def feature_names(self) -> list[str]:
        """Return numbers: such features have no names."""
        return [f"feature {number}" for number in range(networks.get(self.network).width)]

    def _measured(self, rows: Rows) -> tuple[NDArray[np.float64], float]:
        kind = networks.get(self.network)
        terms = terms_of(rows)
        cache = FeatureCache(f"{kind.version()} on {self.device}", rows.background.spec.name)
        wanted = {structure_digest(crystal): crystal for term in terms for crystal in term.crystals}
        missing = [name for name in wanted if name not in cache]
        if missing:
            self._network = self._network or kind(self.device)
            found: dict[str, tuple[NDArray[np.float32], float]] = {}
            for start in range(0, len(missing), BATCH):
                some = missing[start : start + BATCH]
                begin = time.perf_counter()
                values = summed_features(self._network, [wanted[name] for name in some])
                each = (time.perf_counter() - begin) / len(some)
                found |= {name: (value, each) for name, value in zip(some, values, strict=True)}
            cache.add(found)
        return np.array([_row(term, cache) for term in terms]), sum(cache[name][1] for name in wanted)


def _row(term: Terms, cache: FeatureCache) -> NDArray[np.float64]:
    found = [cache[structure_digest(crystal)][0].astype(np.float64) for crystal in term.crystals]
    return np.asarray(np.array(term.factors) @ np.array(found))


def summed_features(network: PretrainedNetwork, crystals: Sequence[Any]) -> NDArray[np.float32]:
    """Return the features of some structures, summed over their atoms, shape (n, width); nothing is trained."""
    import torch

    with torch.no_grad():
        return np.asarray(network.features([network.graph(c) for c in crystals]).cpu().numpy(), dtype=np.float32)


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
