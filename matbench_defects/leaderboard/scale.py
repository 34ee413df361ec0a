"""Whether predictions are in the target's unit and per what it is per: a wrong one fits well, but for a factor."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.columns import Per, Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.dataset.structure_columns import row_counts
from matbench_defects.evaluation.scoring import scored_parts, scored_rows
from matbench_defects.evaluation.task import Task

Floats = NDArray[np.float64]

UNITS = {
    "eV": {
        "meV": 1000.0,
        "kJ/mol": 96.4853321,
        "kcal/mol": 23.0605478,
        "Ry": 1 / 13.605693123,
        "hartree": 1 / 27.211386246,
    },
    "V": {"mV": 1000.0},
    "Å": {"nm": 0.1, "pm": 100.0, "bohr": 1 / 0.529177211},
    "Å³": {"nm³": 1e-3, "bohr³": 1 / 0.529177211**3},
    "%": {"a share of 1": 0.01},
}
"""How many of another unit one of the target's is (CODATA 2018)."""
BETTER = 0.25
"""A conversion is suspected where it leaves less than this share of the root-mean-square error."""
FITS = 0.5
"""It has to leave less than this share of the labels' standard deviation, too."""


@dataclass(frozen=True)
class Scale:
    """How large predictions are against the labels.

    Parameters
    ----------
    slope : float
        Slope of the straight line that fits the predictions best as a function of the labels; not-a-number where all
        labels are the same.
    warning : str
        The unit or divisor that the predictions seem to have instead of the target's; empty where they do not.
    """

    slope: float
    warning: str = ""

    def __str__(self) -> str:
        said = f"best-fit slope of the predictions against the labels: {self.slope:.3g}"
        return f"{said}; {self.warning}" if self.warning else said


def scale_of(task: Task, dataset: Dataset, predictions: pa.Table) -> Scale:
    """Return how large predictions are against the labels, and what unit they seem to be in if not in the target's.

    Parameters
    ----------
    task : Task
        The task.
    dataset : Dataset
        Its dataset.
    predictions : pyarrow.Table
        Predictions that passed the check.
    """
    rows = {row["id"]: i for i, row in enumerate(scored_rows(task, dataset).select(["id"]).to_pylist())}
    parts = scored_parts(task, dataset, predictions)
    truth = np.concatenate([part.scored.truth for part in parts])
    given = np.concatenate([part.scored.prediction for part in parts])
    place = np.array([rows[id_] for part in parts for id_ in part.ids])
    quantity = dataset.quantity(task.target)
    spread = float(truth.std())
    if not spread:
        return Scale(float("nan"))
    slope = float(((truth - truth.mean()) * (given - given.mean())).mean() / spread**2)
    most = min(BETTER * _error(given, truth), FITS * spread)
    found = {
        words: _error(given / factor[place], truth)
        for words, factor in _conversions(quantity, scored_rows(task, dataset))
    }
    best = min(found, key=lambda words: found[words], default="")
    if not best or found[best] >= most:
        return Scale(slope)
    return Scale(slope, f"they look like {best} instead of {quantity.shown_unit}: convert them and check again")


def _error(given: Floats, truth: Floats) -> float:
    return float(np.sqrt(((given - truth) ** 2).mean()))


def _conversions(quantity: Quantity, rows: pa.Table) -> Iterator[tuple[str, Floats]]:
    """Yield unit and divisor that predictions may have instead, with what a value in the target's is multiplied by."""
    units = {quantity.unit: 1.0, **UNITS.get(quantity.unit, {})}
    own = row_counts(rows, quantity.per) if quantity.per in get_args(Per) and quantity.per != "hop" else None
    divisors: dict[str, Floats] = {quantity.per: np.ones(len(rows))}
    if own is not None:
        for per in get_args(Per):
            other = None if per in ("hop", quantity.per) else row_counts(rows, per)
            if other is not None and (other > 0).all():
                divisors[per] = own / other
    for (unit, of_unit), (per, of_per) in itertools.product(units.items(), divisors.items()):
        if (unit, per) != (quantity.unit, quantity.per):
            yield f"{unit} per {per}" if per else unit, of_unit * of_per
