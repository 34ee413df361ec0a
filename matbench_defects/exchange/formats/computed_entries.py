"""Computed entries of pymatgen: JSON with structures and total energies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from matbench_defects.columns import Quantity
from matbench_defects.errors import InputError
from matbench_defects.exchange.archives import LARGEST_FILE
from matbench_defects.exchange.source import (
    TOTAL_ENERGY,
    Published,
    PublishedStructure,
    SourceSettings,
    formats,
)
from matbench_defects.exchange.structure_text import crystal_of_structure
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
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"holds more than {LARGEST_FILE:,} bytes", file=str(path))
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=str(path)) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON: {error}", file=str(path)) from None
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
            crystal = crystal_of_structure(_structure(entry.get("structure")))
        except InputError as error:
            yield PublishedStructure(name, None, values, problem=error.message)
            continue
        note = "" if values["energy"] is not None else "no total energy"
        yield PublishedStructure(name, crystal, values, note=note)


def _structure(data: Any) -> Any:
    """Return the pymatgen structure of plain data, properties of sites left out: they could name any class."""
    from pymatgen.core import Structure

    try:
        sites = [{"species": s["species"], "abc": s["abc"]} for s in data["sites"]]
        return Structure.from_dict({"lattice": {"matrix": data["lattice"]["matrix"]}, "sites": sites})
    except Exception as error:  # whatever the fault of the data leads to
        raise InputError(f"its structure cannot be read: {type(error).__name__} {str(error)[:60]}") from None
