"""Any ASE calculator that the user has put on a list of their own; a spec only names an entry of it."""

from __future__ import annotations

import importlib
import os
import tomllib
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError

from matbench_defects.errors import InputError, nearest
from matbench_defects.files import digest
from matbench_defects.labels.ase_engine import AseEngine
from matbench_defects.labels.engine import EngineSettings, engines
from matbench_defects.spec.fields import Model


class Entry(Model):
    """One calculator on the user's list."""

    calculator: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """Module and class, or a function that makes one, such as ``ase.calculators.emt:EMT``."""
    package: str
    """The installed package whose version stands in the label, such as ``ase``."""
    level_of_theory: str
    """What the energies approximate, and by which means."""
    machine_learned: bool
    """Whether the calculator is a machine-learned potential; its labels then say that they are not DFT."""
    settings: dict[str, Any] = {}
    """Keyword arguments of the class. They come from this list alone: some calculators run commands they are given."""


def allowed_calculators() -> tuple[Path, dict[str, Entry]]:
    """Return the user's list: ``$MATBENCH_DEFECTS_CONFIG``, or ``engines.toml`` in the user's configuration folder.

    It is TOML, one table a calculator under ``ase``::

        [ase.my-emt]
        calculator = "ase.calculators.emt:EMT"
        package = "ase"
        level_of_theory = "effective medium theory"
        machine_learned = false

    Returns
    -------
    tuple of Path and dict of str to Entry
        The file, and what it allows; nothing where it does not exist.

    Raises
    ------
    InputError
        If the file is not of this form.
    """
    given = os.environ.get("MATBENCH_DEFECTS_CONFIG")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = Path(given) if given else home / "matbench-defects" / "engines.toml"
    if not path.exists():
        return path, {}
    try:
        listed = tomllib.loads(path.read_text(encoding="utf-8")).get("ase", {})
        return path, {name: _entry(path, name, entry) for name, entry in listed.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"is no list of calculators: {error}", file=str(path)) from None


def _entry(path: Path, name: str, entry: Any) -> Entry:
    try:
        return Entry.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in ("ase", name, *first["loc"]))
        raise InputError(first["msg"].lower(), file=str(path), field=field) from None


class AseSettings(EngineSettings):
    """Settings of a calculator from the user's list."""

    calculator: str
    """Name of an entry on the user's own list; nothing is imported because a spec says so."""


@engines.register("ase")
class AseEntry(AseEngine):
    """A calculator from the user's own list. Its name in the spec is all that two labels share to be the same."""

    Settings: ClassVar[type[EngineSettings]] = AseSettings
    level_of_theory: str = "as the user's own list of calculators states it"

    def __init__(self, settings: AseSettings) -> None:
        super().__init__(settings)
        path, known = allowed_calculators()
        if settings.calculator not in known:
            raise InputError(
                f"no calculator is called '{settings.calculator}' on your list; {nearest(settings.calculator, known)}",
                file=str(path),
            )
        self._entry = known[settings.calculator]
        ending = "; machine-learned, not DFT" if self._entry.machine_learned else ""
        self.level_of_theory = self._entry.level_of_theory + ending

    @property
    def version(self) -> str:
        """Package and version, class, and a digest of the settings on the list."""
        entry = self._entry
        return (
            f"{entry.package} {package_version(entry.package)} ({entry.calculator}, settings {digest(entry.settings)})"
        )

    def calculator(self) -> Any:
        """Return a new calculator of the listed class."""
        module, _, name = self._entry.calculator.partition(":")
        return getattr(importlib.import_module(module), name)(**self._entry.settings)
