"""GPAW: density functional theory with projector-augmented waves; an optional extra, run in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from matbench_defects.errors import InputError
from matbench_defects.labels.engine import EngineSettings, Sees, engines, require_extra
from matbench_defects.labels.kept_files import FileKeepingEngine
from matbench_defects.labels.user_list import user_list
from matbench_defects.spec.fields import VACANCY, PlainSpecies, StrictModel

SAME_PLACE = 1e-4
"""Å: what a relaxation leaves positions off by is no lack of symmetry. By GPAW's own measure, 1e-7, hexagonal scandium
that a potential had relaxed had none, and 436 k-points."""

HOW_TO_INSTALL = (
    "GPAW needs the system libraries libxc, BLAS and FFTW, and is built against them by "
    "`pip install 'matbench-defects[gpaw]'`"
)


def _element(symbol: str) -> str:
    if symbol == VACANCY:
        raise ValueError("an element was expected, not a vacancy")
    return symbol


Element = Annotated[PlainSpecies, AfterValidator(_element)]


class Hubbard(StrictModel):
    """A Hubbard correction (Dudarev) on one shell of an element."""

    shell: Literal["p", "d", "f"] = "d"
    """The shell."""
    u: Annotated[float, Field(gt=0, le=20)]
    """Effective U, eV. It acts on GPAW's projectors, so the same number means not quite the same in another code."""


class GpawSettings(EngineSettings):
    """Settings of GPAW: plane waves, and k-points in a grid around the zone's centre."""

    xc: Literal["LDA", "PBE", "RPBE", "revPBE"] = "PBE"
    """Functional; those that GPAW has its own setups for. Dispersion is not added."""
    cutoff: Annotated[float, Field(ge=100, le=2000)] = 400.0
    """Plane waves up to this kinetic energy, eV."""
    kpoint_density: Annotated[float, Field(gt=0, le=20)] = 4.0
    """k-points per Å⁻¹ of a reciprocal lattice vector, 2π included: at least so many, rounded up."""
    smearing: Annotated[float, Field(ge=0, le=2)] = 0.1
    """Width of the Fermi-Dirac distribution, eV. Energies are those extrapolated to zero width."""
    moments: dict[Element, float] | None = None
    """Initial magnetic moments by element, Bohr magnetons, all in parallel; left out, those that the spec's own
    `moments` give by species, and where there are none, spin is not polarised."""
    hubbard: dict[Element, Hubbard] = {}
    """Hubbard corrections by species: ``{Ni: {shell: d, u: 6.2}}``."""
    energy_tolerance: Annotated[float, Field(gt=0)] = 5e-4
    """The density has converged when the last energies differ by less than this, eV per valence electron, ..."""
    density_tolerance: Annotated[float, Field(gt=0)] = 1e-4
    """... and the density by less than this, electrons per valence electron."""
    iterations: Annotated[int, Field(gt=0)] = 200
    """Iterations after which the density has not converged, which is then the label's problem."""

    def parameters(self) -> dict[str, Any]:
        """Return the keyword arguments of ``gpaw.GPAW``."""
        return {
            "xc": self.xc,
            "mode": {"name": "pw", "ecut": self.cutoff},
            "kpts": {"density": self.kpoint_density, "gamma": True},
            "occupations": {"name": "fermi-dirac", "width": self.smearing},
            "setups": {element: f":{plus.shell},{plus.u}" for element, plus in self.hubbard.items()},
            "convergence": {"energy": self.energy_tolerance, "density": self.density_tolerance},
            "maxiter": self.iterations,
            "symmetry": {"tolerance": SAME_PLACE},
        }

    def level_of_theory(self, starting: Mapping[str, float] | None = None) -> str:
        """Return what these settings come to, in words, with the spec's own starting moments where it has some."""
        spin = "spin not polarised"
        given = starting or self.moments
        if given is not None:
            moments = ", ".join(f"{element} {moment:g}" for element, moment in sorted(given.items()))
            spin = f"spin-polarised (from {moments} μB)"
        plus = [f"U({element} {plus.shell}) = {plus.u:g} eV" for element, plus in sorted(self.hubbard.items())]
        parts = [
            f"DFT: {self.xc}",
            *plus,
            f"plane waves to {self.cutoff:g} eV",
            f"{self.kpoint_density:g} k-points per Å⁻¹",
            f"Fermi-Dirac {self.smearing:g} eV",
            spin,
            "no dispersion",
        ]
        return ", ".join(parts)


@engines.register("gpaw")
class Gpaw(FileKeepingEngine):
    """GPAW (Mortensen et al., J. Chem. Phys. 160, 092503 (2024), doi:10.1063/5.0182685).

    Inputs (``input.json``: the arguments of ``gpaw.GPAW``, the structure) and GPAW's log (``gpaw.txt``) are kept beside
    the labels. The user's own list says how GPAW is started, on several cores for instance; that changes no label.

    The stress has GPAW's estimate of the Pulay stress taken off. The rest vanishes only with a higher cutoff: across
    the vacuum of hexagonal BN (8 Å), where there is none, 0.27 eV/Å³ became 0.02 at 300 eV, 0.06 became 0.01 at 500 eV.
    """

    Settings: ClassVar[type[EngineSettings]] = GpawSettings
    packages: ClassVar[tuple[str, ...]] = ("gpaw", "gpaw-data")
    assumed_seconds: ClassVar[float] = 300.0
    sees: ClassVar[Sees] = "moments"
    level_of_theory: str = "DFT with the functional and cutoffs of its settings"
    settings: GpawSettings

    def __init__(self, settings: GpawSettings) -> None:
        super().__init__(settings)
        require_extra("gpaw")
        self.level_of_theory = settings.level_of_theory()
        self._moments = settings.moments
        self._list, listed = user_list()
        self._command = listed.gpaw.command
        self._starts = False

    @property
    def version(self) -> str:
        """The packages of the program and of its setups, with their versions."""
        return f"gpaw {package_version('gpaw')}, gpaw-data {package_version('gpaw-data')}"

    def check_start(self) -> None:
        """Start GPAW with nothing to do, once, so that a library it lacks is not taken for a fault of a structure.

        Raises
        ------
        InputError
            If it cannot be started.
        """
        from ase.calculators.calculator import CalculationFailed

        from matbench_defects.labels.gpaw_process.calculator import check_start

        if self._starts:
            return
        try:
            check_start(self._command)
        except OSError as error:
            message = f"`{self._command}` cannot be run: {error.strerror}"
            raise InputError(message, file=str(self._list), field="gpaw.command") from None
        except CalculationFailed as error:
            raise InputError(f"the engine gpaw cannot be started: {error}; {HOW_TO_INSTALL}") from None
        self._starts = True

    def calculator_in(self, folder: Path) -> Any:
        """Return a new ASE calculator, whose GPAW runs in a process of its own."""
        from matbench_defects.labels.gpaw_process.calculator import GpawProcess

        return GpawProcess(self.settings.parameters(), self._moments, folder, self._command)

    def start_from(self, moments: Mapping[str, float]) -> None:
        """Calculate with spin, from the moments that crystals carry."""
        self._moments = dict(moments)
        self.level_of_theory = self.settings.level_of_theory(moments)
