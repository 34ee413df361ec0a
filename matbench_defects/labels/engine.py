"""What an engine is: something that turns a crystal into an energy and says where that energy comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import nearest
from matbench_defects.files import digest
from matbench_defects.registry import Registry
from matbench_defects.spec.document import validate
from matbench_defects.spec.fields import Model
from matbench_defects.spec.models import LabelSpec, Relaxation, Spec


class EngineSettings(Model):
    """Settings of an engine; each engine adds its own fields. Unknown ones are refused."""


@dataclass(frozen=True)
class Outcome:
    """What an engine found for one crystal.

    Parameters
    ----------
    energy : float
        Total energy, eV per cell.
    crystal : Crystal
        The structure that the energy belongs to: the given one, or the relaxed one.
    max_force : float
        Largest force on an atom, eV/Å.
    max_stress : float or None
        Largest component of the stress by absolute value, eV/Å³; None where the engine gives no stress.
    magnetic_moments : ndarray of float, shape (n,), or None
        Magnetic moments, Bohr magnetons, where the engine gives them.
    converged : bool
        Whether the relaxation reached its threshold; True for a static energy.
    steps : int
        Steps of the relaxation.
    """

    energy: float
    crystal: Crystal
    max_force: float
    max_stress: float | None
    magnetic_moments: NDArray[np.float64] | None
    converged: bool
    steps: int


class Engine(Protocol):
    """Turns crystals into energies. One instance serves one process and many crystals."""

    Settings: ClassVar[type[EngineSettings]]
    level_of_theory: ClassVar[str]
    """What the energies approximate, and by which means; a machine-learned potential says so."""

    def __init__(self, settings: Any) -> None: ...

    @property
    def version(self) -> str:
        """The package and its version."""
        ...

    def compute(self, crystal: Crystal, relax: Relaxation | None) -> Outcome:
        """Return the energy of a crystal, relaxed first if asked."""
        ...


engines: Registry[type[Engine]] = Registry("engine", "matbench_defects.labels")
"""Every registered engine, by name."""


@dataclass(frozen=True)
class Method:
    """An engine with its settings: everything that decides an energy besides the structure.

    Parameters
    ----------
    name : str
        What the label's columns begin with.
    engine : str
        Name of a registered engine.
    settings : EngineSettings
        The engine's settings.
    relax : Relaxation or None
        How to relax.
    """

    name: str
    engine: str
    settings: EngineSettings
    relax: Relaxation | None

    def description(self) -> dict[str, Any]:
        """Return engine, settings and relaxation as plain data."""
        return {
            "engine": self.engine,
            "settings": self.settings.model_dump(mode="json"),
            "relax": self.relax.model_dump(mode="json") if self.relax else None,
        }

    def digest(self) -> str:
        """Return a digest of the description: labels with the same digest are interchangeable."""
        return digest(self.description())

    def load(self) -> Engine:
        """Return an engine ready to compute."""
        return engines.get(self.engine)(self.settings)


def methods_of(spec: Spec) -> list[Method]:
    """Return the methods that a spec's labels ask for.

    Raises
    ------
    InputError
        Naming file and line, if an engine or one of its settings is not known.
    """
    return [method_of(spec, position) for position in range(len(spec.labels))]


def method_of(spec: Spec, position: int) -> Method:
    """Return the method of the label at one position of a spec."""
    label: LabelSpec = spec.labels[position]
    route = ("labels", position)
    if label.engine not in engines:
        raise spec.error(
            (*route, "engine"), f"no engine is called '{label.engine}'; {nearest(label.engine, engines.names())}"
        )
    settings = validate(engines.get(label.engine).Settings, label.options, spec.document, route)
    return Method(label.label_name, label.engine, settings, label.relax)
