"""Finished runs of VASP: the structure that each ended in, and its energy extrapolated to zero smearing."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from matbench_defects.bounded import read_text
from matbench_defects.errors import InputError
from matbench_defects.exchange.finished_runs import FinishedRuns, Run, Theory, output_of, unfinished
from matbench_defects.exchange.source import formats
from matbench_defects.exchange.structure_text import crystal_of_structure

OUTPUT = re.compile(r"vasprun\.xml(\.gz|\.bz2|\.xz)?")
"""The file that says what a run was and came to."""
TEXT_OUTPUT = re.compile(r"OUTCAR(\.gz|\.bz2|\.xz)?")
"""What stands in its place where that was not kept."""


@formats.register("vasp")
class VaspRuns(FinishedRuns):
    """Runs of VASP, each with ``vasprun.xml``, or with ``OUTCAR`` and ``CONTCAR``; see `FinishedRuns`."""

    title: ClassVar[str] = "folder of finished VASP runs"
    outputs: ClassVar[tuple[re.Pattern[str], ...]] = (OUTPUT, TEXT_OUTPUT)
    expected: ClassVar[str] = "run of VASP: no vasprun.xml and no OUTCAR"

    def run(self, file: Path) -> Run:
        """Return what a run came to, read from its output."""
        return _of_xml(file) if OUTPUT.fullmatch(file.name) else _of_text(file)


def _of_xml(file: Path) -> Run:
    from pymatgen.io.vasp.outputs import Vasprun

    content = output_of(file)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError("vasprun.xml declares entities, which VASP never does")
    if b"</modeling>" not in content[-4096:]:
        return unfinished(file)
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
    titles = list(found.potcar_symbols)
    symbols = [element_of_title(title) for title in titles]
    u, j = (_each(found.parameters.get(name) or [0.0] * len(symbols)) for name in ("LDAUU", "LDAUJ"))
    hubbard = _hubbard(symbols, u, j) if found.parameters.get("LDAU") else {}
    theory = Theory(
        f"VASP {found.vasp_version}",
        _functional(found.run_type.replace("+U", ""), titles),
        float(found.parameters["ENMAX"]),
        int(found.parameters.get("ISPIN", 1)),
        hubbard,
        dict(zip(symbols, titles, strict=True)),
        mesh_spacing(structure, _mesh(found.kpoints)),
    )
    return Run(crystal_of_structure(structure), energy, theory, problem)


def _functional(said: str, titles: list[str]) -> str:
    """Return the functional; where none was set, VASP takes that of the potentials."""
    if said.partition("+")[0] != "GGA" or not titles:
        return said
    return said.replace("GGA", "PBE" if "PBE" in titles[0] else "PW91" if "GGA" in titles[0] else "LDA", 1)


def element_of_title(title: str) -> str:
    """Return whose potential a title of POTCAR is of: ``PAW_PBE Li_sv 10Sep2004`` is of Li."""
    return re.split(r"[_ ]", title.split()[1])[0]


def _hubbard(symbols: list[str], u: list[float], j: list[float]) -> dict[str, float]:
    return {s: a - b for s, a, b in zip(symbols, u, j, strict=True) if abs(a - b) > 1e-9}


def _each(value: Any) -> list[float]:
    return [float(v) for v in (value if isinstance(value, list | tuple) else [value])]


def _mesh(kpoints: Any) -> Any:
    """Return the divisions of a mesh of k-points; None of points that are listed."""
    return kpoints.kpts[0] if kpoints.style.name in ("Gamma", "Monkhorst") else None


def mesh_spacing(structure: Any, divisions: Any) -> float | None:
    """Return the largest spacing of a mesh of k-points, 1/Å, 2π included."""
    if divisions is None:
        return None
    lengths = structure.lattice.reciprocal_lattice.abc
    return max(float(length) / max(int(number), 1) for length, number in zip(lengths, divisions, strict=True))


def _of_text(file: Path) -> Run:
    from pymatgen.io.vasp import Poscar

    text = output_of(file).decode("utf-8", errors="replace")
    if "General timing and accounting informations" not in text:
        return unfinished(file)
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
    symbols = [element_of_title(title) for title in titles]
    u, j = ([float(v) for v in re.findall(r"-?[\d.]+", _line(text, f"LDAU{letter}"))] for letter in "UJ")
    version = re.search(r"vasp\.(\d+\.\d+\.\d+)", text)
    mesh = re.search(r"generate k-points for:\s*(\d+)\s+(\d+)\s+(\d+)", text)
    theory = Theory(
        f"VASP {version[1] if version else 'of unknown version'}",
        _functional_of_text(text, titles),
        float(_value(text, "ENCUT", "0")),
        int(_value(text, "ISPIN", "1")),
        _hubbard(symbols, u, j) if u else {},
        dict(zip(symbols, titles, strict=True)),
        mesh_spacing(structure, mesh.groups() if mesh else None),
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
