"""Tables of doped CsPbI3: phase, dopant, structure and energy in columns.

The authors give pandas tables as pickles, which run code when they are opened; they are never opened here. What their
columns are called is not known to the maintainers. Convert them once, in an environment of your own that holds nothing
of value, and rename columns to those below; there each structure is a pymatgen ``Structure`` or ASE ``Atoms``::

    import pandas as pd
    table = pd.read_pickle("theirs.pkl")  # runs what the file says
    table["structure"] = [s.to(fmt="cif", symprec=None) for s in table["structure"]]
    table[["phase", "dopant", "structure", "energy"]].to_parquet("cspbi3.parquet")

Columns: ``phase`` (gamma, delta), ``dopant`` (Cd, Zn), ``structure`` (CIF text) and ``energy`` (total energy, eV per
cell); ``name`` where structures have one. Blank energies are those of structures that were only enumerated.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from matbench_defects.bounded import LARGEST_FILE, open_parquet
from matbench_defects.crystal.structure_files import crystal_of_text
from matbench_defects.errors import InputError
from matbench_defects.exchange.archives import read_file
from matbench_defects.exchange.source import (
    TOTAL_ENERGY,
    Published,
    PublishedStructure,
    SourceSettings,
    formats,
)
from matbench_defects.exchange.tables import TableRow, check_column, number, read_rows

COLUMNS = ("phase", "dopant", "structure", "energy")
PICKLES = (".pkl", ".pickle", ".pkl.gz", ".pickle.gz")


@formats.register("cspbi3")
class Perovskites:
    """A CSV (also .csv.gz) or Parquet table with the columns phase, dopant, structure and energy."""

    Settings: ClassVar[type[SourceSettings]] = SourceSettings
    title: ClassVar[str] = "CSV or Parquet table with phase, dopant, CIF text and energy"
    spec: ClassVar[str | None] = "cspbi3"

    def __init__(self, settings: Any) -> None:
        self.settings: SourceSettings = settings

    def read(self, path: Path) -> Published:
        """Return the rows of a table; the space of each is its phase and dopant."""
        if path.name.lower().endswith(PICKLES):
            raise InputError(
                "a pickle runs code when it is opened, so it is not; convert it outside to Parquet with the columns "
                f"{', '.join(COLUMNS)} (specs/README.md says how)",
                file=str(path),
            )
        rows = _parquet(path) if path.suffix == ".parquet" else read_rows(read_file(path), str(path), COLUMNS)
        if not rows:
            raise InputError("holds no row", file=str(path))
        return Published({"energy": TOTAL_ENERGY}, len(rows), _structures(rows, str(path)))


def _parquet(path: Path) -> list[TableRow]:
    with open_parquet(path, LARGEST_FILE) as file:
        known = file.schema_arrow.names
        for name in COLUMNS:
            check_column(name, known, str(path))
        table = file.read([*COLUMNS, *(n for n in ("name",) if n in known)])
    return [
        TableRow(i + 1, {k: "" if v is None else str(v) for k, v in row.items()})
        for i, row in enumerate(table.to_pylist())
    ]


def _structures(rows: list[TableRow], file: str) -> Iterator[PublishedStructure]:
    for position, row in enumerate(rows):
        cells = row.cells
        values = {"energy": number(cells["energy"], "energy", file, row.line)}
        space = f"{cells['phase'].strip()}-{cells['dopant'].strip()}"
        name = cells.get("name") or str(position)
        try:
            crystal = crystal_of_text(cells["structure"])
        except InputError as error:
            yield PublishedStructure(name, None, values, space, problem=error.message)
            continue
        yield PublishedStructure(name, crystal, values, space)
