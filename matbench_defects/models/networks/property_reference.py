"""What the properties of the elements of defects say of a value: a reference for elements that no training row had."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.models.element_properties import element_properties, learnable, of_defects
from matbench_defects.models.networks.graphs import HOP, Graphs
from matbench_defects.models.networks.species_reference import Kind, SpeciesReference, elements, node_kinds
from matbench_defects.models.rows import Rows
from matbench_defects.spec.fields import VACANCY


class PropertyReference(SpeciesReference):
    """Reference values that are linear in what each defect changes of the properties of elements."""

    @staticmethod
    def features(amounts: NDArray[np.float64], kinds: list[Kind]) -> NDArray[np.float64]:
        """Return sums of `element_properties.OF_ONE` over the defects, shape (n, f)."""
        return np.asarray(amounts @ _of_kinds(kinds))

    @staticmethod
    def learnable(kinds: list[Kind]) -> NDArray[np.bool_] | bool:
        """Return which properties tell the kinds of defects apart, see `element_properties.learnable`."""
        return learnable(_of_kinds(kinds))

    def described(self, graphs: Graphs) -> list[Kind]:
        """Return every kind of node that there is."""
        return sorted(set(map(tuple, node_kinds(graphs).tolist())))

    def refuse_unknown(self, graphs: Graphs, rows: Rows) -> None:
        """Raise NotServedError if the properties of an element of a row or its host are not known."""
        for number in np.flatnonzero(elements(graphs).any(axis=0)).tolist():
            if symbol(number) != VACANCY:
                element_properties(symbol(number))


def _of_kinds(kinds: list[Kind]) -> NDArray[np.float64]:
    """Return `element_properties.OF_ONE` of each kind of defect, shape (kinds, len(OF_ONE))."""
    return of_defects([symbol(removed) for removed, _ in kinds], [symbol(present) for _, present in kinds])[0]


def symbol(number: int) -> str:
    """Return the element of an atomic number; a vacancy for none, and for the middle of a hop."""
    from ase.data import chemical_symbols

    return VACANCY if number in (0, HOP) else str(chemical_symbols[number])
