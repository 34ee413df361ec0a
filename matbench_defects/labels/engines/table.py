"""Energies that were computed elsewhere, read from a file by the configuration's id."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import PrivateAttr, SerializerFunctionWrapHandler, model_serializer

from matbench_defects.bounded import LARGEST_FILE, check_plain, read_json, read_parquet, read_text
from matbench_defects.columns import Quantity, check_quantity
from matbench_defects.crystal.phases import REFERENCE, reference_parents
from matbench_defects.errors import InputError, Mistakes
from matbench_defects.files import sha256_of_file
from matbench_defects.labels.engine import EngineSettings, Outcome, Sees, engines
from matbench_defects.labels.job import Job
from matbench_defects.spec.models import Relaxation, Spec


class TableSettings(EngineSettings):
    """Settings of energies from a file."""

    file: str
    """CSV, JSON (a list of objects) or Parquet, beside the spec; it has a column ``id``."""
    energy: str = "energy"
    """Name of the column of total energies. In Parquet its unit must stand in the column's metadata."""
    unit: Literal["eV"]
    """Unit of that column."""
    per: Literal["cell", "atom"]
    """What it is divided by; the cell is the configuration's supercell."""
    references_per: Literal["cell", "atom"] | None = None
    """What energies of reference phases are divided by, rows such as ``reference:Ag``; as ``per`` says where left out.
    It has to be said where ``per`` is ``cell`` and a phase's cell, which may be its conventional one, has several
    atoms."""
    level_of_theory: str
    """What the energies approximate, and by which means: functional, code, cutoffs, relaxed or not."""
    machine_learned: bool
    """Whether they come from a machine-learned potential; they are then never called DFT."""
    sha256: str = ""
    """Digest of the file, for whoever wants it fixed; left out, that of the file as it is."""

    _path: Path = PrivateAttr(default_factory=Path)

    def located(self, folder: Path) -> TableSettings:
        """Return the settings with the file found beside the spec."""
        path = folder / self.file
        if not path.is_file():
            raise InputError(f"there is no file {path}")
        check_plain(path, LARGEST_FILE)
        found = sha256_of_file(path)
        if self.sha256 not in ("", found):
            raise InputError(f"{path} has the SHA-256 {found}, not {self.sha256}")
        settings = self.model_copy(update={"sha256": found})
        settings._path = path
        return settings

    def check_phases(self, spec: Spec) -> None:
        """Refuse ``per: cell`` alone where the table has a reference phase with several atoms in its cell."""
        if self.per == "atom" or self.references_per is not None:
            return
        several = {f"{REFERENCE}{name}": len(p.species) for name, p in reference_parents(spec).items()}
        several = {id_: atoms for id_, atoms in several.items() if atoms > 1}
        found = read_energies(self._path, self.energy, self.per) if several else {}
        for id_ in several:
            if id_ in found:
                raise InputError(
                    f"the cell of {id_} has {several[id_]} atoms in the spec, so its {found[id_]:g} eV would be "
                    f"{found[id_] / several[id_]:g} eV per atom; say `references_per: cell` if that is so, else "
                    "`references_per: atom` and give energies per atom"
                )

    def unasked(self, asked: Callable[[], Iterable[str]]) -> str:
        """Return how many rows of the file are of no id that is asked for, with the first."""
        found = read_energies(self._path, self.energy, self.per)
        ids = set(asked())
        others = [id_ for id_ in found if id_ not in ids]
        if not others or len(others) == len(found):  # where none is, that is refused
            return ""
        return f"{self.file}: {len(others)} of {len(found)} rows are of no id that is asked for, such as {others[0]}"

    @model_serializer(mode="wrap")
    def _as_said(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what was not said, so that methods without it are what they were."""
        return {k: v for k, v in plain(self).items() if k != "references_per" or v is not None}


def read_energies(path: Path, column: str, per: str) -> dict[str, float]:
    """Return the energies of a table by id.

    Parameters
    ----------
    path : path
        CSV, JSON or Parquet, told by its ending.
    column : str
        Name of the column of energies.
    per : str
        ``cell`` or ``atom``.

    Raises
    ------
    InputError
        If a column is missing, an id stands twice, an energy is no finite number, or a unit is another; naming every
        such row.
    """
    energies: dict[str, float] = {}
    mistakes = Mistakes()
    for number, row in enumerate(_rows(path, column, per), start=1):
        with mistakes.noted():
            if not isinstance(row, dict) or not {"id", column} <= set(row):
                raise InputError(f"row {number} lacks `id` or `{column}`", file=str(path))
            name = str(row["id"])
            if name in energies:
                raise InputError(f"row {number}: the id {name} stands there twice", file=str(path), field="id")
            try:
                energies[name] = float(row[column])
            except (TypeError, ValueError):
                energies[name] = math.nan
            if not math.isfinite(energies[name]):
                raise InputError(f"row {number}: {row[column]!r} is no finite number", file=str(path), field=column)
    mistakes.tell()
    return energies


def _rows(path: Path, column: str, per: str) -> list[Any]:
    if path.suffix == ".csv":
        try:
            return list(csv.DictReader(io.StringIO(read_text(path), newline="")))
        except csv.Error as error:
            raise InputError(f"cannot be read: {error}", file=str(path)) from None
    if path.suffix == ".json":
        rows = read_json(path)
        if not isinstance(rows, list):
            raise InputError("a list of objects was expected", file=str(path))
        return rows
    if path.suffix != ".parquet":
        raise InputError("a file that ends in .csv, .json or .parquet was expected", file=str(path))
    table = read_parquet(path, LARGEST_FILE)
    if column in table.schema.names:
        field = table.schema.field(column)
        found = Quantity.of(field)
        reference = "" if found is None else found.reference  # total energies refer to whatever the code's zero is
        check_quantity(field, Quantity("eV", per, reference), str(path))
    rows = table.to_pylist()
    return list(rows)


@engines.register("table")
class Table:
    """Energies from a file, at the level of theory that the spec states. The structure is the ideal one."""

    Settings: ClassVar[type[EngineSettings]] = TableSettings
    labels: ClassVar[Literal["structures", "pathways", "rows"]] = "rows"
    relaxation: ClassVar[Literal["possible", "needed", "impossible"]] = "impossible"
    sees: ClassVar[Sees] = "species"
    level_of_theory: str = "as the spec states it"

    def __init__(self, settings: TableSettings) -> None:
        self.settings = settings
        self._energies = read_energies(settings._path, settings.energy, settings.per)
        self.level_of_theory = settings.level_of_theory + ("; machine-learned, not DFT" * settings.machine_learned)

    @property
    def version(self) -> str:
        """The file and the beginning of its digest."""
        return f"{Path(self.settings.file).name} {self.settings.sha256[:12]}"

    def compute(self, job: Job, relax: Relaxation | None) -> Outcome:
        """Return the energy that the file has for a configuration.

        Raises
        ------
        InputError
            If it has none.
        """
        if job.id not in self._energies:
            own = next(iter(self._energies), None)
            others = "it has none at all" if own is None else f"its first is {own}"
            raise InputError(f"{self.settings.file} has no row {job.id}; {others}")
        settings = self.settings
        per = (settings.references_per or settings.per) if job.id.startswith(REFERENCE) else settings.per
        energy = self._energies[job.id] * (len(job.crystal) if per == "atom" else 1)
        return Outcome(energy, job.crystal, None, None, None, True, 0)
