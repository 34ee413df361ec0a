"""SevenNet, an equivariant graph-network potential; its weights ship in the package ``sevenn``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version as package_version
from typing import Any, ClassVar, Literal

from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.ase_engine import AseEngine, device, one_thread
from matbench_defects.labels.engine import EngineSettings, Outcome, engines
from matbench_defects.spec.models import Relaxation

ATOMS_AT_ONCE = 192
"""Most atoms in one call, unless one structure has more: beyond, a call takes as long for each atom."""


class SevenNetSettings(EngineSettings):
    """Settings of SevenNet."""

    model: Literal["7net-0", "7net-l3i5"] = "7net-0"
    """The checkpoint; both were trained on MPtrj."""


@engines.register("sevennet")
class SevenNet(AseEngine):
    """SevenNet-0 (Park et al., J. Chem. Theory Comput. 20, 4857 (2024), doi:10.1021/acs.jctc.4c00190)."""

    Settings: ClassVar[type[EngineSettings]] = SevenNetSettings
    level_of_theory: ClassVar[str] = "machine-learned potential trained on PBE and PBE+U energies of MPtrj; not DFT"

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._graphs: Any = None

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

    def make_ready(self) -> None:
        """Load the model, so that what is wrong with it is not taken for a fault of a structure."""
        if self._graphs is None:
            calculator = self.calculator()
            from matbench_defects.labels.sevennet_graphs import SevenNetGraphs

            self._graphs = SevenNetGraphs(calculator)

    @classmethod
    def at_once(cls, atoms: int) -> int:
        """Return how many structures of so many atoms one call takes."""
        return max(1, ATOMS_AT_ONCE // atoms)

    def compute(self, crystal: Crystal, relax: Relaxation | None) -> Outcome:
        """Return the energy of a crystal, relaxed first if asked: the same as together with others."""
        (outcome,) = self.compute_together([crystal], relax)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def compute_together(self, subjects: Sequence[Crystal], relax: Relaxation | None) -> list[Outcome | Exception]:
        """Return the energy of each of several crystals, relaxed first if asked."""
        self.make_ready()
        from matbench_defects.labels.relaxing_together import relax_together

        return relax_together(subjects, relax, self._graphs, ATOMS_AT_ONCE)
