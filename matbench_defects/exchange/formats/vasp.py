"""Finished runs of VASP: the structure that each ended in, and its energy extrapolated to zero smearing."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple, cast

from matbench_defects.bounded import LARGEST_FILE, open_plain, read_text, readable, unpacked
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.exchange.source import TOTAL_ENERGY, Published, PublishedStructure, SourceSettings, formats
from matbench_defects.exchange.structure_text import crystal_of_structure

OUTPUT = re.compile(r"vasprun\.xml(\.gz|\.bz2|\.xz)?")
"""The file that says what a run was and came to."""
TEXT_OUTPUT = re.compile(r"OUTCAR(\.gz|\.bz2|\.xz)?")
"""What stands in its place where that was not kept."""
MOST_RUNS = 1_000_000
"""So many folders are looked through."""
SPACING = 1.5
"""Meshes of k-points whose spacing differs by more than this factor are different settings."""
TABLE = "ids.csv"
"""What `export` writes beside the folders: which configuration each is."""


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
    """TITEL of the POTCAR by element."""
    spacing: float
    """Largest spacing of the k-points, 1/Å, 2π included."""

    def text(self) -> str:
        """Return it in words."""
        parts = [self.functional, f"PAW ({', '.join(self.potentials.values())})", f"{self.cutoff:g} eV"]
        parts.append("spin-polarised" if self.spins == 2 else "no spin")
        if self.hubbard:
            parts.append("U - J " + ", ".join(f"{element} {u:g} eV" for element, u in self.hubbard.items()))
        return f"{', '.join(parts)}, k-points at most {self.spacing:.2f} per Å apart; {self.program}"

    def differs(self, other: Theory) -> str:
        """Return in what another run was made otherwise; empty where it was made alike."""
        for name, one, two in (
            ("functional", self.functional, other.functional),
            ("cutoff (ENCUT)", f"{self.cutoff:g} eV", f"{other.cutoff:g} eV"),
            ("spin polarisation (ISPIN)", self.spins, other.spins),
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
        if max(self.spacing, other.spacing) > SPACING * min(self.spacing, other.spacing):
            return f"the spacing of k-points: {self.spacing:.2f} and {other.spacing:.2f} per Å"
        return ""

    def joined(self, other: Theory) -> Theory:
        """Return what two runs that were made alike have in common."""
        return self._replace(
            hubbard={**self.hubbard, **other.hubbard},
            potentials={**self.potentials, **other.potentials},
            spacing=max(self.spacing, other.spacing),
        )


class Run(NamedTuple):
    """What a run came to."""

    crystal: Crystal | None
    energy: float | None
    """eV per cell."""
    theory: Theory | None
    problem: str = ""


@formats.register("vasp")
class VaspRuns:
    """A folder with one folder a run, at any depth: ``vasprun.xml``, or ``OUTCAR`` with ``CONTCAR``.

    The energy is that extrapolated to zero smearing. What was not finished or did not converge is no label, with the
    reason. Runs of different settings are refused, both named. Where ``export`` wrote the folder, its table says which
    configuration each run is to be, and one that has become another is told.
    """

    Settings: ClassVar[type[SourceSettings]] = SourceSettings
    title: ClassVar[str] = "folder of finished VASP runs"
    spec: ClassVar[str | None] = None

    def __init__(self, settings: Any) -> None:
        self.settings: SourceSettings = settings

    def read(self, path: Path) -> Published:
        """Return the runs of a folder."""
        files = dict(_outputs(path))
        if not files:
            raise InputError("holds no run of VASP: no vasprun.xml and no OUTCAR", file=str(path))
        ids = _ids(path)
        runs: list[tuple[str, Run]] = []
        theory, first = None, ""
        for name, file in files.items():
            run = _read(file)
            if run.theory is not None and not run.problem:
                if theory is not None and (what := theory.differs(run.theory)):
                    raise InputError(
                        f"the runs {first} and {name} differ in {what}; import those of one setting at a time",
                        file=str(path),
                    )
                theory, first = (run.theory, name) if theory is None else (theory.joined(run.theory), first)
            runs.append((name, run))
        note = "its energy is that extrapolated to zero smearing"
        structures = (
            PublishedStructure(
                name, run.crystal, {"energy": run.energy}, problem=run.problem, note=note, id=ids.get(name, "")
            )
            for name, run in runs
        )
        return Published(
            {"energy": TOTAL_ENERGY}, len(runs), structures, level_of_theory="" if theory is None else theory.text()
        )


def _outputs(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield each folder that holds a run, by its path below the given one, and the file that says what it came to."""
    if not path.is_dir():
        raise InputError("is no folder; one with a folder for each run was expected", file=str(path))
    for looked, (folder, folders, names) in enumerate(os.walk(path)):
        folders.sort()
        if looked > MOST_RUNS:
            raise InputError(f"holds more than {MOST_RUNS:,} folders", file=str(path))
        for kind in (OUTPUT, TEXT_OUTPUT):
            if found := sorted(name for name in names if kind.fullmatch(name)):
                yield Path(folder).relative_to(path).as_posix(), Path(folder) / found[0]
                break


def _ids(path: Path) -> dict[str, str]:
    """Return which configuration each folder is to be, where `export` wrote them."""
    if not (path / TABLE).is_file():
        return {}
    rows = csv.DictReader(read_text(path / TABLE, LARGEST_FILE).splitlines())
    return {str(row.get("path")): str(row["id"]) for row in rows if row.get("id")}


def _read(file: Path) -> Run:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _of_xml(file) if OUTPUT.fullmatch(file.name) else _of_text(file)
    except InputError as error:
        return Run(None, None, None, error.message)
    except Exception as error:  # whatever half a file leads to
        return Run(None, None, None, f"{file.name} cannot be read: {type(error).__name__} {error!s:.100}")


def _content(file: Path) -> bytes:
    """Return an output, decompressed, no more than `LARGEST_FILE` bytes of it."""
    opened = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(file.suffix)
    with open_plain(file, LARGEST_FILE) as stream:
        if opened is None:
            return stream.read()
        with readable(str(file)), opened(stream) as plain:
            return unpacked(cast(IO[bytes], plain), "", str(file), LARGEST_FILE)


def _of_xml(file: Path) -> Run:
    from pymatgen.io.vasp.outputs import Vasprun

    content = _content(file)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError("vasprun.xml declares entities, which VASP never does")
    if b"</modeling>" not in content[-4096:]:
        return Run(None, None, None, "the run has not finished: its vasprun.xml ends in the middle")
    with tempfile.NamedTemporaryFile(suffix=".xml") as plain:
        plain.write(content)
        plain.flush()
        found = Vasprun(plain.name, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    if not found.ionic_steps:
        return Run(None, None, None, "it holds no calculation")
    problem = ""
    if not found.converged_electronic:
        problem = f"the electrons did not converge in {found.parameters.get('NELM', '?')} steps"
    elif not found.converged_ionic:
        problem = f"the relaxation did not converge in {found.parameters.get('NSW', '?')} steps"
    structure = found.final_structure
    energy = float(found.ionic_steps[-1]["e_0_energy"])
    symbols = list(dict.fromkeys(found.atomic_symbols))
    titles = dict(zip(symbols, found.potcar_symbols, strict=True))
    u, j = (found.parameters.get(name) or [0.0] * len(symbols) for name in ("LDAUU", "LDAUJ"))
    hubbard = {}
    if found.parameters.get("LDAU"):
        hubbard = {s: a - b for s, a, b in zip(symbols, _each(u), _each(j), strict=True) if abs(a - b) > 1e-9}
    theory = Theory(
        f"VASP {found.vasp_version}",
        _functional(found.run_type.replace("+U", ""), list(titles.values())),
        float(found.parameters["ENMAX"]),
        int(found.parameters.get("ISPIN", 1)),
        hubbard,
        titles,
        _spacing(structure, found.kpoints.kpts[0] if len(found.kpoints.kpts) == 1 else (1, 1, 1)),
    )
    return Run(crystal_of_structure(structure), energy, theory, problem)


def _functional(said: str, titles: list[str]) -> str:
    """Return the functional; where none was set, VASP takes that of the potentials."""
    if said.partition("+")[0] != "GGA" or not titles:
        return said
    return said.replace("GGA", "PBE" if "PBE" in titles[0] else "PW91" if "GGA" in titles[0] else "LDA", 1)


def _each(value: Any) -> list[float]:
    return [float(v) for v in (value if isinstance(value, list | tuple) else [value])]


def _spacing(structure: Any, divisions: Any) -> float:
    """Return the largest spacing of a mesh of k-points, 1/Å, 2π included."""
    lengths = structure.lattice.reciprocal_lattice.abc
    return max(length / max(int(number), 1) for length, number in zip(lengths, divisions, strict=True))


def _of_text(file: Path) -> Run:
    from pymatgen.io.vasp import Poscar

    text = _content(file).decode("utf-8", errors="replace")
    if "General timing and accounting informations" not in text:
        return Run(None, None, None, "the run has not finished: its OUTCAR ends in the middle")
    energies = re.findall(r"energy\(sigma->0\) =\s*(-?\d+\.\d+)", text)
    steps, most = (int(_value(text, name, "0")) for name in ("NSW", "NELM"))
    # Where nothing moved, the run ended where it began.
    places = ("CONTCAR",) if steps > 1 else ("CONTCAR", "POSCAR")
    ended = next((file.with_name(n) for n in places if file.with_name(n).is_file()), None)
    if not energies or ended is None:
        return Run(None, None, None, "beside the OUTCAR is no CONTCAR, or it holds no energy")
    structure = Poscar.from_str(read_text(ended)).structure
    problem = ""
    last = re.findall(r"Iteration\s+\d+\(\s*(\d+)\)", text)
    if last and most and int(last[-1]) >= most:
        problem = f"the electrons did not converge in {most} steps"
    elif steps > 1 and "reached required accuracy - stopping structural" not in text:
        problem = f"the relaxation did not converge in {steps} steps"
    titles = list(dict.fromkeys(re.findall(r"TITEL\s*=\s*(.+?)\s*$", text, re.MULTILINE)))
    symbols = [re.split(r"[_ ]", title.split()[1])[0] for title in titles]
    u, j = ([float(v) for v in re.findall(r"-?[\d.]+", _line(text, f"LDAU{letter}"))] for letter in "UJ")
    hubbard = {s: a - b for s, a, b in zip(symbols, u, j, strict=False) if abs(a - b) > 1e-9}
    version = re.search(r"vasp\.(\d+\.\d+\.\d+)", text)
    mesh = re.search(r"generate k-points for:\s*(\d+)\s+(\d+)\s+(\d+)", text)
    theory = Theory(
        f"VASP {version[1] if version else 'of unknown version'}",
        _functional_of_text(text, titles),
        float(_value(text, "ENCUT", "0")),
        int(_value(text, "ISPIN", "1")),
        hubbard,
        dict(zip(symbols, titles, strict=True)),
        _spacing(structure, mesh.groups() if mesh else (1, 1, 1)),
    )
    return Run(crystal_of_structure(structure), float(energies[-1]), theory, problem)


def _functional_of_text(text: str, titles: list[str]) -> str:
    if _value(text, "LHFCALC", "F") == "T":
        return f"hybrid (AEXX {_value(text, 'AEXX', '?')}, HFSCREEN {_value(text, 'HFSCREEN', '?')})"
    meta = _value(text, "METAGGA", "--")
    if meta not in ("--", "F", "T", "None", "NONE"):
        return meta.upper()
    return _functional({"PE": "PBE", "PS": "PBEsol", "91": "PW91"}.get(_value(text, "GGA", "--"), "GGA"), titles)


def _line(text: str, name: str) -> str:
    """Return what an OUTCAR gives after a tag, to the end of the line."""
    found = re.search(rf"\b{name}\s*=(.*)$", text, re.MULTILINE)
    return "" if found is None else found[1]


def _value(text: str, name: str, default: str) -> str:
    """Return what an OUTCAR gives as the value of a tag."""
    words = _line(text, name).split()
    return words[0].rstrip(";") if words else default
