"""Universal potentials as networks whose inner features of each atom can be read, and trained on."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING, Any, ClassVar

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError, NotServedError
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


networks: Registry[type[PretrainedNetwork]] = Registry("pre-trained network", "matbench_defects.models.potentials")
"""Every registered network, by the name of its engine."""


@networks.register("chgnet")
class CHGNetNetwork(PretrainedNetwork):
    """CHGNet 0.3.0: the last hidden layer of its read-out."""

    title: ClassVar[str] = "CHGNet"
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


@networks.register("sevennet")
class SevenNetNetwork(PretrainedNetwork):
    """SevenNet-0: the invariant features after its last convolution."""

    title: ClassVar[str] = "SevenNet-0"
    references: ClassVar[tuple[str, ...]] = ("10.1021/acs.jctc.4c00190",)
    width: ClassVar[int] = 128

    @classmethod
    def version(cls) -> str:
        """Return the package, its version and the checkpoint."""
        return f"sevenn {package_version('sevenn')} (7net-0)"

    def _load(self) -> torch.nn.Module:
        from sevenn.util import load_checkpoint

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it recommends accelerators for a GPU
            network: Any = load_checkpoint("7net-0").build_model()
        names = list(network._modules)
        for name in names[names.index("reduce_input_to_hidden") :]:
            network.delete_module_by_key(name)
        network.key_grad = None
        if not self.device.startswith("cuda"):
            from matbench_defects.labels.sevennet_convolution import use_one_pass_convolutions

            use_one_pass_convolutions(network)
        result: torch.nn.Module = network
        return result

    def graph(self, crystal: Crystal) -> Any:
        """Return SevenNet's graph, a ``torch_geometric`` one."""
        from ase.data import atomic_numbers
        from sevenn.atom_graph_data import AtomGraphData
        from sevenn.train.dataload import unlabeled_atoms_to_graph

        network: Any = self.module
        if unknown := [s for s in sorted(set(crystal.species)) if atomic_numbers[s] not in network.type_map]:
            raise NotServedError(f"SevenNet-0 does not know {' and '.join(unknown)}")
        return AtomGraphData.from_numpy_dict(unlabeled_atoms_to_graph(crystal.to_ase(), network.cutoff))

    def features(self, graphs: Sequence[Any]) -> torch.Tensor:
        """Return the sums over atoms, shape (b, 128)."""
        import torch
        from torch_geometric.data import Batch

        batch = Batch.from_data_list(list(graphs)).to(self.device)
        owner = batch.batch
        hidden = self.module(batch)["x"]
        sums = torch.zeros((len(graphs), self.width), device=self.device)
        return sums.index_add(0, owner, hidden)

    def last_layers(self, convolutions: int) -> list[torch.nn.Module]:
        """Return the modules of the last convolutions, each with its self-interactions and gate."""
        numbered = {name: name.partition("_")[0] for name in self.module._modules}
        total = len({number for number in numbered.values() if number.isdigit()})
        if convolutions >= total:
            return [self.module]
        wanted = {str(number) for number in range(total - convolutions, total)}
        return [self.module.get_submodule(name) for name, number in numbered.items() if number in wanted]
