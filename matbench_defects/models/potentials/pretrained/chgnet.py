"""CHGNet as a network whose features can be read."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING, Any, ClassVar

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import NotServedError
from matbench_defects.models.potentials.pretrained.network import MPTRJ, PretrainedNetwork, networks

if TYPE_CHECKING:
    import torch


@networks.register("chgnet")
class CHGNetNetwork(PretrainedNetwork):
    """CHGNet 0.3.0: the last hidden layer of its read-out."""

    title: ClassVar[str] = "CHGNet"
    checkpoint: ClassVar[str] = "CHGNet 0.3.0"
    trained_on: ClassVar[str] = MPTRJ
    references: ClassVar[tuple[str, ...]] = ("10.1038/s42256-023-00716-3",)
    width: ClassVar[int] = 64

    @classmethod
    def version(cls) -> str:
        """Return the package, its version and the checkpoint."""
        return f"chgnet {package_version('chgnet')} (0.3.0)"

    def _load(self) -> torch.nn.Module:
        import torch
        from chgnet.model.model import CHGNet

        with contextlib.redirect_stdout(io.StringIO()):  # it announces itself
            network: torch.nn.Module = CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)
        linear = [layer for layer in network.get_submodule("mlp").modules() if isinstance(layer, torch.nn.Linear)]
        linear[-1].register_forward_pre_hook(self._keep)
        return network

    def _keep(self, _: Any, given: tuple[torch.Tensor]) -> None:
        (self._hidden,) = given

    def graph(self, crystal: Crystal) -> Any:
        """Return a ``chgnet`` crystal graph."""
        from ase.data import atomic_numbers

        if unknown := [s for s in sorted(set(crystal.species)) if atomic_numbers[s] > 94]:
            raise NotServedError(f"CHGNet does not know {' and '.join(unknown)}")
        network: Any = self.module
        graph = network.graph_converter(crystal.to_pymatgen())
        graph.atom_frac_coord.requires_grad_(False)
        graph.lattice.requires_grad_(False)
        return graph

    def features(self, graphs: Sequence[Any]) -> torch.Tensor:
        """Return the sums over atoms, shape (b, 64)."""
        import torch

        moved = [graph.to(self.device) for graph in graphs]
        self.module(moved, task="e")
        owner = torch.repeat_interleave(
            torch.arange(len(moved), device=self.device),
            torch.tensor([len(graph.atomic_number) for graph in moved], device=self.device),
        )
        sums = torch.zeros((len(moved), self.width), device=self.device)
        return sums.index_add(0, owner, self._hidden)

    def last_layers(self, convolutions: int) -> list[torch.nn.Module]:
        """Return the last atom convolutions, the bond and angle layers between them, and the read-out."""
        network: Any = self.module
        if convolutions >= len(network.atom_conv_layers):
            return [network]
        first = len(network.atom_conv_layers) - convolutions
        layers = [network.atom_conv_layers, network.bond_conv_layers, network.angle_layers]
        return [*(layer for some in layers for layer in some[first:]), network.readout_norm, network.mlp]
