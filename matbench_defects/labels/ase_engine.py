"""Energies and relaxations through an ASE calculator: what every force engine shares."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.execution.worker import DEVICE
from matbench_defects.labels.engine import Outcome
from matbench_defects.spec.models import Relaxation


def one_thread() -> None:
    """Keep torch to one thread: two threads contending for a core are many times slower than one."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def device() -> str:
    """Return what a calculator of torch computes on: ``cpu``, or ``cuda`` where the cluster's file asks for GPUs.

    Raises
    ------
    InputError
        If GPUs are asked for and torch finds none.
    """
    if os.environ.get(DEVICE, "cpu") == "cpu":
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise InputError("`cuda` was asked for, but torch finds no GPU on a worker")
    return "cuda"


def optimizer_for(atoms: Any, relax: Relaxation) -> Any:
    """Return the optimizer of ASE that relaxes ``ase.Atoms`` in place."""
    from ase.optimize import FIRE, LBFGS

    make = {"FIRE": FIRE, "LBFGS": LBFGS}[relax.optimizer]
    if not relax.cell:
        return make(atoms, logfile=None)
    if isinstance(relax.cell, bool):
        from ase.filters import FrechetCellFilter

        return make(FrechetCellFilter(atoms), logfile=None)
    from matbench_defects.labels.partial_cell import PartialCellFilter

    return make(PartialCellFilter(atoms, ["abc".index(vector) for vector in relax.cell]), logfile=None)


def relaxed(atoms: Any, relax: Relaxation) -> tuple[bool, int]:
    """Relax ``ase.Atoms`` in place; return whether that converged, and its steps."""
    optimizer = optimizer_for(atoms, relax)
    converged = bool(optimizer.run(fmax=relax.fmax, steps=relax.steps))
    return converged, int(optimizer.nsteps)


def outcome_of(atoms: Any, *, converged: bool, steps: int) -> Outcome:
    """Return what a calculation on ``ase.Atoms`` came to, from what their calculator has for them as they are."""
    energy = float(atoms.get_potential_energy())
    forces = np.asarray(atoms.get_forces())
    properties = atoms.calc.results
    stress = properties.get("stress")
    moments = properties.get("magmoms")
    return Outcome(
        energy=energy,
        crystal=Crystal.from_ase(atoms),
        max_force=float(np.linalg.norm(forces, axis=1).max()),
        max_stress=None if stress is None else float(np.abs(stress).max()),
        magnetic_moments=None if moments is None else np.asarray(moments, dtype=float),
        converged=converged,
        steps=steps,
        # Calculators that know whether their density converged, such as VASP's, go on with one that did not.
        problem="the density did not converge" if getattr(atoms.calc, "converged", None) is False else "",
    )


class AseEngine(ABC):
    """An engine that is an ASE calculator.

    Relaxations use an optimizer of ASE, on positions alone or (``cell``) on positions and cell through
    ``FrechetCellFilter``, perhaps along some of its vectors alone. They start from the given positions without a random
    displacement, so a minimum that needs the symmetry of the start to break may be missed.
    """

    labels: ClassVar[Literal["structures", "pathways", "rows"]] = "structures"
    relaxation: ClassVar[Literal["possible", "needed", "impossible"]] = "possible"

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self._calculator: Any = None

    @property
    @abstractmethod
    def version(self) -> str:
        """The package and its version."""

    @abstractmethod
    def calculator(self) -> Any:
        """Return a new ASE calculator."""

    def fixed_cell_calculator(self) -> Any:
        """Return a new ASE calculator for energies and forces alone; an engine that saves by that has its own."""
        return self.calculator()

    def make_ready(self) -> None:
        """Make the calculator, so that what is wrong with it is not taken for a fault of a structure."""
        if self._calculator is None:
            self._calculator = self.calculator()

    def compute(self, crystal: Crystal, relax: Relaxation | None) -> Outcome:
        """Return the energy of a crystal, relaxed first if asked."""
        self.make_ready()
        atoms = crystal.to_ase()
        atoms.calc = self._calculator
        converged, steps = (True, 0) if relax is None else relaxed(atoms, relax)
        return outcome_of(atoms, converged=converged, steps=steps)
