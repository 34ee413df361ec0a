"""Of which structures' energies a row's value is the difference, for models that sum over the atoms of a structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.structures import row_crystal
from matbench_defects.files import digest
from matbench_defects.models.per import divisors, is_excess
from matbench_defects.models.rows import Background, Rows


@dataclass(frozen=True)
class EnergyDifference:
    """A linear combination of the energies of structures.

    Parameters
    ----------
    crystals : list of Crystal
        The structures.
    coefficients : list of float
        What the sum over each one's atoms is multiplied by.
    """

    crystals: list[Crystal]
    coefficients: list[float]


def energy_differences(rows: Rows) -> list[EnergyDifference]:
    """Return the structures whose energies make a value of the kind of the target.

    A value belongs to the ideal structure, divided by what it is per; one per defect site belongs to what differs from
    the ideal host; a barrier to the structure with the ion half-way along its hop, minus the mean of both end points.

    Parameters
    ----------
    rows : Rows
        The rows.

    Returns
    -------
    list of EnergyDifference
        One a row.
    """
    found = zip(rows.table.to_pylist(), divisors(rows).tolist(), strict=True)
    return [_difference(row, rows.background, divisor, is_excess(rows)) for row, divisor in found]


def _difference(row: dict[str, Any], background: Background, divisor: float, excess: bool) -> EnergyDifference:
    if row.get("hop_atom") is not None:
        first, middle, second = hop_crystals(row)
        return EnergyDifference([middle, first, second], [1.0, -0.5, -0.5])
    crystal = row_crystal(row)
    if excess:
        space = background.spaces[row["space"]]
        return EnergyDifference([crystal, space.parent.crystal], [1 / divisor, -len(space.cells.offsets) / divisor])
    return EnergyDifference([crystal], [1 / divisor])


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
