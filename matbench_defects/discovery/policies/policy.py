"""What an acquisition policy is, and what it may know."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.model import Prediction
from matbench_defects.models.rows import Rows
from matbench_defects.registry import Registry

if TYPE_CHECKING:
    from matbench_defects.dataset.similarity import Similarity

Needs = Literal["nothing", "values", "deviations"]
"""What a policy needs of a model: no model, its predictions, or standard deviations too."""

Positions = NDArray[np.int64]


class Pool:
    """The configurations that are searched, all of one space.

    Parameters
    ----------
    rows : Rows
        What may be known of them without a label.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def differences(self, position: int) -> NDArray[np.int64]:
        """Return by how many sites one configuration differs from each, symmetry taken into account, shape (n,)."""
        return self._similarity.differences(position)

    @functools.cached_property
    def _similarity(self) -> Similarity:
        from matbench_defects.dataset.similarity import Similarity

        (name,) = set(self.rows.column("space"))
        return Similarity(self.rows.background.spaces[name], self.rows.occupations(name)[1])


@dataclass(frozen=True)
class Search:
    """What is known when the next labels are chosen; never the value of a row that has no label yet.

    Parameters
    ----------
    pool : Pool
        What is searched.
    labelled : ndarray of int, shape (m,)
        Positions in the pool of the rows with a label, in the order in which they got it.
    values : ndarray of float, shape (m,)
        Their values.
    open : ndarray of int, shape (n,)
        Positions of the other rows.
    prediction : Prediction or None
        What the model says of the open rows, in their order; None for a policy that needs nothing.
    generator : numpy.random.Generator
        For whatever is drawn.
    """

    pool: Pool
    labelled: Positions
    values: NDArray[np.float64]
    open: Positions
    prediction: Prediction | None
    generator: np.random.Generator

    def lowest(self, scores: NDArray[np.float64], count: int) -> Positions:
        """Return the open rows of the lowest scores, equal ones in random order.

        Parameters
        ----------
        scores : ndarray of float, shape (n,)
            One for each open row.
        count : int
            How many rows.
        """
        order = np.lexsort((self.generator.random(len(scores)), scores))
        return self.open[order[:count]]

    @property
    def predicted(self) -> NDArray[np.float64]:
        """The predictions of the open rows."""
        assert self.prediction is not None
        return self.prediction.values

    @property
    def deviations(self) -> NDArray[np.float64]:
        """The predicted standard deviations of the open rows."""
        assert self.prediction is not None and self.prediction.deviation is not None
        return self.prediction.deviation


@dataclass(frozen=True)
class Policy:
    """A way to choose what is labelled next.

    Parameters
    ----------
    name : str
        Its name on the command line.
    title : str
        Its name for people.
    needs : {"nothing", "values", "deviations"}
        What it needs of a model.
    description : str
        What it does, and where it comes from.
    choose : callable
        Takes a `Search` and how many rows, returns positions of so many open rows, the first choice first.
    """

    name: str
    title: str
    needs: Needs
    description: str
    choose: Callable[[Search, int], Positions]


policies: Registry[Policy] = Registry("policy", "matbench_defects.discovery.policies")
"""Every registered policy, by name."""

Choose = Callable[[Search, int], Positions]


def policy(name: str, *, title: str, needs: Needs) -> Callable[[Choose], Choose]:
    """Return a decorator that registers a function as a policy; its docstring is the description."""

    def decorate(choose: Choose) -> Choose:
        description = " ".join((choose.__doc__ or "").split())
        policies.register(name)(Policy(name, title, needs, description, choose))
        return choose

    return decorate
