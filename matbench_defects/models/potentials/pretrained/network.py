"""What a universal potential is as a network whose inner features of each atom can be read, and trained on."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.registry import Registry

if TYPE_CHECKING:
    import torch


MPTRJ = "MPtrj (relaxations of the Materials Project by PBE and PBE+U)"
"""What CHGNet 0.3.0 and SevenNet-0 were trained on."""


class PretrainedNetwork(ABC):
    """A universal potential up to the last layer before its energy.

    Parameters
    ----------
    device : str
        ``cpu`` or ``cuda``.
    """

    title: ClassVar[str]
    checkpoint: ClassVar[str]
    """The published weights, as descriptions name them."""
    trained_on: ClassVar[str]
    """What they were trained on."""
    references: ClassVar[tuple[str, ...]]
    width: ClassVar[int]
    """How many features an atom has."""

    def __init__(self, device: str) -> None:
        import torch

        if device.startswith("cuda") and not torch.cuda.is_available():
            raise InputError("no CUDA device is available; use --device cpu")
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        self.device = device
        self.module: torch.nn.Module = self._load().to(device)
        self.module.eval()  # the potentials have no layer that training treats otherwise but dropout, which stays off

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Return the package, its version and the checkpoint."""

    @abstractmethod
    def graph(self, crystal: Crystal) -> Any:
        """Return a crystal as the network takes it, on the CPU; no gradient with respect to positions.

        Raises
        ------
        InputError
            If the network does not know an element.
        """

    @abstractmethod
    def features(self, graphs: Sequence[Any]) -> torch.Tensor:
        """Return the features that the energy is read from, summed over the atoms of each graph, shape (b, width)."""

    @abstractmethod
    def last_layers(self, convolutions: int) -> list[torch.nn.Module]:
        """Return the last convolutions and all that comes after them; the network itself if there are not more."""

    @abstractmethod
    def _load(self) -> torch.nn.Module:
        """Return the network with its published weights."""


networks: Registry[type[PretrainedNetwork]] = Registry(
    "pre-trained network", "matbench_defects.models.potentials.pretrained"
)
"""Every registered network, by the name of its engine; each is a model zero-shot, fine-tuned, and by its features."""
