"""CHGNet, a graph-network potential with magnetic moments; its weights ship in the package ``chgnet``."""

from __future__ import annotations

import functools
from importlib.metadata import version as package_version
from typing import Any, ClassVar, Literal

from matbench_defects.labels.ase_engine import AseEngine, device, one_thread
from matbench_defects.labels.engine import EngineSettings, engines


class CHGNetSettings(EngineSettings):
    """Settings of CHGNet."""

    model: Literal["0.3.0", "r2scan"] = "0.3.0"
    """The checkpoint; 0.3.0 was trained on MPtrj."""


@engines.register("chgnet")
class CHGNet(AseEngine):
    """CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3)."""

    Settings: ClassVar[type[EngineSettings]] = CHGNetSettings
    level_of_theory: ClassVar[str] = (
        "machine-learned potential trained on PBE and PBE+U energies of MPtrj with MP2020 corrections; not DFT"
    )

    @property
    def version(self) -> str:
        """The package and its version."""
        return f"chgnet {package_version('chgnet')}"

    def calculator(self) -> Any:
        """Return a new ASE calculator, on the CPU with one thread unless GPUs are asked for."""
        one_thread()
        import contextlib
        import io

        from chgnet.model.dynamics import CHGNetCalculator
        from chgnet.model.model import CHGNet as Network

        where = device()
        with contextlib.redirect_stdout(io.StringIO()):  # it announces itself
            network = Network.load(model_name=self.settings.model, use_device=where, verbose=False)
            return CHGNetCalculator(network, use_device=where)

    def fixed_cell_calculator(self) -> Any:
        """Return a new ASE calculator that works out neither stress nor magnetic moments: half the time."""
        calculator = self.calculator()
        calculator.calculate = functools.partial(calculator.calculate, task="ef")
        return calculator
