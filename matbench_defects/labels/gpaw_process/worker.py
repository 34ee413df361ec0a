"""GPAW behind a pipe: a program that reads requests as lines of JSON and answers each with one.

It is run by its path and imports nothing of this package. A request holds ``symbols``, ``cell``, ``positions``,
``moments`` (or null), ``properties`` and, the first one, ``parameters`` of GPAW and the path of its ``log``. An answer
holds the properties by name, or ``failure`` with ``unconverged``. All requests are of one and the same atoms, moved.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any

END = ""
"""In the place of a request: there are no more. GPAW broadcasts no None."""


def main() -> None:
    """Answer requests until the pipe ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    from gpaw.mpi import broadcast, world

    requests: queue.Queue[str] = queue.Queue()
    asked = threading.Event()
    if world.rank == 0:
        threading.Thread(target=_listen, args=(requests, asked), daemon=True).start()
    calculation = _Calculation()
    while True:
        line = requests.get() if world.rank == 0 else None
        line = broadcast(line)
        if line == END:
            return
        answer = calculation.answer(json.loads(line))
        if world.rank == 0:
            asked.clear()  # before the answer, upon which the next request may come at once
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _listen(requests: queue.Queue[str], asked: threading.Event) -> None:
    for line in sys.stdin:
        asked.set()
        requests.put(line)
    if asked.is_set():
        os._exit(1)  # whoever asked is gone: a calculation of hours must not go on for nobody
    requests.put(END)


class _Calculation:
    """One set of atoms and its GPAW calculator, which begins each step with the density of the one before."""

    def __init__(self) -> None:
        self._atoms: Any = None
        self._parameters: dict[str, Any] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the properties that a request asks for."""
        from ase import Atoms

        try:
            if self._atoms is None:
                self._parameters = {**request["parameters"], "txt": request["log"]}
                self._atoms = Atoms(request["symbols"], pbc=True)
                if request["moments"] is not None:
                    self._atoms.set_initial_magnetic_moments(request["moments"])
                return self._computed(request, anew=True)
            try:
                return self._computed(request, anew=False)
            except Exception:  # such as atoms that moved out of the symmetry they had
                return self._computed(request, anew=True)
        except Exception as error:
            kinds = {kind.__name__ for kind in type(error).__mro__}
            said = str(error).strip().partition("\n")[0]
            return {"failure": f"{type(error).__name__}: {said}", "unconverged": "ConvergenceError" in kinds}

    def _computed(self, request: dict[str, Any], anew: bool) -> dict[str, Any]:
        from gpaw import GPAW

        atoms = self._atoms
        atoms.set_cell(request["cell"])
        atoms.set_positions(request["positions"])
        if anew:
            atoms.calc = GPAW(**self._parameters)
        found: dict[str, Any] = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces().tolist()}
        found["free_energy"] = atoms.get_potential_energy(force_consistent=True)
        if request["moments"] is not None:
            found["magmoms"] = atoms.get_magnetic_moments().tolist()
        if "stress" in request["properties"]:
            found["stress"] = (atoms.get_stress() + self._pulay_stress()).tolist()
        return found

    def _pulay_stress(self) -> Any:
        """Return what a strain takes from the stress at a fixed number of plane waves, by GPAW's estimate from atoms.

        GPAW has it in its older plane-wave mode (``dedecut="estimate"``); the present one does not add it yet.
        """
        import numpy as np
        from ase.units import Ha

        cutoff = self._parameters["mode"]["ecut"]
        slope = self._atoms.calc.dft.setups.estimate_dedecut(cutoff / Ha)
        return np.array([1, 1, 1, 0, 0, 0]) * (2 / 3 * cutoff * slope / self._atoms.get_volume())


if __name__ == "__main__":
    main()
