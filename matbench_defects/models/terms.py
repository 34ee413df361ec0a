"""Which structures a row's value is made of, for models that sum over atoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.structures import row_crystal
from matbench_defects.files import digest
from matbench_defects.models.model import Background, Rows
from matbench_defects.models.per import DEFECT_SITE, divisors


@dataclass(frozen=True)
class Terms:
    """A sum over structures.

    Parameters
    ----------
    crystals : list of Crystal
        The structures.
    factors : list of float
        What the sum over each one's atoms is multiplied by.
    """

    crystals: list[Crystal]
    factors: list[float]


def terms_of(rows: Rows) -> list[Terms]:
    """Return the structures whose weighted sum is of the kind of the target.

    A value belongs to the ideal structure, divided by what it is per; one per defect site belongs to what differs from
    the ideal host; a barrier to the structure with the ion half-way along its hop, less the mean of both end points.

    Parameters
    ----------
    rows : Rows
        The rows.

    Returns
    -------
    list of Terms
        One a row.
    """
    found = zip(rows.table.to_pylist(), divisors(rows).tolist(), strict=True)
    return [_terms(row, rows.background, divisor) for row, divisor in found]


def _terms(row: dict[str, Any], background: Background, divisor: float) -> Terms:
    if row.get("hop_atom") is not None:
        first, middle, second = hop_crystals(row)
        return Terms([middle, first, second], [1.0, -0.5, -0.5])
    crystal = row_crystal(row)
    if background.quantity.per == DEFECT_SITE:
        space = background.spaces[row["space"]]
        return Terms([crystal, space.parent.crystal], [1 / divisor, -len(space.cells.offsets) / divisor])
    return Terms([crystal], [1 / divisor])


def structure_digest(crystal: Crystal) -> str:
    """Return a digest of a structure, to a hundred-thousandth of an ångström."""
    rounded = [(np.round(a, 5) + 0.0).tolist() for a in (crystal.lattice, crystal.positions)]
    return digest([*rounded, crystal.species])


def hop_crystals(row: dict[str, Any]) -> tuple[Crystal, Crystal, Crystal]:
    """Return the ideal structures of a pathway with the ion at its start, half-way in a straight line, and at its end.

    Parameters
    ----------
    row : dict
        A row of the config ``structures`` of a dataset of pathways.
    """
    first = row_crystal(row)
    result = []
    for share in (0.0, 0.5, 1.0):
        positions = first.positions.copy()
        positions[row["hop_atom"]] += share * np.array(row["hop_cartesian_vector"])
        result.append(Crystal(first.lattice, first.species, positions))
    return result[0], result[1], result[2]
