"""Outputs of other programs that ASE reads, each with the structure and energy that a run ended in."""

from __future__ import annotations

import fnmatch
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import field_validator

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError, nearest
from matbench_defects.exchange.finished_runs import Meant, Run, meant_beside, output_of, published
from matbench_defects.exchange.source import TOTAL_ENERGY, Published, PublishedStructure, SourceSettings, formats
from matbench_defects.exchange.structure_text import check_crystal

TEXTS = {
    "abinit-out": "*.abo",
    "aims-output": "aims.out",
    "castep-castep": "*.castep",
    "gpaw-out": "*.txt",
    "onetep-out": "*.out",
    "qbox": "*.out",
}
"""Formats of ASE that are read, and how their files are called: text alone. What unpickles, runs code or opens further
files is not among them."""


class AseSettings(SourceSettings):
    """Settings of the outputs that ASE reads."""

    output: str
    """What ASE calls the format: ``aims-output``."""
    files: str | None = None
    """Names of the outputs in the folder, such as ``run*.out``; each format has its own if left out."""

    @field_validator("output")
    @classmethod
    def _known(cls, value: str) -> str:
        known = readable_formats()
        if value not in known:
            raise ValueError(f"'{value}' is no output that is read; {nearest(value, known)}")
        return value


def readable_formats() -> list[str]:
    """Return what ASE calls the formats that are read, of those that this version of it knows."""
    from ase.io.formats import ioformats

    return sorted(name for name in TEXTS if name in ioformats and ioformats[name].can_read)


@formats.register("ase")
class AseOutputs:
    """A file, or a folder with a file for each run at any depth: of each the last structure, with its energy.

    ASE gives the energy extrapolated to zero smearing where the program prints it. Whether a relaxation converged is
    not known from these files, and the level of theory is not either: give it with ``--set level_of_theory=...``.
    """

    Settings: ClassVar[type[SourceSettings]] = AseSettings
    title: ClassVar[str] = "outputs of a program that ASE reads: FHI-aims, ABINIT, CASTEP, GPAW, ..."
    spec: ClassVar[str | None] = None

    def __init__(self, settings: Any) -> None:
        self.settings: AseSettings = settings

    def read(self, path: Path) -> Published:
        """Return the outputs of a folder."""
        pattern = self.settings.files or TEXTS[self.settings.output]
        files = dict(_files(path, pattern))
        if not files:
            raise InputError(f"holds no file called {pattern}; --set files=... names them otherwise", file=str(path))
        return Published({"energy": TOTAL_ENERGY}, len(files), self._structures(files, meant_beside(path)))

    def _structures(self, files: dict[str, Path], meant: dict[str, Meant]) -> Iterator[PublishedStructure]:
        for name, file in files.items():
            try:
                crystal, energy = self._last(file)
            except InputError as error:
                yield PublishedStructure(name, None, {"energy": None}, problem=error.message)
                continue
            note = "whether it converged is not known" if energy is not None else "no total energy"
            of_folder = meant.get(name) or meant.get(Path(name).parent.as_posix(), Meant("", ()))
            yield published(name, Run(crystal, energy, None), of_folder, note)

    def _last(self, file: Path) -> tuple[Crystal, float | None]:
        import ase.io

        text = output_of(file).decode("utf-8", errors="replace")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                atoms: Any = ase.io.read(io.StringIO(text), index=-1, format=self.settings.output)
        except Exception as error:  # ASE raises whatever the file's fault led to
            message = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise InputError(f"cannot be read as {self.settings.output}: {message:.200}") from None
        crystal = Crystal.from_ase(atoms)
        check_crystal(crystal)
        try:
            return crystal, float(atoms.get_potential_energy())
        except Exception:  # such as a run that printed none
            return crystal, None


def _files(path: Path, pattern: str) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield path.name, path
        return
    if not path.is_dir():
        raise InputError("there is no such file or folder", file=str(path))
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in fnmatch.filter(sorted(names), pattern):
            yield (Path(folder) / name).relative_to(path).as_posix(), Path(folder) / name
