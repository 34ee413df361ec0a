"""DIEP, a graph-network potential trained on r2SCAN; its weights ship in the package ``diep``, an optional extra."""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import Any, ClassVar

from matbench_defects.labels.ase_engine import AseEngine, device, one_thread
from matbench_defects.labels.engine import EngineSettings, engines, require_extra


class DiepSettings(EngineSettings):
    """DIEP has one checkpoint, ``diep_fold1``, and no settings."""


@engines.register("diep")
class Diep(AseEngine):
    """DIEP 2, trained on MatPES r2SCAN by the authors of the package (its own description; no paper was checked)."""

    Settings: ClassVar[type[EngineSettings]] = DiepSettings
    packages: ClassVar[tuple[str, ...]] = ("diep",)
    level_of_theory: ClassVar[str] = "machine-learned potential trained on r2SCAN energies of MatPES; not DFT"

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        require_extra("diep")

    @property
    def version(self) -> str:
        """The package and its version."""
        return f"diep {package_version('diep')}"

    def calculator(self) -> Any:
        """Return a new ASE calculator, on the CPU with one thread unless GPUs are asked for."""
        return self._made(stress=True)

    def fixed_cell_calculator(self) -> Any:
        """Return a new ASE calculator that does not work out the stress."""
        return self._made(stress=False)

    def _made(self, *, stress: bool) -> Any:
        one_thread()
        from diep.pretrained import make_calculator

        return make_calculator(device=device(), stress=stress)
