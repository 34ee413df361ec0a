"""NequIP and Allegro on the ideal structure, through their own packages: the extra ``nequip``."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from matbench_defects.errors import InputError
from matbench_defects.models.model import ModelSettings, models
from matbench_defects.models.networks.batching import Batch
from matbench_defects.models.networks.graph_model import GraphModel, GraphSettings
from matbench_defects.models.networks.training import summed

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class NequIPSettings(GraphSettings):
    """Settings of NequIP and Allegro, whose tensor products cost more than other layers."""

    cutoff: Annotated[float, Field(gt=0, le=15)] = 4.5
    """Longest edge, Å."""
    width: Annotated[int, Field(gt=0)] = 16
    """Features of each order."""
    layers: Annotated[int, Field(gt=0)] = 2
    """How many times messages are passed, or, in Allegro, tensor products are taken."""
    order: Annotated[int, Field(ge=0, le=3)] = 1
    """Largest order of the spherical harmonics."""
    gaussians: Annotated[int, Field(gt=1)] = 8
    """Functions that a distance is expanded in: Bessel functions here."""
    epochs: Annotated[int, Field(gt=0)] = 80
    """Most passes over the training part."""
    patience: Annotated[int, Field(gt=0)] = 20
    """Passes without a better validation error after which training stops."""
    mixed_precision: bool = False
    """Has to be off: tensor products are float32."""


class EquivariantPotential(GraphModel):
    """A potential of the nequip framework that gives one number an atom."""

    Settings: ClassVar[type[ModelSettings]] = NequIPSettings
    vectors: ClassVar[bool] = True
    package: ClassVar[str]
    """What has to be installed."""

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        if importlib.util.find_spec(self.package) is None:
            raise InputError(f"this model needs the package {self.package}: pip install 'matbench-defects[nequip]'")
        super().__init__(settings, seed, device)

    def potential(self, common: dict[str, Any]) -> Module:
        """Return the potential; `common` holds what both kinds are told."""
        raise NotImplementedError

    def network(self) -> Module:
        """Return the potential on our edges, read out by our shares."""
        import torch
        from ase.data import chemical_symbols
        from nequip.utils.global_state import set_global_state
        from torch import nn

        before = torch.get_default_dtype()
        set_global_state()
        torch.set_default_dtype(before)  # it makes float64 the default of everybody
        known = [n for n in self._reference.known if n]
        settings: Any = self.settings
        potential = self.potential(
            {
                "seed": self.seed,
                "model_dtype": "float32",
                "r_max": settings.cutoff,
                "type_names": [chemical_symbols[n] for n in known],
                "l_max": settings.order,
                "num_layers": settings.layers,
                "avg_num_neighbors": self._reference.neighbours,
                "per_type_energy_scales": 1.0,
                "per_type_energy_shifts": 0.0,
                "do_derivatives": False,
            }
        )
        types = torch.zeros(max(known, default=0) + 1, dtype=torch.int64)
        types[known] = torch.arange(len(known))

        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.potential = potential
                self.register_buffer("types", types, persistent=False)

            def forward(self, batch: Batch) -> Tensor:
                numbers, vector = batch.of_nodes["number"], batch.of_edges["vector"]
                found = self.potential(
                    {
                        "pos": vector.new_zeros(len(numbers), 3),  # the edges' vectors say everything
                        "edge_index": batch.pairs,
                        "edge_vectors": vector,
                        "atom_types": self.get_buffer("types")[numbers],
                        "batch": batch.graph,
                        "num_atoms": torch.bincount(batch.graph, minlength=batch.size),
                    }
                )
                return summed(batch, found["atomic_energy"])

        return Network()


@models.register("nequip")
class NequIP(EquivariantPotential):
    """NequIP: equivariant message passing by tensor products."""

    title: ClassVar[str] = "NequIP"
    description: ClassVar[str] = (
        "Equivariant message passing by tensor products on the ideal structure (nequip), fitted to values alone."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1038/s41467-022-29939-5",)
    package: ClassVar[str] = "nequip"

    def potential(self, common: dict[str, Any]) -> Module:
        """Return the potential."""
        from nequip.model import NequIPGNNModel

        settings: Any = self.settings
        found: Module = NequIPGNNModel(
            num_features=settings.width, num_bessels=settings.gaussians, radial_mlp_width=64, **common
        )
        return found


@models.register("allegro")
class Allegro(EquivariantPotential):
    """Allegro: strictly local equivariant features of pairs of atoms."""

    title: ClassVar[str] = "Allegro"
    description: ClassVar[str] = (
        "Equivariant features of pairs of atoms, strictly local, on the ideal structure (nequip-allegro), fitted to "
        "values alone."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1038/s41467-023-36329-y",)
    package: ClassVar[str] = "allegro"

    def potential(self, common: dict[str, Any]) -> Module:
        """Return the potential."""
        from allegro.model import AllegroModel

        settings: Any = self.settings
        found: Module = AllegroModel(
            radial_chemical_embed={
                "_target_": "allegro.nn.TwoBodyBesselScalarEmbed",
                "num_bessels": settings.gaussians,
            },
            num_scalar_features=2 * settings.width,
            num_tensor_features=settings.width,
            **common,
        )
        return found
