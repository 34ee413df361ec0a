"""SevenNet-0 as a network whose features can be read."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING, Any, ClassVar

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import NotServedError
from matbench_defects.models.potentials.pretrained.network import MPTRJ, PretrainedNetwork, networks

if TYPE_CHECKING:
    import torch


@networks.register("sevennet")
class SevenNetNetwork(PretrainedNetwork):
    """SevenNet-0: the invariant features after its last convolution."""

    title: ClassVar[str] = "SevenNet-0"
    checkpoint: ClassVar[str] = "7net-0"
    trained_on: ClassVar[str] = MPTRJ
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
