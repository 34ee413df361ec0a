"""POSCAR, the structure file of VASP, which nearly every program reads."""

from __future__ import annotations

import itertools
from typing import ClassVar

import numpy as np

from matbench_defects.exchange.writers.writer import Exported, Writer, rows_of, writers


@writers.register("poscar")
class PoscarWriter(Writer):
    """POSCAR: direct coordinates, each element once, the id in the first line."""

    title: ClassVar[str] = "POSCAR (.vasp), the id in its first line"
    ending: ClassVar[str] = ".vasp"

    def files(self, one: Exported) -> dict[str, str]:
        """Return the one file."""
        return {"POSCAR": poscar_text(one)}


def poscar_text(one: Exported) -> str:
    """Return a configuration as POSCAR text. Written here: pymatgen takes some ten times as long for each.

    Parameters
    ----------
    one : Exported
        The configuration.
    """
    crystal = one.crystal
    runs = [(element, len(list(some))) for element, some in itertools.groupby(crystal.species)]
    fractional = np.round(crystal.positions @ np.linalg.inv(crystal.lattice), 12) + 0.0  # no minus zero
    lines = [one.id, "1.0", *rows_of(crystal.lattice)]
    lines += [" ".join(element for element, _ in runs), " ".join(str(number) for _, number in runs)]
    rows = rows_of(fractional)
    if crystal.fixed is None:
        lines += ["Direct", *rows]
    else:
        moves = ("F F F" if fixed else "T T T" for fixed in crystal.fixed.tolist())
        lines += ["Selective dynamics", "Direct", *map(" ".join, zip(rows, moves, strict=True))]
    return "\n".join(lines) + "\n"
