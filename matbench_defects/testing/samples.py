"""Small sets of rows with made-up values, on which contracts are checked."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.crystal.structure import Crystal, nearest_images
from matbench_defects.dataset.structures import row_crystal, structure_rows, structure_schema
from matbench_defects.dataset.targets import targets_of
from matbench_defects.enumeration.selection import select
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Spec
from matbench_defects.testing.moved_rows import repeated

PATHWAYS = """
name: hops
version: 1.0.0
title: Hops in rock salt
parent:
  spacegroup: Fm-3m
  lattice: {a: 5.6}
  sites: {Li: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: made up}
supercell: [2, 2, 2]
sublattices: {Li: {Li: rest, vacancy: 1, Na: 2}}
pathway: {species: Li, cutoff: 4.0}
configurations: {select: uniform, count: 30, seed: 0}
"""


@dataclass(frozen=True)
class Sample:
    """Rows with values, in the parts of a split.

    Parameters
    ----------
    train, validation, test : tuple of Rows and ndarray
        The parts.
    repeated : callable, optional
        Takes rows, returns the same in a cell that is twice as long; without it nothing is said of repeated cells.
    """

    train: tuple[Rows, NDArray[np.float64]]
    validation: tuple[Rows, NDArray[np.float64]]
    test: tuple[Rows, NDArray[np.float64]]
    repeated: Callable[[Rows], Rows] | None = None

    def first(self, train: int, validation: int) -> Sample:
        """Return the sample with fewer rows to fit, for models that take long over each."""
        fitted, held = (
            (rows.take(range(count)), values[:count])
            for (rows, values), count in ((self.train, train), (self.validation, validation))
        )
        return Sample(fitted, held, self.test, self.repeated)


@functools.cache
def structures() -> Sample:
    """Return 20, 6 and 4 rows of LiNiO2 with vacancies; values are a screened repulsion of the lithium ions.

    Their input is the energy of a made-up cheaper method: the same with another screening.
    """
    spec = load_spec("lno-cathode")
    quantity = targets_of(spec, Background(spec, "", Quantity("eV")).spaces)["formation_energy"].quantity
    rows = _rows(spec, "formation_energy", quantity)
    order = np.random.default_rng(0).permutation(len(rows))
    chosen = rows.take(order[:30])
    table = chosen.table.to_pylist()
    values = np.array([_repulsion(row_crystal(row)) / row["formula_units"] for row in table])
    inputs = pa.table({"cheap_energy": [_repulsion(row_crystal(row), 1.5) for row in table]})
    return _parts(dataclasses.replace(chosen, inputs=inputs), values, repeated)


@functools.cache
def hosts() -> Rows:
    """Return the ideal LiNiO2, as a row of a target that is per defect site."""
    rows = _rows(load_spec("lno-cathode"), "energy", Quantity("eV", "defect site"))
    return rows.take([i for i, defects in enumerate(rows.column("defect_species")) if not defects])


@functools.cache
def pathways() -> Sample:
    """Return 20, 6 and 4 hops in rock salt; values are made up from their number alone."""
    rows = _rows(spec_of(PATHWAYS), "barrier", Quantity("eV"))
    return _parts(rows, np.linspace(0, 1, len(rows)) ** 2)


def spec_of(text: str) -> Spec:
    """Return a spec that is given as text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return load_spec(path)


def _rows(spec: Spec, target: str, quantity: Quantity) -> Rows:
    background = Background(spec, target, quantity)
    spaces = background.spaces
    chosen = [row for selected in select(spec).values() for row in selected.rows]
    table = pa.Table.from_pylist(structure_rows(chosen, spaces), structure_schema(spaces))
    return Rows.of(table, background)


def _repulsion(crystal: Crystal, length: float = 2.0) -> float:
    lithium = crystal.positions[np.array(crystal.species) == "Li"]
    first, second = np.triu_indices(len(lithium), 1)
    distances = np.linalg.norm(nearest_images(crystal.lattice, lithium[second] - lithium[first]), axis=1)
    return float(np.exp(-distances / length).sum())


def _parts(rows: Rows, values: NDArray[np.float64], repeated: Callable[[Rows], Rows] | None = None) -> Sample:
    train, validation, test = ((rows.take(range(*cut)), values[slice(*cut)]) for cut in ((0, 20), (20, 26), (26, 30)))
    return Sample(train, validation, test, repeated)
