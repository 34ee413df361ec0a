"""The format of the 2DMD set: defects in two-dimensional crystals (doi:10.1038/s41699-023-00369-1).

A folder or ZIP archive with

- ``descriptors.csv``: ``_id``, ``description`` (the defect type), ``base`` (the host), ``cell``, ``defects``;
- the whole set: ``defects.csv.gz`` with one row a structure, its labels there or in ``targets.csv.gz`` under the same
  ``_id``, the structure in ``initial.tar.gz`` or ``initial/`` as ``_id.cif``; chemical potentials in ``elements.csv``
  and energies of ideal hosts in ``initial_structures.csv``;
- or its pilot: ``data.csv.gz`` with CIF text in the column ``structures`` and ``targets.csv.gz``, row by row alike (the
  first column of one and ``descriptor_id`` of the other agree, but neither is unique).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import Field

from matbench_defects.columns import Quantity
from matbench_defects.crystal.structure_files import crystal_of_text
from matbench_defects.errors import InputError
from matbench_defects.exchange.archives import LARGEST_STRUCTURE, Members, tar_members
from matbench_defects.exchange.published_defects import (
    CHEMICAL_POTENTIALS,
    PRISTINE_ENERGIES,
    Defect,
    energy_of_listed,
    parse_defects,
)
from matbench_defects.exchange.source import (
    TOTAL_ENERGY,
    Published,
    PublishedStructure,
    SourceSettings,
    formats,
)
from matbench_defects.exchange.tables import TableRow, number, read_rows

TOLERANCE = 0.002
"""By how much a formation energy per defect site may differ from the one computed again, eV."""
REFERENCE_STATE = "the ideal host and chemical potentials of the elements, as published"
QUANTITIES = {
    "energy": TOTAL_ENERGY,
    "formation_energy": Quantity("eV", "cell", REFERENCE_STATE, "formation energy of all defects"),
    "formation_energy_per_site": Quantity("eV", "defect site", REFERENCE_STATE, "formation energy"),
    "fermi_level": Quantity("eV", description="Fermi level"),
    "homo_lumo_gap_min": Quantity("eV", description="smaller gap of the two spin channels"),
    "homo_lumo_gap_majority": Quantity("eV", description="gap of the majority spin"),
    "homo_lumo_gap_minority": Quantity("eV", description="gap of the minority spin"),
    "homo_lumo_gap": Quantity("eV", description="gap between highest occupied and lowest empty state of any spin"),
    "homo": Quantity("eV", description="highest occupied state"),
    "lumo": Quantity("eV", description="lowest empty state"),
    "total_mag": Quantity("μB", "cell", description="total magnetic moment"),
}
"""The labels that are taken, where the set has them."""


class TwoDimensionalDefectsSettings(SourceSettings):
    """Settings of the 2DMD format."""

    level_of_theory: str = "DFT, as described in doi:10.1038/s41699-023-00369-1"
    """What computed the labels."""
    source: str = "2DMD, doi:10.1038/s41699-023-00369-1"
    """Who published them."""
    chemical_potentials: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = {}
    """Chemical potentials, eV per atom, where the set has no ``elements.csv`` and other than the authors' are meant."""


@dataclass(frozen=True)
class _Type:
    """One row of ``descriptors.csv``."""

    description: str
    host: str
    cell: str
    defects: tuple[Defect, ...]


@dataclass(frozen=True)
class _References:
    """What formation energies are computed against, eV."""

    potentials: dict[str, float]
    pristine: dict[tuple[str, str], float]


@formats.register("2dmd")
class TwoDimensionalDefects:
    """The 2DMD set or its pilot."""

    Settings: ClassVar[type[SourceSettings]] = TwoDimensionalDefectsSettings
    title: ClassVar[str] = "folder or ZIP archive of the 2DMD set, or of its pilot"
    spec: ClassVar[str | None] = "2dmd-low"

    def __init__(self, settings: Any) -> None:
        self.settings: TwoDimensionalDefectsSettings = settings

    def read(self, path: Path) -> Published:
        """Return what the set holds."""
        members = Members(path)
        types = _types(members)
        references = self._references(members)
        pilot = next((n for n in ("data.csv.gz", "data.csv") if n in members), None)
        rows, file = _pilot_labels(members, pilot) if pilot else _labels(members)
        if not rows:
            raise InputError("holds no structure", file=file)
        quantities = {
            name: q for name, q in QUANTITIES.items() if name in rows[0].cells or name.startswith("formation")
        }
        texts = _pilot_texts(rows) if pilot else _texts(members, [row.cells["_id"] for row in rows])

        def structures() -> Iterator[PublishedStructure]:
            by_name = {row.cells["_id"]: row for row in rows}
            for name, text in texts:
                row = by_name.pop(name, None)
                if row is not None:
                    yield _structure(row, text, types, references, list(quantities), file)
            for row in by_name.values():
                yield PublishedStructure(row.cells["_id"], None, {}, problem="the set has no structure of this name")

        return Published(quantities, len(rows), structures())

    def _references(self, members: Members) -> _References:
        potentials = {**CHEMICAL_POTENTIALS, **self.settings.chemical_potentials}
        pristine = dict(PRISTINE_ENERGIES)
        if "elements.csv" in members:
            file = members.shown("elements.csv")
            for row in read_rows(members.read("elements.csv"), file, ["element", "chemical_potential"]):
                value = number(row.cells["chemical_potential"], "chemical_potential", file, row.line)
                if value is not None:
                    potentials[row.cells["element"].strip()] = value
        if "initial_structures.csv" in members:
            file = members.shown("initial_structures.csv")
            for row in read_rows(members.read("initial_structures.csv"), file, ["base", "energy"]):
                cell = row.cells.get("cell_size") or row.cells.get("cell_length") or ""
                value = number(row.cells["energy"], "energy", file, row.line)
                if value is not None:
                    pristine[row.cells["base"].strip(), _cell(cell)] = value
        return _References(potentials, pristine)


def _types(members: Members) -> dict[str, _Type]:
    file = members.shown("descriptors.csv")
    data = members.read(members.first("descriptors.csv"))
    result = {}
    for row in read_rows(data, file, ["_id", "description", "base", "cell", "defects"]):
        cells = row.cells
        defects = parse_defects(cells["defects"], file, row.line)
        result[cells["_id"]] = _Type(cells["description"].strip(), cells["base"].strip(), _cell(cells["cell"]), defects)
    return result


def _cell(text: str) -> str:
    """Return a supercell such as ``[8, 8, 1]``, ``(8, 8, 1)`` or ``8`` in one spelling."""
    numbers = text.strip().strip("[]()").replace(" ", "").removesuffix(",")
    return f"{numbers},{numbers},1" if numbers.isdigit() else numbers


def _pilot_labels(members: Members, name: str) -> tuple[list[TableRow], str]:
    """Return the labels of the pilot with the structure's text in each row; rows belong together by their order."""
    file = members.shown(name)
    structures = read_rows(members.read(name), file, ["structures"])
    labels_name = members.first("targets.csv.gz", "targets.csv")
    labels_file = members.shown(labels_name)
    labels = read_rows(members.read(labels_name), labels_file, ["_id", "descriptor_id"])
    if len(structures) != len(labels):
        raise InputError(f"has {len(structures)} rows, {labels_file} {len(labels)}; they go row by row", file=file)
    index = next((c for c in ("descriptor_id", "") if structures and c in structures[0].cells), None)
    for here, there in zip(structures, labels, strict=True):
        if index is not None and here.cells[index] != there.cells["descriptor_id"]:
            other = there.cells["descriptor_id"]
            raise InputError(
                f"is of the defect type {here.cells[index]}, but the same row of {labels_file} of {other}",
                file=file,
                line=here.line,
            )
    both = [
        TableRow(t.line, {**t.cells, "structures": h.cells["structures"]})
        for h, t in zip(structures, labels, strict=True)
    ]
    return _unique(both, labels_file), labels_file


def _labels(members: Members) -> tuple[list[TableRow], str]:
    """Return the labels of the whole set: what ``targets.csv`` says goes before what ``defects.csv`` does."""
    name = members.first("defects.csv.gz", "defects.csv", "data.csv.gz")
    file = members.shown(name)
    rows = _unique(read_rows(members.read(name), file, ["_id", "descriptor_id", "energy"]), file)
    targets = next((n for n in ("targets.csv.gz", "targets.csv") if n in members), None)
    if targets is not None:
        shown = members.shown(targets)
        more = {r.cells["_id"]: r.cells for r in _unique(read_rows(members.read(targets), shown, ["_id"]), shown)}
        rows = [TableRow(row.line, row.cells | more.get(row.cells["_id"], {})) for row in rows]
    return rows, file


def _unique(rows: list[TableRow], file: str) -> list[TableRow]:
    seen: set[str] = set()
    for row in rows:
        if row.cells["_id"] in seen:
            raise InputError(f"two rows have the _id '{row.cells['_id']}'", file=file, line=row.line)
        seen.add(row.cells["_id"])
    return rows


def _pilot_texts(rows: list[TableRow]) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield row.cells["_id"], row.cells["structures"]


def _texts(members: Members, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield name and CIF text of each structure, in the order in which they are stored."""
    wanted = set(names)
    with contextlib.ExitStack() as stack:
        if "initial.tar.gz" in members:
            stream = stack.enter_context(members.open("initial.tar.gz"))
            found = tar_members(stream, members.shown("initial.tar.gz"))
        else:
            found = _files(members)
        for name, data in found:
            stem = PurePosixPath(name).stem
            if stem in wanted and name.endswith(".cif"):
                yield stem, data.decode("utf-8", errors="replace")


def _files(members: Members) -> Iterator[tuple[str, bytes]]:
    names = members.names("initial")
    if not names:
        members.first("initial.tar.gz", "initial/")
    for name in names:
        yield name, members.read(name, LARGEST_STRUCTURE)


def _structure(
    row: TableRow, text: str, types: dict[str, _Type], references: _References, columns: list[str], file: str
) -> PublishedStructure:
    name = row.cells["_id"]
    values = {c: number(row.cells[c], c, file, row.line) if c in row.cells else None for c in columns}
    kind = types.get(row.cells["descriptor_id"])
    if kind is None:
        return PublishedStructure(name, None, values, problem=f"its type {row.cells['descriptor_id']} is not described")
    try:
        crystal = crystal_of_text(text)
    except InputError as error:
        return PublishedStructure(name, None, values, content=kind.description, problem=error.message)
    note = _complete(values, kind, references)
    return PublishedStructure(name, crystal, values, content=kind.description, note=note)


def _complete(values: dict[str, float | None], kind: _Type, references: _References) -> str:
    """Fill in formation energies that are missing; say what is wrong with those that are there."""
    energy, pristine = values.get("energy"), references.pristine.get((kind.host, kind.cell))
    unknown = sorted({e for d in kind.defects for e in d.elements} - set(references.potentials))
    if energy is None:
        return "no total energy"
    if pristine is None or unknown or not kind.defects:
        missing = f"the chemical potential of {' and '.join(unknown)}" if unknown else f"{kind.host} {kind.cell}"
        return f"formation energy not computed again: no number for {missing}"
    again = energy_of_listed(energy, pristine, kind.defects, references.potentials)
    computed = {"formation_energy": again, "formation_energy_per_site": again / len(kind.defects)}
    given = values["formation_energy_per_site"]
    values.update({c: v for c, v in computed.items() if values[c] is None})
    off = 0.0 if given is None else abs(given - computed["formation_energy_per_site"])
    return f"formation energy per defect site computed again: {off:.4f} eV off" if off > TOLERANCE else ""
