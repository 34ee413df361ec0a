"""What a metric is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from matbench_defects.columns import Quantity

Direction = Literal["lower", "higher"]
"""Which way is better."""
ARROWS = {"lower": "↓", "higher": "↑"}
"""What says so in a head."""


@dataclass(frozen=True)
class Scored:
    """Predictions beside the truth, for the rows of one test part.

    Parameters
    ----------
    truth : ndarray of float, shape (n,)
        The labels, in the target's unit.
    prediction : ndarray of float, shape (n,)
        The predictions, in the same unit and row order.
    deviation : ndarray of float, shape (n,), or None
        Predicted standard deviations, where the model gives them.
    content : ndarray of str, shape (n,)
        Space and content of each row; rows of one content are competing arrangements of the same atoms.
    multiplicity : ndarray of int, shape (n,)
        Number of equivalent configurations.
    cell : ndarray of float, shape (n,), or None
        What a value of the row is multiplied by to be the energy of its supercell in eV; None where the target is no
        energy of a configuration.
    atoms : ndarray of int, shape (n,), or None
        Atoms of the supercell.
    above_hull : ndarray of float, shape (n,), or None
        True energy above the convex hull, eV per atom, by the same label, where the dataset has it for every row.
    """

    truth: NDArray[np.float64]
    prediction: NDArray[np.float64]
    deviation: NDArray[np.float64] | None
    content: NDArray[np.str_]
    multiplicity: NDArray[np.int64]
    cell: NDArray[np.float64] | None = None
    atoms: NDArray[np.int64] | None = None
    above_hull: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def by_content(self, smallest: int) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of each content that has at least `smallest` rows of different truth."""
        _, which, counts = np.unique(self.content, return_inverse=True, return_counts=True)
        order = np.argsort(which, kind="stable")
        for rows in np.split(order, np.cumsum(counts)[:-1]):
            if len(rows) >= smallest and np.ptp(self.truth[rows]) > 0:
                yield rows

    def take(self, rows: NDArray[np.int64]) -> Scored:
        """Return some of the rows, in the given order; one may be taken several times."""
        taken: dict[str, Any] = {name: None if of is None else of[rows] for name, of in vars(self).items()}
        return Scored(**taken)


@dataclass(frozen=True)
class Basis:
    """What a metric is an average over, where that is not every row.

    Parameters
    ----------
    noun : str
        What is counted, such as ``contents``.
    count : callable
        Takes `Scored`, returns how many of these contribute; predictions do not matter.
    """

    noun: str
    count: Callable[[Scored], int]


@dataclass(frozen=True)
class Metric:
    """One number that says how good predictions are.

    Parameters
    ----------
    name : str
        Its name in tasks.
    title : str
        Its name for people.
    unit : str or None
        Its unit; None where it is the target's.
    direction : {"lower", "higher"}
        Which way is better.
    description : str
        What it is, and where it comes from.
    compute : callable
        Takes `Scored`, returns a float; not-a-number where it is not defined for these rows.
    by_row : callable, optional
        Takes `Scored`, returns what each row adds, shape (n,), where the metric is a function of their mean.
    of_mean : callable, optional
        That function, elementwise; the mean itself where left out.
    basis : Basis, optional
        What it is an average over; every row where left out.
    """

    name: str
    title: str
    unit: str | None
    direction: Direction
    description: str
    compute: Callable[[Scored], float]
    by_row: Callable[[Scored], NDArray[np.float64]] | None = None
    of_mean: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None
    basis: Basis | None = None

    def __call__(self, scored: Scored) -> float:
        """Return the metric's value."""
        return float(self.compute(scored))

    @property
    def arrow(self) -> str:
        """``↓`` where lower is better, ``↑`` where higher is."""
        return ARROWS[self.direction]

    @property
    def beside_noise(self) -> bool:
        """Whether the noise of labels is its floor: a mean over rows in the target's unit, such as the MAE."""
        return self.by_row is not None and self.of_mean is None and self.unit is None

    def unit_for(self, quantity: Quantity) -> str:
        """Return its unit for people where `quantity` is predicted; empty for a pure number."""
        unit = quantity.shown_unit if self.unit is None else self.unit
        return "" if unit == "1" else unit

    def sort_key(self, value: float) -> tuple[bool, float]:
        """Return what values are sorted by: the best first, those that are not defined last."""
        undefined = math.isnan(value)
        return undefined, 0.0 if undefined else value if self.direction == "lower" else -value

    def finish(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the metric's values that belong to means of `by_row`."""
        return means if self.of_mean is None else self.of_mean(means)
