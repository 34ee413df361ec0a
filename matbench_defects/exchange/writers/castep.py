"""Cells of CASTEP, every atom listed."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from matbench_defects.exchange.writers.writer import Exported, Writer, rows_of, writers


@writers.register("castep")
class CastepWriter(Writer):
    """The .cell file of CASTEP; what is calculated stands in a .param of a template."""

    title: ClassVar[str] = "CASTEP, a .cell file"

    def files(self, one: Exported) -> dict[str, str]:
        """Return the one file. ASE's writer asks for an installed CASTEP."""
        crystal = one.crystal
        fractional = np.round(crystal.positions @ np.linalg.inv(crystal.lattice), 12) + 0.0
        rows: list[tuple[str, ...]] = list(zip(crystal.species, rows_of(fractional), strict=True))
        if crystal.starting_moments is not None:
            moments = crystal.starting_moments.tolist()
            rows = [(*row, f"SPIN={moment:g}") for row, moment in zip(rows, moments, strict=True)]
        lines = [f"! {one.id}", "%BLOCK LATTICE_CART", "ang", *rows_of(crystal.lattice)]
        lines += ["%ENDBLOCK LATTICE_CART", "", "%BLOCK POSITIONS_FRAC", *map(" ".join, rows)]
        lines += ["%ENDBLOCK POSITIONS_FRAC", ""]
        if crystal.fixed is not None and crystal.fixed.any():
            lines += self._constraints(crystal.species, crystal.fixed.tolist())
        return {"structure.cell": "\n".join(lines)}

    @staticmethod
    def _constraints(species: tuple[str, ...], fixed: list[bool]) -> list[str]:
        """Return the block that keeps atoms where they are: three rows an atom, one a direction."""
        lines, number = ["%BLOCK IONIC_CONSTRAINTS"], 0
        met: dict[str, int] = {}
        for element, stays in zip(species, fixed, strict=True):
            met[element] = met.get(element, 0) + 1
            for direction in ("1 0 0", "0 1 0", "0 0 1") if stays else ():
                number += 1
                lines.append(f"{number} {element} {met[element]} {direction}")
        return [*lines, "%ENDBLOCK IONIC_CONSTRAINTS", ""]
