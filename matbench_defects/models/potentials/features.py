"""Regression on what a universal potential sees: the features of each atom before its energy, summed."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.models.descriptors.cache import cached_vectors
from matbench_defects.models.descriptors.descriptor import Descriptor
from matbench_defects.models.model import models
from matbench_defects.models.potentials.energy_differences import energy_differences, structure_digest
from matbench_defects.models.potentials.pretrained import PretrainedNetwork, networks
from matbench_defects.models.regressors.descriptor_model import DescriptorModel
from matbench_defects.models.regressors.ridge import Ridge
from matbench_defects.models.rows import Rows

BATCH = 4
"""Structures that a network sees at a time on the CPU."""


class NetworkFeatures(Descriptor):
    """The frozen features of a pre-trained network for the ideal structure.

    The potential's own energy is, or nearly is, one linear function of these features; a regression finds the one
    that suits the labels, such as energies of relaxed structures. An element that no training row has is no obstacle
    where the network knows it. Features are kept in the cache; the seconds that they took are reported also when they
    come from there.
    """

    Network: ClassVar[type[PretrainedNetwork]]

    def __init__(self, settings: Any, device: str = "cpu") -> None:
        super().__init__(settings, device)
        self._network: PretrainedNetwork | None = None

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Return features summed over atoms and divided by what the target is per, shape (n, width)."""
        return self.timed_features(rows)[0]

    def timed_features(self, rows: Rows) -> tuple[NDArray[np.float64], float | None]:
        """Return the features of each row and the seconds that they took, at one time or another."""
        differences = energy_differences(rows)
        crystals = {structure_digest(crystal): crystal for one in differences for crystal in one.crystals}
        identity = {"network": self.Network.version(), "device": self.device}
        found = cached_vectors(identity, list(crystals.values()), self._compute)
        sums = dict(zip(crystals, found[:, :-1], strict=True))
        values = [
            np.array(one.coefficients) @ np.array([sums[structure_digest(crystal)] for crystal in one.crystals])
            for one in differences
        ]
        return np.array(values), float(found[:, -1].sum())

    def names(self) -> list[str]:
        """Return numbers: such features have no names."""
        return [f"feature {number}" for number in range(self.Network.width)]

    def _compute(self, crystals: list[Crystal]) -> NDArray[np.float64]:
        """Return the summed features of some structures and, last, the seconds that each took."""
        import torch

        self._network = self._network or self.Network(self.device)
        found = []
        for start in range(0, len(crystals), BATCH):
            some = crystals[start : start + BATCH]
            begin = time.perf_counter()
            with torch.no_grad():
                sums = self._network.features([self._network.graph(crystal) for crystal in some]).cpu().numpy()
            each = (time.perf_counter() - begin) / len(some)
            found.append(np.column_stack([sums, np.full(len(some), each)]))
        return np.concatenate(found)


@models.family(suffix="-features-ridge", members=networks.names)
def features_ridge(name: str) -> type[DescriptorModel] | None:
    """Return ridge regression on the features of a pre-trained network."""
    if name not in networks:
        return None
    network = networks.get(name)
    what = {"Network": network, "references": network.references, "trained_on": network.trained_on}
    members = {
        "__doc__": f"Ridge regression on the features of {network.title}.",
        "Descriptor": type(f"{network.__name__}Features", (NetworkFeatures,), what),
        "Regressor": Ridge,
        "title": f"{network.title} features, ridge",
        "description": "Ridge regression on the features of each atom in the ideal structure that "
        f"{network.title} reads its energy from, summed; the network is frozen.",
    }
    return type(f"{network.__name__}FeaturesRidge", (DescriptorModel,), members)
