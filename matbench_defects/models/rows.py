"""Rows as a model sees them: the ideal structures, and nothing of any label that the task does not hand over."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.crystal.kinds.kind import kinds
from matbench_defects.dataset.structure_columns import check_configurations

if TYPE_CHECKING:
    from matbench_defects.crystal.space import Space
    from matbench_defects.dataset.reading import Dataset
    from matbench_defects.dataset.targets import ResolvedTarget
    from matbench_defects.spec.models import Spec

INPUT_COLUMNS = (
    "id",
    "space",
    "content",
    "multiplicity",
    "symmetry_order",
    "space_group",
    "occupation",
    "chemical_formula_reduced",
    "elements",
    "nelements",
    "nsites",
    "formula_units",
    "lattice_vectors",
    "cartesian_site_positions",
    "species_at_sites",
    "defect_species",
    "defect_host_species",
    "defect_cartesian_positions",
    "oxidation_states",
)
"""What a model may see of a row, besides the ``content_`` columns and those of the kind of space: the ideal structure,
never a label."""


LABEL_COLUMNS = (
    "energy",
    "max_force",
    "max_stress",
    "magnetic_moments",
    "displacement",
    "lattice_vectors",
    "cartesian_site_positions",
)
"""What a model may see of a label that its task declares as an input, each name behind that of the label."""


class Background:
    """What rows of one dataset share: its spaces and the target that is predicted.

    Parameters
    ----------
    spec : Spec
        The dataset's spec.
    target : str
        Name of the target.
    quantity : Quantity
        Its unit, divisor and reference state.
    learn_from_validation : bool
        Whether a model that needs no validation part learns from it as from the training part.
    labelled : pyarrow.Table, optional
        Columns ``id``, ``space`` and ``occupation`` of every row of the dataset that has the target's label, of
        whatever part: what its values may refer to. No label is among them.
    """

    def __init__(
        self,
        spec: Spec,
        target: str,
        quantity: Quantity,
        *,
        learn_from_validation: bool = True,
        labelled: pa.Table | None = None,
    ) -> None:
        self.spec = spec
        self.target = target
        self.quantity = quantity
        self.learn_from_validation = learn_from_validation
        self.labelled = labelled

    @classmethod
    def of(cls, dataset: Dataset, target: str, *, learn_from_validation: bool = True) -> Background:
        """Return what rows of a dataset share.

        Parameters
        ----------
        dataset : Dataset
            The dataset.
        target : str
            Name of one of its targets.
        learn_from_validation : bool
            As above.

        Raises
        ------
        InputError
            If the dataset has no such target.
        """
        quantity = dataset.quantity(target)
        rows, energy = dataset.structures, f"{dataset.manifest['targets'][target].get('label')}_energy"
        there = rows[energy if energy in rows.schema.names else target].is_valid()
        labelled = rows.select(["id", "space", "occupation"]).filter(there)
        return cls(dataset.spec, target, quantity, learn_from_validation=learn_from_validation, labelled=labelled)

    @functools.cached_property
    def spaces(self) -> dict[str, Space]:
        """The spaces by name, with their symmetry."""
        from matbench_defects.crystal.building import build_spaces

        return build_spaces(self.spec)

    @functools.cached_property
    def resolved(self) -> ResolvedTarget:
        """The target with what defines it, such as its end members."""
        from matbench_defects.dataset.targets import targets_of

        return targets_of(self.spec, self.spaces)[self.target]


@dataclass(frozen=True)
class Rows:
    """Rows as a model sees them: inputs only.

    Parameters
    ----------
    table : pyarrow.Table
        The columns of `INPUT_COLUMNS`, those that begin with ``content_``, and those of kinds of space.
    background : Background
        What the rows share.
    inputs : pyarrow.Table, optional
        Columns of the labels that the task declares as inputs, such as a relaxed structure and its energy by another
        method than the target's; None where it declares none.
    """

    table: pa.Table
    background: Background
    inputs: pa.Table | None = None

    @classmethod
    def of(cls, table: pa.Table, background: Background, inputs: Sequence[str] = ()) -> Rows:
        """Return the rows of a dataset's table with every label, target and split taken away.

        Parameters
        ----------
        table : pyarrow.Table
            Rows of a dataset's structures.
        background : Background
            What they share.
        inputs : sequence of str
            Names of labels whose columns are handed over beside the rows.

        Raises
        ------
        InputError
            If the table lacks a column that every dataset has, or one has another type.
        """
        check_configurations(table.schema)
        known = {*INPUT_COLUMNS, *(field.name for _, kind in kinds.items() for field in kind.columns())}
        kept = [n for n in table.schema.names if n in known or n.startswith("content_")]
        handed = [f"{label}_{name}" for label in inputs for name in LABEL_COLUMNS]
        beside = table.select([name for name in handed if name in table.schema.names]) if inputs else None
        return cls(table.select(kept), background, beside)

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> list[Any]:
        """Return one column as a list."""
        return list(self.table[name].to_pylist())

    def take(self, positions: Sequence[int] | NDArray[np.int64]) -> Rows:
        """Return some of the rows, in the given order."""
        chosen = pa.array(np.asarray(positions, dtype=np.int64))
        return Rows(self.table.take(chosen), self.background, None if self.inputs is None else self.inputs.take(chosen))

    def occupations(self, space: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the positions of the rows of one space, and their occupations, shape (m, n)."""
        names = self.column("space")
        where = np.array([i for i, name in enumerate(names) if name == space], dtype=np.int64)
        raw = self.table["occupation"].take(pa.array(where)).to_pylist()
        return where, np.frombuffer(b"".join(raw), dtype=np.uint8).reshape(len(where), -1)


def with_validation(
    rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None
) -> tuple[Rows, NDArray[np.float64]]:
    """Return training and validation part as one, for a model that needs no part of its own to stop.

    Where the task has the validation part for choosing only, it is left out.
    """
    if validation is None or not len(validation[0]) or not rows.background.learn_from_validation:
        return rows, values
    table = pa.concat_tables([rows.table, validation[0].table])
    beside = [part for part in (rows.inputs, validation[0].inputs) if part is not None]
    return Rows(table, rows.background, pa.concat_tables(beside) if beside else None), np.concatenate(
        [values, validation[1]]
    )
