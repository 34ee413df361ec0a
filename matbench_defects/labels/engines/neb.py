"""Migration barriers: a nudged elastic band between the two end points of a hop, with the forces of another engine."""

from __future__ import annotations

from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, field_validator

from matbench_defects.crystal.hop import Hop
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import nearest
from matbench_defects.files import digest
from matbench_defects.labels.ase_engine import AseEngine, relaxed
from matbench_defects.labels.engine import Band, EngineSettings, Outcome, engines
from matbench_defects.labels.kept_files import FileKeepingEngine
from matbench_defects.spec.fields import Open
from matbench_defects.spec.models import Relaxation

PLAIN = 6.0
"""The highest image climbs once the plain band's largest force is below this many times the threshold of the end."""
CURVATURE = 25.0
"""LBFGS starts with this curvature, eV/Å². A K hop in KFeO2 took 115 evaluations; with ASE's 70, 195."""


class Forces(Open):
    """The engine that gives the forces. Further fields are its own settings."""

    engine: str
    """Name of a registered engine that is an ASE calculator."""


class NebSettings(EngineSettings):
    """Settings of an elastic band."""

    forces: Forces
    """The engine that gives the forces, with its settings: ``{engine: chgnet, model: 0.3.0}``."""
    images: Annotated[int, Field(ge=1)] = 5
    """Images between the two end points."""
    fmax: Annotated[float, Field(gt=0)] = 0.05
    """The band has converged when no force on an image, along the path that of the springs, exceeds this, eV/Å."""
    steps: Annotated[int, Field(gt=0)] = 200
    """Steps of the band after which it is given up and said not to have converged."""
    climb: bool = True
    """Whether the highest image climbs to the saddle point."""
    spring: Annotated[float, Field(gt=0)] = 0.1
    """Spring constant between images, eV/Å²."""

    @field_validator("forces")
    @classmethod
    def _known(cls, forces: Forces) -> Forces:
        """Fill in what the engine of the forces takes where nothing is said, so that the label's digest has it."""
        if forces.engine not in engines or not issubclass(engines.get(forces.engine), AseEngine):
            able = [name for name, kind in engines.items() if issubclass(kind, AseEngine)]
            raise ValueError(f"no engine of forces is called '{forces.engine}'; {nearest(forces.engine, able)}")
        try:
            settings = engines.get(forces.engine).Settings.model_validate(forces.options)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{forces.engine} does not take this {field}: {first['msg'].lower()}") from None
        return Forces(engine=forces.engine, **settings.model_dump())


@engines.register("neb")
class Neb:
    """Climbing-image nudged elastic band, as ASE has it.

    Improved tangent: Henkelman and Jónsson, J. Chem. Phys. 113, 9978 (2000), doi:10.1063/1.1323224; climbing image:
    Henkelman, Uberuaga and Jónsson, ibid. 9901, doi:10.1063/1.1329672.

    Both end points are relaxed in a cell that stays: with ``relax: {cell: false}`` that of the spec, with ``{cell:
    true}`` the supercell of the ideal host whose cell this engine relaxed, once. So no strain of one end point enters
    the energy of the other. The first images are interpolated by image-dependent pair potentials (Smidstrup et al.,
    J. Chem. Phys. 140, 214106 (2014)) along the shortest way. The band is first relaxed without climbing.
    """

    Settings: ClassVar[type[EngineSettings]] = NebSettings
    labels: ClassVar[Literal["structures", "pathways", "rows"]] = "pathways"
    relaxation: ClassVar[Literal["possible", "needed", "impossible"]] = "needed"
    level_of_theory: str = "that of the engine which gives the forces"

    def __init__(self, settings: NebSettings) -> None:
        self.settings = settings
        kind = engines.get(settings.forces.engine)
        forces = kind(kind.Settings.model_validate(settings.forces.options))
        assert isinstance(forces, AseEngine)
        self._forces = forces
        self.level_of_theory = forces.level_of_theory
        self._calculators: list[Any] = []
        self._hosts: dict[str, NDArray[np.float64]] = {}

    @property
    def version(self) -> str:
        """The packages and their versions."""
        return f"{self._forces.version}, ase {package_version('ase')}"

    def begin(self, folder: Path | None) -> None:
        """Begin a hop whose files, if the engine of the forces writes any, are kept in this folder."""
        if isinstance(self._forces, FileKeepingEngine) and self._forces.keeps_files:
            self._forces.begin(folder)
            self._calculators = []

    def make_ready(self) -> None:
        """Make the calculators, so that what is wrong with them is not taken for a fault of a hop."""
        if isinstance(self._forces, FileKeepingEngine):
            self._forces.check_start()
        if not self._calculators:
            # One an image: ASE asks for the same forces several times a step, and a calculator remembers one structure.
            self._calculators = [self._forces.fixed_cell_calculator() for _ in range(self.settings.images)]

    def compute(self, hop: Hop, relax: Relaxation) -> Outcome:
        """Return the relaxed end points of a hop and the path between them."""
        self.make_ready()
        strain = self._host_strain(hop.host, relax) if relax.cell else np.eye(3)
        ends, problem = [], ""
        for crystal, which in ((hop.first, "first"), (hop.second, "second")):
            atoms = crystal.to_ase()
            atoms.set_cell(crystal.lattice @ strain, scale_atoms=True)
            atoms.calc = self._calculators[0]
            converged, _ = relaxed(atoms, relax.model_copy(update={"cell": False}))
            if not converged:
                problem = problem or (
                    f"the {which} end point was not relaxed to {relax.fmax} eV/Å within {relax.steps} steps"
                )
            ends.append(_frozen(atoms))
        converged, steps, force, images = self._band(ends)
        if not converged:
            problem = problem or (
                f"the band was not relaxed to {self.settings.fmax} eV/Å within {self.settings.steps} steps"
            )
        energies = np.array([image.get_potential_energy() for image in images])
        highest = images[int(energies.argmax())]
        return Outcome(
            energy=float(energies[0]),
            crystal=Crystal.from_ase(ends[0]),
            max_force=force,
            max_stress=None,
            magnetic_moments=None,
            converged=converged and not problem,
            steps=steps,
            band=Band(energies, np.array(highest.positions), np.array(ends[1].positions), hop.atom),
            problem=problem,
        )

    def _band(self, ends: list[Any]) -> tuple[bool, int, float, list[Any]]:
        """Relax a band; return whether it converged, its steps, its largest force and its images with energies."""
        from ase.mep import NEB
        from ase.optimize import LBFGS

        images = [ends[0], *(ends[0].copy() for _ in range(self.settings.images)), ends[1]]
        for image, calculator in zip(images[1:-1], self._calculators, strict=True):
            image.calc = calculator
        band = NEB(images, k=self.settings.spring, method="improvedtangent")
        band.interpolate("idpp", mic=True)
        left, converged = self.settings.steps, False
        stages = [(False, PLAIN), (True, 1.0)] if self.settings.climb else [(False, 1.0)]
        for climb, times in stages:
            # A band that rises to an end point has no saddle to climb to.
            if climb and band.energies[1:-1].max() <= max(band.energies[0], band.energies[-1]):
                climb = False
            band.climb = climb
            optimizer = LBFGS(band, logfile=None, alpha=CURVATURE)
            converged = bool(optimizer.run(fmax=self.settings.fmax * times, steps=left))
            left -= int(optimizer.nsteps)
            if left <= 0:
                break
        largest = float(np.linalg.norm(band.get_forces(), axis=1).max())
        return converged, self.settings.steps - left, largest, images

    def _host_strain(self, host: Crystal, relax: Relaxation) -> NDArray[np.float64]:
        """Return what takes the host's lattice to the one that this engine relaxes it to, right-multiplied."""
        key = digest([host.lattice.tolist(), host.species, host.positions.tolist(), relax.model_dump()])
        if key not in self._hosts:
            outcome = self._forces.compute(host, relax)
            if not outcome.converged:
                raise RuntimeError(f"the cell of the ideal host was not relaxed to {relax.fmax} eV/Å")
            self._hosts[key] = np.linalg.inv(host.lattice) @ outcome.crystal.lattice
        return self._hosts[key]


def _frozen(atoms: Any) -> Any:
    """Return atoms that keep their energy and forces, so that the calculator may go on to others."""
    from ase.calculators.singlepoint import SinglePointCalculator

    result = atoms.copy()
    result.calc = SinglePointCalculator(
        result, energy=atoms.get_potential_energy(), forces=np.array(atoms.get_forces())
    )
    return result
