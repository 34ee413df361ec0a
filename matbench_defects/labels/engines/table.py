"""Energies that were computed elsewhere, read from a file by the configuration's id."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import PrivateAttr, SerializerFunctionWrapHandler, model_serializer

from matbench_defects.bounded import LARGEST_FILE, check_plain
from matbench_defects.columns import Quantity, check_quantity
from matbench_defects.crystal.phases import REFERENCE, reference_parents
from matbench_defects.crystal.space import Space
from matbench_defects.errors import InputError, Mistakes
from matbench_defects.files import sha256_of_file
from matbench_defects.labels.engine import EngineSettings, Outcome, Sees, engines
from matbench_defects.labels.job import Job
from matbench_defects.plain_tables import table_rows
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
    charge: str | None = None
    """Name of the column of charges, elementary charges, read where the label has `charge_states`; left out,
    ``charge``."""
    correction: str | None = None
    """Name of the column of finite-size corrections of charged cells, eV per cell, which are added to their energies;
    ``none`` where they are not corrected. Goes with `charge_states`."""
    sha256: str = ""
    """Digest of the file, for whoever wants it fixed; left out, that of the file as it is."""

    _path: Path = PrivateAttr(default_factory=Path)
    _charge: int | None = PrivateAttr(default=None)

    def of_charge(self, charge: int) -> TableSettings:
        """Return the settings for the rows of one charge."""
        if charge and self.correction is None:
            raise InputError(
                "has no finite-size corrections of charged cells: name their column, `correction: correction`, or say "
                "`correction: none`"
            )
        settings = self.model_copy()
        settings._charge = charge
        return settings

    def check_space(self, space: Space, phases: Collection[str]) -> None:
        """Refuse corrections of cells that are not charged."""
        if self.correction is not None and self._charge is None:
            raise InputError("`correction` is of charged cells; it goes with `charge_states`")

    def energies(self) -> dict[str, float]:
        """Return the energies of the file by id, as `read_energies` does, of the label's charge where it has one."""
        return read_energies(self._path, self.energy, self.per, self._rows_of_charge())

    def corrections(self) -> dict[str, float]:
        """Return what is added to the energies by id, eV per cell; nothing where there is no column of corrections."""
        if not self._charge or self.correction in (None, "none"):
            return {}
        return read_energies(self._path, str(self.correction), "cell", self._rows_of_charge())

    def _rows_of_charge(self) -> tuple[str, int] | None:
        return None if self._charge is None else (self.charge or "charge", self._charge)

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
        found = self.energies() if several and not self._charge else {}
        for id_ in several:
            if id_ in found:
                raise InputError(
                    f"the cell of {id_} has {several[id_]} atoms in the spec, so its {found[id_]:g} eV would be "
                    f"{found[id_] / several[id_]:g} eV per atom; say `references_per: cell` if that is so, else "
                    "`references_per: atom` and give energies per atom"
                )

    def unasked(self, asked: Callable[[], Iterable[str]]) -> str:
        """Return how many rows of the file are of no id that is asked for, with the first."""
        found = self.energies()
        ids = set(asked())
        others = [id_ for id_ in found if id_ not in ids]
        if not others or len(others) == len(found):  # where none is, that is refused
            return ""
        return f"{self.file}: {len(others)} of {len(found)} rows are of no id that is asked for, such as {others[0]}"

    @model_serializer(mode="wrap")
    def _as_said(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what was not said, so that methods without it are what they were."""
        unsaid = ("references_per", "charge", "correction")
        return {k: v for k, v in plain(self).items() if k not in unsaid or v is not None}


def read_energies(path: Path, column: str, per: str, charged: tuple[str, int] | None = None) -> dict[str, float]:
    """Return the energies of a table by id.

    Parameters
    ----------
    path : path
        CSV, JSON or Parquet, told by its ending.
    column : str
        Name of the column of energies.
    per : str
        ``cell`` or ``atom``.
    charged : tuple of str and int, optional
        Name of the column of charges, and that of the rows that are meant; reference phases need none.

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
            if charged is not None and _charge_of(row, number, name, charged[0], path) != charged[1]:
                continue
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


def _charge_of(row: dict[str, Any], number: int, name: str, column: str, path: Path) -> int:
    """Return the charge of a row; a reference phase without one is neutral."""
    if column not in row:
        raise InputError(f"row {number} lacks `{column}`, which `charge_states` needs", file=str(path))
    given = row[column]
    if name.startswith(REFERENCE) and given in (None, ""):
        return 0
    try:
        charge = float(given)
    except (TypeError, ValueError):
        charge = math.nan
    if charge != round(charge) if math.isfinite(charge) else True:
        raise InputError(f"row {number}: {given!r} is no whole number of charges", file=str(path), field=column)
    return int(charge)


def _rows(path: Path, column: str, per: str) -> list[Any]:
    rows, schema = table_rows(path, ("id", column))
    if schema is not None and column in schema.names:
        field = schema.field(column)
        found = Quantity.of(field)
        reference = "" if found is None else found.reference  # total energies refer to whatever the code's zero is
        check_quantity(field, Quantity("eV", per, reference), str(path))
    return rows


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
        self._energies = settings.energies()
        self._corrections = settings.corrections()
        self.level_of_theory = settings.level_of_theory + ("; machine-learned, not DFT" * settings.machine_learned)
        if settings._charge:
            corrected = "without finite-size correction"
            if settings.correction != "none":
                corrected = f"finite-size corrections of the column {settings.correction} added"
            self.level_of_theory += f"; charge {settings._charge:+d}, {corrected}"

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
            charge = "" if self.settings._charge is None else f" of charge {self.settings._charge:+d}"
            raise InputError(f"{self.settings.file} has no row {job.id}{charge}; {others}")
        settings = self.settings
        per = (settings.references_per or settings.per) if job.id.startswith(REFERENCE) else settings.per
        energy = self._energies[job.id] * (len(job.crystal) if per == "atom" else 1)
        energy += self._corrections.get(job.id, 0.0)
        return Outcome(energy, job.crystal, None, None, None, True, 0)
