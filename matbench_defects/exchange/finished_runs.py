"""Folders of finished calculations: what each came to, how it was made, and that all were made alike."""

from __future__ import annotations

import bz2
import contextlib
import csv
import dataclasses
import gzip
import lzma
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple

from matbench_defects.bounded import LARGEST_FILE, open_plain, read_text, readable, unpacked
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.exchange.source import TOTAL_ENERGY, Published, PublishedStructure, SourceSettings
from matbench_defects.spec.fields import LARGEST_SUPERCELL
from matbench_defects.spec.species import element_of, oxidation_state

MOST_FOLDERS = 1_000_000
"""So many folders are looked through."""
SPACING = 1.5
"""Meshes of k-points whose spacing differs by more than this factor are different settings."""
TABLE = "ids.csv"
"""What `export` writes beside the folders: which configuration each is."""
EXTRAPOLATED = "its energy is that extrapolated to zero smearing"
"""What is said of every run of a program whose output gives that."""
PACKED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""What opens a compressed file, by the ending of its name."""


class Theory(NamedTuple):
    """What decides the energies of a run."""

    program: str
    functional: str
    cutoff: float
    """Of the plane waves, eV."""
    spins: int
    hubbard: dict[str, float]
    """U - J by element, eV; only those that are not zero."""
    potentials: dict[str, str]
    """What the program calls the pseudopotential, by element."""
    spacing: float | None
    """Largest spacing of the k-points, 1/Å, 2π included; None where the output does not say."""

    def text(self) -> str:
        """Return it in words."""
        parts = [self.functional, f"potentials {', '.join(self.potentials.values())}", f"{self.cutoff:.4g} eV"]
        parts.append("spin-polarised" if self.spins == 2 else "no spin")
        if self.hubbard:
            parts.append("U - J " + ", ".join(f"{element} {u:g} eV" for element, u in self.hubbard.items()))
        if self.spacing is not None:
            parts.append(f"k-points at most {self.spacing:.2f} per Å apart")
        return f"{', '.join(parts)}; {self.program}"

    def differs(self, other: Theory) -> str:
        """Return in what another run was made otherwise; empty where it was made alike."""
        for name, one, two in (
            ("functional", self.functional, other.functional),
            ("cutoff", f"{self.cutoff:.4g} eV", f"{other.cutoff:.4g} eV"),
            ("spin polarisation", self.spins, other.spins),
        ):
            if one != two:
                return f"the {name}: {one} and {two}"
        for element in self.potentials.keys() & other.potentials.keys():
            one, two = self.potentials[element], other.potentials[element]
            if one != two:
                return f"the potential of {element}: {one} and {two}"
            u, v = self.hubbard.get(element, 0.0), other.hubbard.get(element, 0.0)
            if abs(u - v) > 1e-6:
                return f"the U of {element}: {u:g} and {v:g} eV"
        spacings = [s for s in (self.spacing, other.spacing) if s is not None]
        if len(spacings) == 2 and max(spacings) > SPACING * min(spacings):
            return f"the spacing of k-points: {self.spacing:.2f} and {other.spacing:.2f} per Å"
        return ""

    def joined(self, other: Theory) -> Theory:
        """Return what two runs that were made alike have in common."""
        spacings = [s for s in (self.spacing, other.spacing) if s is not None]
        return self._replace(
            hubbard={**self.hubbard, **other.hubbard},
            potentials={**self.potentials, **other.potentials},
            spacing=max(spacings, default=None),
        )


class Run(NamedTuple):
    """What a run came to."""

    crystal: Crystal | None
    energy: float | None
    """eV per cell, extrapolated to zero smearing."""
    theory: Theory | None
    problem: str = ""
    """Why it is no label; empty where it is one."""


class FinishedRuns:
    """A folder with one folder a run, at any depth.

    The energy is that extrapolated to zero smearing. What was not finished or did not converge is no label, with the
    reason. Runs of different settings are refused, both named. Where ``export`` wrote the folder, its table says which
    configuration each run is to be, and one that has become another is told.

    A program is a class with `outputs`, `expected`, `title` and `run`.
    """

    Settings: ClassVar[type[SourceSettings]] = SourceSettings
    title: ClassVar[str]
    spec: ClassVar[str | None] = None
    outputs: ClassVar[tuple[re.Pattern[str], ...]]
    """Names of the files that say what a run came to; of one folder the first that is there."""
    expected: ClassVar[str]
    """These names for people, after "holds no"."""

    def __init__(self, settings: Any) -> None:
        self.settings: SourceSettings = settings

    def holds_run(self, file: Path) -> bool:
        """Return whether a file of such a name is an output of the program."""
        return True

    def run(self, file: Path) -> Run:
        """Return what a run came to, read from its output."""
        raise NotImplementedError

    def read(self, path: Path) -> Published:
        """Return the runs of a folder."""
        files = dict(self._files(path))
        if not files:
            raise InputError(f"holds no {self.expected}", file=str(path))
        return published_runs(((name, self._read(file)) for name, file in files.items()), str(path), meant_beside(path))

    def _files(self, path: Path) -> Iterator[tuple[str, Path]]:
        """Yield each folder that holds a run, by its path below the given one, and the output of the run."""
        if not path.is_dir():
            raise InputError("is no folder; one with a folder for each run was expected", file=str(path))
        for looked, (folder, folders, names) in enumerate(os.walk(path)):
            folders.sort()
            if looked > MOST_FOLDERS:
                raise InputError(f"holds more than {MOST_FOLDERS:,} folders", file=str(path))
            for kind in self.outputs:
                files = (Path(folder) / name for name in sorted(names) if kind.fullmatch(name))
                if (found := next(filter(self.holds_run, files), None)) is not None:
                    yield Path(folder).relative_to(path).as_posix(), found
                    break

    def _read(self, file: Path) -> Run:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self.run(file)
        except InputError as error:
            return Run(None, None, None, error.message)
        except Exception as error:  # whatever half a file leads to
            return Run(None, None, None, f"{file.name} cannot be read: {type(error).__name__} {error!s:.100}")


class Meant(NamedTuple):
    """What `export` says of a folder that it wrote."""

    id: str
    """The configuration."""
    species: tuple[str, ...]
    """Of a spec with oxidation states, the species of each atom; else nothing."""


def published_runs(runs: Iterable[tuple[str, Run]], file: str, meant: Mapping[str, Meant] | None = None) -> Published:
    """Return runs, by their names, as a published set whose level of theory is what they have in common.

    Raises
    ------
    InputError
        If two of them were made differently.
    """
    theory, first = None, ""
    read: list[tuple[str, Run]] = []
    for name, run in runs:
        if run.theory is not None and not run.problem:
            if theory is not None and (what := theory.differs(run.theory)):
                raise InputError(
                    f"the runs {first} and {name} differ in {what}; import those of one setting at a time", file=file
                )
            theory, first = (run.theory, name) if theory is None else (theory.joined(run.theory), first)
        read.append((name, run))
    structures = (published(name, run, (meant or {}).get(name, Meant("", ())), EXTRAPOLATED) for name, run in read)
    return Published(
        {"energy": TOTAL_ENERGY}, len(read), structures, level_of_theory="" if theory is None else theory.text()
    )


def published(name: str, run: Run, meant: Meant, note: str) -> PublishedStructure:
    """Return a run as a published structure; its atoms have the oxidation states with which they were exported."""
    crystal, problem = run.crystal, run.problem
    if meant.species and crystal is not None:
        note += "; oxidation states are those that it was exported with"
        if tuple(map(element_of, meant.species)) == crystal.species:
            states = tuple(map(oxidation_state, meant.species))
            crystal = dataclasses.replace(crystal, oxidation_states=states)
        else:
            problem = problem or "its atoms are not those that were exported, or in another order"
    return PublishedStructure(name, crystal, {"energy": run.energy}, problem=problem, note=note, id=meant.id)


def meant_beside(path: Path) -> dict[str, Meant]:
    """Return which configuration each folder is to be, where `export` wrote them."""
    if not (path / TABLE).is_file():
        return {}
    rows = csv.DictReader(read_text(path / TABLE, LARGEST_FILE).splitlines())
    return {
        str(row.get("path")): Meant(str(row["id"]), _listed(row.get("oxidation_states") or ""))
        for row in rows
        if row.get("id")
    }


def _listed(runs: str) -> tuple[str, ...]:
    """Return the species of each atom, written as ``4*Li+ 2*Ni3+``."""
    found = re.findall(r"(\d{1,6})\*(\S+)", runs)
    if sum(int(number) for number, _ in found) > LARGEST_SUPERCELL:
        raise InputError(f"lists more than {LARGEST_SUPERCELL} atoms", file=TABLE)
    return tuple(species for number, species in found for _ in range(int(number)))


@contextlib.contextmanager
def _plain(file: Path) -> Iterator[IO[bytes]]:
    opened = PACKED.get(file.suffix)
    with open_plain(file, LARGEST_FILE) as stream, readable(str(file)):
        if opened is None:
            yield stream
        else:
            with opened(stream) as plain:
                yield plain


def output_of(file: Path) -> bytes:
    """Return an output, decompressed, no more than `LARGEST_FILE` bytes of it."""
    with _plain(file) as plain:
        return unpacked(plain, "", str(file), LARGEST_FILE)


def beginning_of(file: Path, size: int = 10_000) -> bytes:
    """Return the first bytes of an output, decompressed."""
    with _plain(file) as plain:
        return plain.read(size)


def unfinished(file: Path) -> Run:
    """Return a run whose output stops before its end."""
    return Run(None, None, None, f"the run has not finished: its {file.name} ends in the middle")
