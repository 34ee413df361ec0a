"""CIF, every atom listed in P1: what the symmetry of a configuration is, is for other programs to find."""

from __future__ import annotations

import io
from typing import ClassVar

from matbench_defects.exchange.writers.writer import Exported, Writer, writers


@writers.register("cif")
class CifWriter(Writer):
    """CIF, every atom listed in P1."""

    title: ClassVar[str] = "CIF, every atom listed (P1)"
    ending: ClassVar[str] = ".cif"

    def files(self, one: Exported) -> dict[str, str]:
        """Return the one file."""
        from ase.io import write

        stream = io.BytesIO()
        write(stream, one.crystal.to_ase(), format="cif")
        text = stream.getvalue().decode("ascii")
        return {"structure.cif": text.replace("data_image0", f"data_{one.id.replace(':', '_')}", 1)}
