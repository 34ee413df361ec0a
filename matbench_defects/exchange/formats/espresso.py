"""Finished runs of Quantum ESPRESSO's pw.x: the structure that each ended in, and its energy at zero smearing."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import ClassVar

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.exchange.finished_runs import FinishedRuns, Run, Theory, beginning_of, output_of, unfinished
from matbench_defects.exchange.source import formats
from matbench_defects.exchange.structure_text import check_crystal

OUTPUT = re.compile(r".+\.(out|pwo)(\.gz|\.bz2|\.xz)?")
"""How pw.x's output is called; which of them is one is seen by its first lines."""
SYMMETRIC = ("fermi-dirac", "gaussian")
"""Smearings of which the mean of energy and free energy is the energy at zero smearing, to second order; of those by
Methfessel and Paxton or Marzari and Vanderbilt the free energy is."""
NUMBER = r"(-?\d+\.\d+)"


@formats.register("espresso")
class EspressoRuns(FinishedRuns):
    """Runs of pw.x, each with its output, ``.out`` or ``.pwo``; see `FinishedRuns`.

    The mesh of k-points is not compared: the output tells only how many points were left by symmetry.
    """

    title: ClassVar[str] = "folder of finished runs of Quantum ESPRESSO's pw.x"
    outputs: ClassVar[tuple[re.Pattern[str], ...]] = (OUTPUT,)
    expected: ClassVar[str] = "output of pw.x: no file that ends in .out or .pwo says 'Program PWSCF'"

    def holds_run(self, file: Path) -> bool:
        """Return whether a file is an output of pw.x."""
        try:
            return b"Program PWSCF" in beginning_of(file)
        except InputError:
            return False

    def run(self, file: Path) -> Run:
        """Return what a run came to, read from its output."""
        from ase.io import read
        from ase.units import Ry

        text = output_of(file).decode("utf-8", errors="replace")
        if "JOB DONE" not in text:
            return unfinished(file)
        energies = re.findall(rf"^!\s+total energy\s*=\s*{NUMBER}\s*Ry", text, re.MULTILINE)
        if not energies:
            return Run(None, None, None, "it holds no total energy of electrons that converged")
        entropies = re.findall(rf"^\s*smearing contrib\. \(-TS\)\s*=\s*{NUMBER}\s*Ry", text, re.MULTILINE)
        energy = float(energies[-1])
        if entropies and any(name in text.lower() for name in (f"{one} smearing" for one in SYMMETRIC)):
            energy -= 0.5 * float(entropies[-1])
        problem = ""
        if re.search(r"convergence NOT achieved", text):
            problem = "the electrons did not converge in every step"
        elif "The maximum number of steps has been reached" in text:
            problem = "the relaxation did not converge in the steps that it was given"
        atoms = read(io.StringIO(text), format="espresso-out", index=-1)
        crystal = Crystal.from_ase(atoms)
        check_crystal(crystal)
        return Run(crystal, energy * Ry, _theory(text), problem)


def _theory(text: str) -> Theory:
    from ase.units import Ry

    version = re.search(r"Program PWSCF v\.\s*(\S+)", text)
    functional = re.search(r"Exchange-correlation\s*=\s*(.+?)\s*(?:\(|$)", text, re.MULTILINE)
    cutoff = re.search(rf"kinetic-energy cutoff\s*=\s*{NUMBER}\s*Ry", text)
    potentials = {
        element: Path(file).name
        for element, file in re.findall(r"PseudoPot\. #\s*\d+ for\s+([A-Z][a-z]?)\S*\s+read from file:\s*(\S+)", text)
    }
    # As printed until version 7.0 (a table of species, l, U), and since (the manifold in the name).
    old = re.findall(rf"^\s*([A-Z][a-z]?)\S*\s+[0-3]\s+{NUMBER}\s+-?\d+\.\d+\s+-?\d+\.\d+", text, re.MULTILINE)
    new = re.findall(rf"U\(([A-Z][a-z]?)\S*-\d[spdf]\)\s*=\s*{NUMBER}", text)
    return Theory(
        f"Quantum ESPRESSO {version[1] if version else 'of unknown version'}",
        functional[1] if functional else "unknown functional",
        float(cutoff[1]) * Ry if cutoff else 0.0,
        2 if "Starting magnetic structure" in text else 1,
        {element: float(u) for element, u in (new or old) if float(u)},
        potentials,
        None,
    )
