"""Engines whose calculators write files: inputs, outputs, logs. They are kept in a folder for each label."""

from __future__ import annotations

import re
import shutil
import tempfile
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matbench_defects.crystal.structure import Crystal
from matbench_defects.files import digest
from matbench_defects.labels.ase_engine import AseEngine
from matbench_defects.labels.engine import Outcome
from matbench_defects.spec.models import Relaxation

if TYPE_CHECKING:
    from matbench_defects.labels.label import Key  # it needs pyarrow, which `check` does without

CALCULATIONS = "calculations"
"""Name of the folder beside the labels."""
LONGEST_NAME = 120


def folder_of(key: Key, labels: Path) -> Path:
    """Return the folder for the files of one label.

    Parameters
    ----------
    key : Key
        What the label is looked up by.
    labels : path
        The file of labels.

    Returns
    -------
    Path
        ``calculations/<method>/<id>`` beside the labels, the method being the digest that stands in the label. What a
        file's name cannot hold of an id becomes an underscore.
    """
    name = re.sub(r"[^\w.+=-]", "_", key.id)
    if len(name) > LONGEST_NAME or not name.strip("."):
        name = digest(key.id)
    if key.attempt:
        name += f".{key.attempt}"
    return labels.absolute().parent / CALCULATIONS / key.method / name


class FileKeepingEngine(AseEngine):
    """An engine whose calculators each work in a folder of their own.

    Every structure has a new calculator, so that no label depends on what was computed before it; one that has `close`
    is closed after it. Without a folder for the label, files go to a temporary one, which ends with the engine.
    """

    keeps_files: bool = True
    """Whether all this holds; where a calculator writes nothing, one serves for many structures."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._folder: Path | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._made: list[Any] = []

    def begin(self, folder: Path | None) -> None:
        """Put the files of what is computed next in this folder: the first calculator's there, others' below it."""
        if not self.keeps_files:
            return
        for calculator in self._made:
            _close(calculator)
        if folder is not None and folder.exists():
            shutil.rmtree(folder)  # of a run that was killed or failed: programs begin with what they find
        self._folder = folder
        self._made = []
        self._calculator = None

    def check_start(self) -> None:
        """See that what computes can be started at all; here nothing is known of it."""

    def make_ready(self) -> None:
        """Make the calculator, so that what is wrong with it is not taken for a fault of a structure."""
        self.check_start()
        super().make_ready()

    def compute(self, crystal: Crystal, relax: Relaxation | None) -> Outcome:
        """Return the energy of a crystal, relaxed first if asked."""
        if not self.keeps_files:
            return super().compute(crystal, relax)
        self._calculator = None
        try:
            return super().compute(crystal, relax)
        finally:
            _close(self._calculator)
            self._calculator = None

    def calculator(self) -> Any:
        """Return a new ASE calculator, which works in a folder of its own."""
        folder = self._folder
        if folder is None:
            self._temporary = self._temporary or tempfile.TemporaryDirectory(prefix="matbench-defects-")
            folder = Path(self._temporary.name)
        if self._made:
            folder = folder / str(len(self._made) + 1)
        self._made.append(self.calculator_in(folder))
        return self._made[-1]

    @abstractmethod
    def calculator_in(self, folder: Path) -> Any:
        """Return a new ASE calculator that works in this folder, which need not exist."""


def _close(calculator: Any) -> None:
    """End what a calculator runs, such as a process."""
    if hasattr(calculator, "close"):
        calculator.close()
