"""Columns whose unit and reference state are part of their type.

An Arrow field carries them as metadata, so they travel inside every Parquet file and are checked when it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from matbench_defects.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

BOLTZMANN = 8.617333262e-5
"""Boltzmann constant, eV/K (exact in the SI of 2019, cut here; CODATA 2018)."""
Per = Literal["cell", "hop", "atom", "formula unit", "defect site"]
"""What a column says its values are divided by, if by anything; specs write ``formula_unit`` and ``defect_site``."""


@dataclass(frozen=True)
class Quantity:
    """What the numbers of a column mean.

    Parameters
    ----------
    unit : str
        Unit, such as ``eV``; ``1`` for a pure number.
    per : str
        What the value is divided by, a `Per`; empty where nothing is.
    reference : str
        The reference state, where the value is a difference to one.
    description : str
        One line for people.
    """

    unit: str
    per: str = ""
    reference: str = ""
    description: str = ""

    @property
    def shown_unit(self) -> str:
        """The unit for people, such as ``eV per formula unit``."""
        return f"{self.unit} per {self.per}" if self.per else self.unit

    def field(self, name: str, type_: pa.DataType | None = None) -> pa.Field:
        """Return the Arrow field of a column that holds this quantity; 64-bit floats where no type is given."""
        import pyarrow as pa

        metadata = {k: v for k, v in vars(self).items() if v}
        return pa.field(name, type_ or pa.float64(), metadata=metadata)

    @classmethod
    def of(cls, field: pa.Field) -> Quantity | None:
        """Return the quantity that an Arrow field declares, or None."""
        metadata = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
        if "unit" not in metadata:
            return None
        return cls(**{k: v for k, v in metadata.items() if k in cls.__dataclass_fields__})


def check_quantity(field: pa.Field, expected: Quantity, file: str) -> None:
    """Refuse a column whose unit, divisor or reference state is not the expected one.

    Parameters
    ----------
    field : pyarrow.Field
        The column as it was read.
    expected : Quantity
        What it should hold.
    file : str
        The file it came from, for the message.

    Raises
    ------
    InputError
        Naming both quantities.
    """
    found = Quantity.of(field)
    if found is None:
        raise InputError(
            f"the column states no unit; {_shown(expected)} was expected in its Arrow metadata",
            file=file,
            field=field.name,
        )
    if (found.unit, found.per, found.reference) != (expected.unit, expected.per, expected.reference):
        raise InputError(
            f"the column holds {_shown(found)}, but {_shown(expected)} was expected", file=file, field=field.name
        )


def _shown(quantity: Quantity) -> str:
    reference = f", relative to {quantity.reference}" if quantity.reference else ""
    return f"{quantity.shown_unit}{reference}"
