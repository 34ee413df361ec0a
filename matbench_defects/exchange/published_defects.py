"""What the 2DMD set says of its defects: lists of them, and the numbers that formation energies refer to."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matbench_defects.dataset.targets.defect_formation_energy import defect_formation_energy
from matbench_defects.errors import InputError

CHEMICAL_POTENTIALS = {
    **{"Mo": -10.9332, "S": -4.127, "W": -13.0106, "Se": -3.489, "B": -6.704, "N": -8.324},
    **{"Ga": -3.03, "In": -2.715, "P": -5.362, "C": -9.226},
}
"""eV per atom, as in the authors' repository (``elements.csv``, HSE-LAMBDA/ai4material_design)."""
PRISTINE_ENERGIES = {
    ("MoS2", "8,8,1"): -1398.1131,
    ("WSe2", "8,8,1"): -1384.9085,
    ("BN", "8,8,1"): -1124.4346,
    ("GaSe", "6,6,1"): -554.0446,
    ("InSe", "6,6,1"): -522.7948,
    ("P", "6,6,1"): -772.1556,
}
"""Total energies of ideal supercells, eV, as there (``initial_structures.csv``)."""
LONGEST = 10_000
"""Characters that the description of one type's defects may have."""


@dataclass(frozen=True)
class Defect:
    """One defective site.

    Parameters
    ----------
    removed : str
        The element that left.
    added : str or None
        The element that took its place; None for a vacancy.
    """

    removed: str
    added: str | None

    @property
    def elements(self) -> set[str]:
        """The elements exchanged with the reservoir."""
        return {self.removed} | ({self.added} if self.added else set())


def energy_of_listed(
    energy: float, pristine: float, defects: Sequence[Defect], potentials: Mapping[str, float]
) -> float:
    """Return the formation energy of the defects that a set lists for a cell, all together, eV.

    Parameters
    ----------
    energy, pristine : float
        Total energies of the cell with defects and of the ideal one, eV.
    defects : sequence of Defect
        The defects of the cell.
    potentials : mapping of str to float
        Chemical potentials, eV per atom.
    """
    removed = Counter(defect.removed for defect in defects)
    added = Counter(defect.added for defect in defects if defect.added)
    return defect_formation_energy(energy, pristine, added, removed, potentials)


def parse_defects(text: str, file: str, line: int) -> tuple[Defect, ...]:
    """Return the defects that a cell of ``descriptors.csv`` lists.

    Parameters
    ----------
    text : str
        Such as ``[{'type': 'vacancy', 'element': 'S'}, {'type': 'substitution', 'from': 'S', 'to': 'Se'}]``; read as
        a literal, never evaluated.
    file : str
        The file, for messages.
    line : int
        The line.

    Raises
    ------
    InputError
        If it is anything else.
    """
    try:
        if len(text) > LONGEST:
            raise ValueError
        return tuple(_defect(entry) for entry in ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        shown = text if len(text) < 60 else text[:57] + "..."
        raise InputError(
            f"a list such as [{{'type': 'vacancy', 'element': 'S'}}] was expected, not {shown}",
            file=file,
            line=line,
            field="defects",
        ) from None


def _defect(entry: dict[str, str]) -> Defect:
    if entry["type"] == "vacancy":
        return Defect(str(entry["element"]), None)
    if entry["type"] == "substitution":
        return Defect(str(entry["from"]), str(entry["to"]))
    raise ValueError(entry["type"])
