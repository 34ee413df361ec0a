"""The ASE calculator on this side of the pipe."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from ase.calculators.calculator import CalculationFailed, Calculator, SCFError, all_changes

from matbench_defects.files import write_json

WORKER = Path(__file__).with_name("worker.py")


class GpawProcess(Calculator):  # type: ignore[misc]
    """GPAW in a process that starts with the first energy and ends with `close`, or with this object.

    ASE has such a calculator (``ase.calculators.subprocesscalculator``); it exchanges pickles, and an error of GPAW
    read from one would import GPAW here.

    Parameters
    ----------
    parameters : dict
        Keyword arguments of ``gpaw.GPAW``, plain data.
    moments : dict of str to float, or None
        Initial magnetic moments by element, Bohr magnetons, for atoms that carry none of their own; None without spin.
    folder : path
        Where ``input.json`` and GPAW's log ``gpaw.txt`` are written; made if need be.
    command : str
        What stands before Python, such as ``mpiexec -n 8``.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress", "magmoms"]

    def __init__(
        self, parameters: dict[str, Any], moments: dict[str, float] | None, folder: Path, command: str = ""
    ) -> None:
        super().__init__()
        self._given = parameters
        self._moments = moments
        self._folder = folder
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None
        self._finalizer: weakref.finalize[..., GpawProcess] | None = None

    def calculate(
        self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = tuple(all_changes)
    ) -> None:
        """Ask GPAW for energy, forces and moments, and the stress if it is wanted.

        Raises
        ------
        SCFError
            If the density does not converge.
        CalculationFailed
            If GPAW fails otherwise, or its process ends.
        """
        super().calculate(atoms, properties, system_changes)
        symbols = self.atoms.get_chemical_symbols()
        moments = None if self._moments is None else [self._moments.get(symbol, 0.0) for symbol in symbols]
        if moments is not None and self.atoms.has("initial_magmoms"):
            moments = self.atoms.get_initial_magnetic_moments().tolist()
        request = {
            "symbols": symbols,
            "cell": self.atoms.cell.tolist(),
            "positions": self.atoms.positions.tolist(),
            "moments": moments,
            "properties": list(properties),
        }
        if self._process is None:
            request |= {"parameters": self._given, "log": str((self._folder / "gpaw.txt").absolute())}
            write_json(self._folder / "input.json", {key: request[key] for key in request if key != "log"})
            self._start()
        answer = self._ask(json.dumps(request))
        if answer.get("unconverged"):
            raise SCFError(f"the density did not converge within {self._given['maxiter']} iterations")
        if "failure" in answer:
            raise CalculationFailed(f"GPAW: {answer['failure']}")
        self.results.update({name: np.array(v) if isinstance(v, list) else v for name, v in answer.items()})

    def close(self) -> None:
        """End the process."""
        if self._finalizer is not None:
            self._finalizer()
        self._process = self._finalizer = None

    def _start(self) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            _words(self._command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(self._command),
            text=True,
            encoding="utf-8",
        )
        self._finalizer = weakref.finalize(self, _end, self._process)

    def _ask(self, request: str) -> dict[str, Any]:
        process, errors = self._process, self._errors
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        assert errors is not None
        line = ""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(request + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        if line.endswith("\n"):
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process = None  # the next request starts another
        code = process.wait()
        errors.seek(0)
        raise CalculationFailed(_ended(code, errors.read()))


def check_start(command: str = "") -> None:
    """Start GPAW with nothing to do, to see that it and its libraries can be loaded.

    Parameters
    ----------
    command : str
        What stands before Python.

    Raises
    ------
    CalculationFailed
        If that fails, with the last line of what was said.
    OSError
        If there is no such command.
    """
    found = subprocess.run(
        _words(command),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=_environment(command),
        encoding="utf-8",
        errors="replace",
    )
    if found.returncode != 0:
        raise CalculationFailed(_ended(found.returncode, found.stderr))


def _words(command: str) -> list[str]:
    # -P: the folder of the worker is no place to import from.
    return [*shlex.split(command), sys.executable, "-P", str(WORKER)]


def _environment(command: str) -> dict[str, str]:
    return {**os.environ, "GPAW_MPI_BACKEND": "cgpaw"} if command else dict(os.environ)


def _ended(code: int, errors: str) -> str:
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    return f"the process of GPAW ended with exit code {code}" + (f": {said[-1][:200]}" if said else "")


def _end(process: subprocess.Popen[str]) -> None:
    """Close the pipe, upon which the process ends by itself."""
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.terminate()  # mpiexec ends what it has started
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
