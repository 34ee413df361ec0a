"""The energy of a cheaper method with a correction linear in composition: what a model with that input has to beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.errors import NotServedError
from matbench_defects.models.model import Model, Prediction, models
from matbench_defects.models.per import divisors
from matbench_defects.models.rows import Rows, with_validation


@models.register("input-energy")
class InputEnergy(Model):
    """The first input's energy per what the target is per, plus a number for each element times its share."""

    title: ClassVar[str] = "Input energy, linear correction"
    description: ClassVar[str] = (
        "The energy of the label that the task hands over, and a correction linear in composition fitted to the "
        "training rows by least squares."
    )

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Fit the correction."""
        rows, values = with_validation(rows, values, validation)
        elements = sorted({element for row in rows.column("elements") for element in row})
        correction, *_ = np.linalg.lstsq(_amounts(rows, elements), values - _energies(rows), rcond=None)
        self.learnt = {"elements": elements, "correction": correction}

    def predict(self, rows: Rows) -> Prediction:
        """Return energy and correction of each row.

        Raises
        ------
        NotServedError
            If a row has an element that training does not have.
        """
        amounts = _amounts(rows, self.learnt["elements"])
        return Prediction(_energies(rows) + amounts @ np.asarray(self.learnt["correction"]))

    @property
    def parameters(self) -> int | None:
        """One number an element."""
        return len(self.learnt["elements"])


def _energies(rows: Rows) -> NDArray[np.float64]:
    """Return the first input's energy of each row, eV per what the target is per."""
    background = rows.background
    if background.quantity.unit != "eV":
        raise NotServedError(f"{background.target} is in {background.quantity.unit}, not an energy")
    if rows.inputs is None or not len(rows.inputs.schema.names):
        raise NotServedError("the task hands over no label as an input")
    name = next((n for n in rows.inputs.schema.names if n.endswith("_energy")), None)
    if name is None or rows.inputs[name].null_count:
        raise NotServedError("the input has no energy of some row")
    return np.asarray(rows.inputs[name].to_numpy(), dtype=np.float64) / divisors(rows)


def _amounts(rows: Rows, elements: list[str]) -> NDArray[np.float64]:
    """Return how many atoms of each element a row has, per what the target is per, shape (n, elements)."""
    species = rows.column("species_at_sites")
    if unknown := sorted({name for row in species for name in row} - set(elements)):
        raise NotServedError(f"training has no row with {', '.join(unknown)}")
    counts = np.array([[row.count(element) for element in elements] for row in species], dtype=np.float64)
    return counts / divisors(rows)[:, None]
