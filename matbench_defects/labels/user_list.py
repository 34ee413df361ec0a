"""The user's own list: calculators that a spec may name, and how GPAW is started. Nothing in a spec can add to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from matbench_defects.spec.document import read_document, validate
from matbench_defects.spec.fields import StrictModel


class CalculatorEntry(StrictModel):
    """One calculator on the user's list: a Python class of an installed package, or a program that ASE runs."""

    calculator: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$|^[a-z]\w*$")]
    """Module and class, or a function that makes one, such as ``ase.calculators.emt:EMT``; or what ASE calls it, such
    as ``vasp`` or ``espresso``."""
    level_of_theory: str
    """What the energies approximate, and by which means: functional, code, cutoff, k-points."""
    machine_learned: bool
    """Whether the calculator is a machine-learned potential; its labels then say that they are not DFT."""
    package: str = ""
    """The installed package whose version stands in the label, such as ``ase``."""
    version: Annotated[str, Field(pattern=r"^(\S+ \S.*)?$")] = ""
    """Of a program, in place of `package`: its name and version as the label states them, such as ``VASP 6.4.2``."""
    command: str = ""
    """Of a program: how it is started, such as ``mpirun -n 16 vasp_std``."""
    configuration: dict[str, str] = {}
    """Of a program: what ASE's own configuration asks for besides the command, such as ``pseudo_dir`` for Quantum
    ESPRESSO."""
    settings: dict[str, Any] = {}
    """Keyword arguments of the class. They come from this list alone: some calculators run commands they are given."""

    @model_validator(mode="after")
    def _versioned(self) -> Self:
        if bool(self.package) == bool(self.version):
            raise ValueError("give either `package` or `version`: what computed a label stands in it with its version")
        if self.configuration and not self.command:
            raise ValueError("`configuration` is of a program; give its `command` too")
        return self


class GpawStart(StrictModel):
    """How GPAW is started."""

    command: str = ""
    """What stands before Python, such as ``mpiexec -n 8``; left out, GPAW runs on one core."""


class UserList(StrictModel):
    """What a user has on this machine: calculators of their own, and how GPAW is started."""

    ase: dict[str, CalculatorEntry] = {}
    """Calculators by the name that specs give."""
    gpaw: GpawStart = GpawStart()
    """How GPAW is started."""


def user_list() -> tuple[Path, UserList]:
    """Return the user's list: ``$MATBENCH_DEFECTS_CONFIG``, or ``engines.yaml`` in the user's configuration folder.

    It is YAML::

        ase:
          my-emt:
            calculator: ase.calculators.emt:EMT
            package: ase
            level_of_theory: effective medium theory
            machine_learned: false
          my-pw:
            calculator: espresso
            version: PWSCF 7.3
            command: mpirun -n 16 pw.x
            configuration: {pseudo_dir: FOLDER}
            level_of_theory: PBE, SSSP 1.3 efficiency, 60/480 Ry, k-point spacing 0.04 per Å
            machine_learned: false
            settings:
              kspacing: 0.04
              pseudopotentials: {Si: Si.upf}
              input_data: {ecutwfc: 60, ecutrho: 480, tprnfor: true, tstress: true}
        gpaw: {command: mpiexec -n 8}

    Returns
    -------
    tuple of Path and UserList
        The file, and what it says; an empty list where it does not exist.

    Raises
    ------
    InputError
        If the file is not of this form, with the line.
    """
    given = os.environ.get("MATBENCH_DEFECTS_CONFIG")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = Path(given) if given else home / "matbench-defects" / "engines.yaml"
    if not path.exists():
        return path, UserList()
    document = read_document(path)
    return path, validate(UserList, document.data, document)
