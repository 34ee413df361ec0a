"""Any ASE calculator that the user has put on a list of their own; a spec only names an entry of it."""

from __future__ import annotations

import importlib
import inspect
import subprocess
from collections.abc import Mapping
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, ClassVar

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import digest
from matbench_defects.labels.engine import EngineSettings, Outcome, Sees, engines
from matbench_defects.labels.kept_files import FileKeepingEngine
from matbench_defects.labels.program_guard import guarded
from matbench_defects.labels.user_list import CalculatorEntry, user_list
from matbench_defects.spec.models import Relaxation


class AseSettings(EngineSettings):
    """Settings of a calculator from the user's list."""

    calculator: str
    """Name of an entry on the user's own list; nothing is imported because a spec says so."""


@engines.register("ase")
class AseEntry(FileKeepingEngine):
    """A calculator from the user's own list. Its name in the spec is all that two labels share to be the same.

    Inputs and outputs of a program (an entry with a `command`) are kept beside the labels; of a relaxation, those of
    its last step. A density that the calculator says has not converged is the label's problem.
    """

    Settings: ClassVar[type[EngineSettings]] = AseSettings
    level_of_theory: str = "as the user's own list of calculators states it"

    @staticmethod
    def sees(settings: AseSettings) -> Sees:
        """Return that it takes moments, as ASE's calculators of programs do, unless it is machine-learned."""
        entry = user_list()[1].ase.get(settings.calculator)  # one that is not there is refused when it is to compute
        return "elements" if entry is not None and entry.machine_learned else "moments"

    def __init__(self, settings: AseSettings) -> None:
        super().__init__(settings)
        path, listed = user_list()
        if settings.calculator not in listed.ase:
            raise InputError(
                f"no calculator is called '{settings.calculator}' on your list; "
                f"{nearest(settings.calculator, listed.ase)}",
                file=str(path),
            )
        self._entry = listed.ase[settings.calculator]
        self.keeps_files = bool(self._entry.command)
        self._working_in: Path | None = None
        ending = "; machine-learned, not DFT" if self._entry.machine_learned else ""
        self.level_of_theory = self._entry.level_of_theory + ending
        try:
            self._kind = class_of(self._entry)
        except InputError as error:
            raise InputError(error.message, file=str(path), field=f"ase.{settings.calculator}") from None

    def start_from(self, moments: Mapping[str, float]) -> None:
        """Say from which moments calculations start; crystals carry them."""
        shown = ", ".join(f"{species} {moment:g}" for species, moment in sorted(moments.items()))
        self.level_of_theory += f"; started from magnetic moments {shown} μB"

    @property
    def version(self) -> str:
        """Package or program with its version, class, and a digest of the settings on the list."""
        entry = self._entry
        what = entry.version or f"{entry.package} {package_version(entry.package)}"
        return f"{what} ({entry.calculator}, settings {digest(entry.settings)})"

    def compute(self, crystal: Crystal, relax: Relaxation | None) -> Outcome:
        """Return the energy of a crystal, relaxed first if asked.

        Raises
        ------
        SCFError
            If a program has stopped because its density did not converge.
        CalculationFailed
            If it has failed otherwise.
        """
        from ase.calculators.calculator import CalculationFailed, SCFError

        try:
            return super().compute(crystal, relax)
        except Exception as error:
            if self.keeps_files and _gave_up(self._working_in):
                raise SCFError("the density did not converge") from error
            if isinstance(error, subprocess.CalledProcessError):
                raise CalculationFailed(f"{self._entry.command} ended with exit code {error.returncode}") from error
            raise

    def calculator(self) -> Any:
        """Return a new calculator of the listed class; only that of a program needs a folder."""
        return super().calculator() if self.keeps_files else self._kind(**self._entry.settings)

    def calculator_in(self, folder: Path) -> Any:
        """Return a new calculator of a program that works in this folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._working_in = folder
        return self._kind(**self._entry.settings, directory=str(folder))


def class_of(entry: CalculatorEntry) -> Any:
    """Return what makes the calculator of an entry; that of a program knows its command.

    Raises
    ------
    InputError
        If there is no such class, or it runs no program.
    """
    module, _, name = entry.calculator.rpartition(":")
    try:
        kind = getattr(importlib.import_module(module), name) if module else _known_to_ase(name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"the calculator {entry.calculator} cannot be imported: {error}") from None
    return _with_command(kind, entry) if entry.command else kind


def _known_to_ase(name: str) -> Any:
    from ase.calculators.calculator import get_calculator_class
    from ase.calculators.names import names

    if name not in names:
        raise InputError(f"ASE has no calculator '{name}'; {nearest(name, names)}")
    return get_calculator_class(name)


def _gave_up(folder: Path | None) -> bool:
    """Return whether Quantum ESPRESSO says that it gave up; ASE then only says that there is no energy."""
    outputs = [] if folder is None else folder.glob("*.pwo")
    return any("convergence NOT achieved" in path.read_text(encoding="utf-8", errors="replace") for path in outputs)


def _with_command(kind: Any, entry: CalculatorEntry) -> Any:
    """Return what makes a calculator that runs the entry's command.

    ASE's calculators of programs take it in one of two ways: from a section of ASE's configuration, which is made here
    from the entry alone, or as an argument. With the first it starts the program itself, else through a shell.
    """
    import configparser
    import functools

    from ase.calculators.calculator import FileIOCalculator
    from ase.calculators.genericfileio import GenericFileIOCalculator
    from ase.config import Config

    is_class = inspect.isclass(kind)
    file_io = is_class and issubclass(kind, FileIOCalculator)
    if (is_class and issubclass(kind, GenericFileIOCalculator)) or (file_io and kind.fileio_rules is not None):
        configuration = Config()
        configuration.parser = configparser.ConfigParser(interpolation=None)  # a $ in a command is the shell's
        name = entry.calculator.rpartition(":")[2].lower()
        for section in {name, kind.__name__.lower()}:
            configuration.parser[section] = {"command": guarded(entry.command, shell=False), **entry.configuration}
        return type(kind.__name__, (kind,), {"cfg": configuration})
    if entry.configuration:
        raise InputError(f"{entry.calculator} takes no `configuration`; give all in `settings`")
    if file_io or "command" in inspect.signature(kind).parameters:
        return functools.partial(kind, command=guarded(entry.command, shell=True))
    raise InputError(f"{entry.calculator} runs no program, so it takes no `command`")
