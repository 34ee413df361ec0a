"""The columns that the structures of every dataset have, whatever its spaces, labels, targets and splits are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from matbench_defects.columns import Per, Quantity
from matbench_defects.errors import InputError

VECTORS = pa.list_(pa.list_(pa.float64()))
IDENTITY = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("space", pa.string(), nullable=False),
    pa.field("content", pa.string(), nullable=False),
]
CONFIGURATION = [
    Quantity("1", description="number of symmetry-equivalent configurations").field("multiplicity", pa.int64()),
    Quantity("1", description="operations that leave the configuration as it is").field("symmetry_order", pa.int64()),
    pa.field("space_group", pa.string()),
    pa.field("occupation", pa.binary()),
    pa.field("chemical_formula_reduced", pa.string()),
    pa.field("elements", pa.list_(pa.string())),
    pa.field("nelements", pa.int32()),
    pa.field("nsites", pa.int32()),
    pa.field("formula_units", pa.int32()),
    Quantity("Å", description="lattice vectors of the ideal supercell as rows").field("lattice_vectors", VECTORS),
    Quantity("Å", description="ideal, unrelaxed positions").field("cartesian_site_positions", VECTORS),
    pa.field("species_at_sites", pa.list_(pa.string())),
    pa.field("defect_species", pa.list_(pa.string())),
    pa.field("defect_host_species", pa.list_(pa.string())),
    Quantity("Å", description="sites that differ from the parent").field("defect_cartesian_positions", VECTORS),
]
"""Between the two stand the columns that count species, ``content_Li_vacancy``."""


COUNTED: dict[Per | str, str] = {"formula unit": "formula_units", "atom": "nsites", "defect site": "defect_species"}
"""Which column says how many of something a row has."""


def row_counts(rows: pa.Table, per: Per | str) -> NDArray[np.int64] | None:
    """Return how many of something each row has, as `crystal.per.counts_per` counts them, from its columns alone.

    Parameters
    ----------
    rows : pyarrow.Table
        Rows of a dataset's structures.
    per : Per
        What is counted.

    Returns
    -------
    ndarray of int, shape (n,), or None
        None where nothing is called so, or the rows do not say.
    """
    if per in ("cell", "hop"):
        return np.ones(len(rows), dtype=np.int64)
    if per not in COUNTED or COUNTED[per] not in rows.schema.names:
        return None
    found = rows[COUNTED[per]]
    return np.asarray(pc.list_value_length(found) if pa.types.is_list(found.type) else found, dtype=np.int64)


def check_configurations(schema: pa.Schema) -> None:
    """Refuse structures that are not as they are built.

    Parameters
    ----------
    schema : pyarrow.Schema
        Their columns; more than these are welcome.

    Raises
    ------
    InputError
        If one of these columns is missing or has another type.
    """
    if missing := [field.name for field in (*IDENTITY, *CONFIGURATION) if field.name not in schema.names]:
        raise InputError(f"the dataset's structures lack the columns {', '.join(missing)}; build or download it again")
    for expected in (*IDENTITY, *CONFIGURATION):
        found = schema.field(expected.name).type
        if _said(found) != _said(expected.type):
            raise InputError(
                f"the dataset's structures hold {_said(found)} in the column {expected.name}, but "
                f"{_said(expected.type)} was expected; build or download it again"
            )


def _said(kind: pa.DataType) -> str:
    return str(kind).replace("element: ", "item: ")  # Parquet has its own name for what is in a list
