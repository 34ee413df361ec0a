"""Computed entries of pymatgen: JSON with structures and total energies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from matbench_defects.bounded import read_json
from matbench_defects.columns import Quantity
from matbench_defects.errors import InputError
from matbench_defects.exchange.source import (
    TOTAL_ENERGY,
    Published,
    PublishedStructure,
    SourceSettings,
    formats,
)
from matbench_defects.exchange.structure_text import crystal_of_structure, plain_structure
from matbench_defects.exchange.tables import finite_number

MODULES = ("pymatgen.entries.computed_entries", "pymatgen.core.entries")
"""Where pymatgen keeps, or kept, the class of entries."""
CLASS = "ComputedStructureEntry"
"""The only class that is read."""
QUANTITIES = {
    "energy": TOTAL_ENERGY,
    "correction": Quantity(
        "eV", "cell", description="what the publisher adds to the total energy to compare compounds"
    ),
}


@formats.register("computed-entries")
class ComputedEntries:
    """A list of ``ComputedStructureEntry``.

    The file is plain data here: of each entry the energies, the lattice, and species and coordinates of the sites are
    taken. pymatgen's own decoder is not used, because it imports whatever class a file names.
    """

    Settings: ClassVar[type[SourceSettings]] = SourceSettings
    title: ClassVar[str] = "JSON list of pymatgen's ComputedStructureEntry"
    spec: ClassVar[str | None] = None

    def __init__(self, settings: Any) -> None:
        self.settings: SourceSettings = settings

    def read(self, path: Path) -> Published:
        """Return the entries of a file."""
        entries = _entries(path)
        return Published(QUANTITIES, len(entries), _structures(entries, str(path)))


def _entries(path: Path) -> list[Any]:
    data = read_json(path)
    if isinstance(data, dict):
        data = data.get("entries", [data])
    if not isinstance(data, list) or not data:
        raise InputError("a list of entries was expected", file=str(path))
    return data


def _structures(entries: list[Any], file: str) -> Iterator[PublishedStructure]:
    for position, entry in enumerate(entries):
        where = f"entry {position}"
        named = entry if isinstance(entry, dict) else {}
        if named.get("@module") not in MODULES or named.get("@class") != CLASS:
            found = f"{named.get('@module')}.{named.get('@class')}" if named else type(entry).__name__
            raise InputError(f"{MODULES[0]}.{CLASS} was expected, not {found}", file=file, field=where)
        values = {name: finite_number(entry.get(name), f"{where}.{name}", file) for name in QUANTITIES}
        name = str(entry.get("entry_id") or position)
        try:
            crystal = crystal_of_structure(plain_structure(entry.get("structure")))
        except InputError as error:
            yield PublishedStructure(name, None, values, problem=error.message)
            continue
        note = "" if values["energy"] is not None else "no total energy"
        yield PublishedStructure(name, crystal, values, note=note)
