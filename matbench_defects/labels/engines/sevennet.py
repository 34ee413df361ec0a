"""SevenNet, an equivariant graph-network potential; its weights ship in the package ``sevenn``."""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import Any, ClassVar, Literal

from matbench_defects.labels.ase_engine import AseEngine, device, one_thread
from matbench_defects.labels.engine import EngineSettings, engines


class SevenNetSettings(EngineSettings):
    """Settings of SevenNet."""

    model: Literal["7net-0", "7net-l3i5"] = "7net-0"
    """The checkpoint; both were trained on MPtrj."""


@engines.register("sevennet")
class SevenNet(AseEngine):
    """SevenNet-0 (Park et al., J. Chem. Theory Comput. 20, 4857 (2024), doi:10.1021/acs.jctc.4c00190)."""

    Settings: ClassVar[type[EngineSettings]] = SevenNetSettings
    level_of_theory: ClassVar[str] = "machine-learned potential trained on PBE and PBE+U energies of MPtrj; not DFT"

    @property
    def version(self) -> str:
        """The package and its version."""
        return f"sevenn {package_version('sevenn')}"

    def calculator(self) -> Any:
        """Return a new ASE calculator; on the CPU with one thread, and then with the one-pass convolution."""
        one_thread()
        from sevenn.calculator import SevenNetCalculator

        from matbench_defects.labels.sevennet_convolution import use_one_pass_convolutions

        where = device()
        calculator = SevenNetCalculator(self.settings.model, device=where)
        if where == "cpu":
            use_one_pass_convolutions(calculator.model)
        return calculator
