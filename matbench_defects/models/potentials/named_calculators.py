"""Any ASE calculator as a model that is not fitted: ``ase:module.Class``, or ``ase:NAME`` from the user's list.

Trust: a class is imported only because the user typed its name, on the command line or as the argument of
`allow_calculator`. A spec, task, dataset, result or submission that names one gets the answer that no such model is
known. Arguments of a class come from the user's own list (labels/ase_entry.py) alone; a class named directly is made
without any.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from importlib.metadata import version as package_version
from typing import Any, ClassVar

from matbench_defects.dependencies import depends_on
from matbench_defects.errors import InputError
from matbench_defects.labels.ase_engine import AseEngine, one_thread
from matbench_defects.labels.engine import Engine, EngineSettings, Method
from matbench_defects.labels.engines.ase import AseSettings
from matbench_defects.labels.user_list import user_list
from matbench_defects.models.model import CALCULATOR, models
from matbench_defects.models.potentials.zero_shot import ZeroShot


class NamedSettings(EngineSettings):
    """What decides the energies of a calculator that is named directly."""

    calculator: str
    """Module and class, such as ``ase.calculators.emt.EMT``."""
    version: str
    """Package and version, or a digest of the file: another one's energies are not taken for these."""


class NamedEngine(AseEngine):
    """A calculator class that the user named. It is in no registry, so nothing but that name leads to it."""

    Settings: ClassVar[type[EngineSettings]] = NamedSettings
    level_of_theory: str = "whatever the named calculator computes; not known to be DFT"
    settings: NamedSettings

    @property
    def version(self) -> str:
        """Package and version."""
        return self.settings.version

    def calculator(self) -> Any:
        """Return a new calculator, made without arguments."""
        one_thread()
        return _class_of(self.settings.calculator)()


@dataclass(frozen=True)
class NamedMethod(Method):
    """A method whose engine is a `NamedEngine`; it takes the user's word along into other processes."""

    def load(self) -> Engine:
        """Return the engine."""
        return NamedEngine(self.settings)


def allow_calculator(name: str) -> None:
    """Let the ASE calculator that a user names be a model of this process; other names are left alone.

    Parameters
    ----------
    name : str
        ``ase:module.Class``, which is imported, or ``ase:NAME`` of an entry on the user's own list. Pass on what the
        user typed, never what a file says.

    Raises
    ------
    InputError
        If there is no such class or entry.
    """
    if not name.startswith(CALCULATOR) or name in models:
        return
    wanted = name.removeprefix(CALCULATOR)
    path, listed = user_list()
    if wanted in listed.ase:
        allowed[wanted] = Method("ase_static", "ase", AseSettings(calculator=wanted), None)
        return
    if "." not in wanted:
        raise InputError(
            f"no calculator is called '{wanted}' on your list, and it is no ase:module.Class", file=str(path)
        )
    settings = NamedSettings(calculator=wanted, version=_version(_class_of(wanted)))
    allowed[wanted] = NamedMethod("named_static", name, settings, None)


allowed: dict[str, Method] = {}
"""The calculators that the user named so far, with how they compute energies."""


@models.family(CALCULATOR, members=lambda: allowed)
def zero_shot_of(calculator: str) -> type[ZeroShot] | None:
    """Return the model that takes the energies of a calculator, if the user named it."""
    if calculator not in allowed:
        return None
    method = allowed[calculator]

    def make_method(model: ZeroShot) -> Method:
        return dataclasses.replace(method, relax=model.settings.relax)

    members = {
        "engine": f"{CALCULATOR}{calculator}",
        "title": f"{calculator}, zero-shot",
        "description": f"Energies of ideal structures by the ASE calculator {calculator}, reference states by the "
        "same.",
        "references": (),
        "trained_on": f"whatever the calculator {calculator} was made from",
        "make_method": make_method,
    }
    return type("AseZeroShot", (ZeroShot,), members)


def _class_of(name: str) -> Any:
    module, _, last = name.replace(":", ".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module), last)
    except (ImportError, AttributeError) as error:
        raise InputError(f"the calculator {name} cannot be imported: {error}") from None
    if not inspect.isclass(found) or not hasattr(found, "get_potential_energy"):
        raise InputError(f"{name} is no ASE calculator class")
    return found


def _version(kind: Any) -> str:
    package = kind.__module__.partition(".")[0]
    for distribution in packages_distributions().get(package, []):
        return f"{distribution} {package_version(distribution)}"
    return f"{package} {depends_on(kind)['code']}"
