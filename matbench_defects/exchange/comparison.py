"""How far labels and targets are from published values of the same configurations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.reading import Dataset
from matbench_defects.dataset.targets.defect_formation_energy import cells_of, energy_of_defects, per_atom
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError, nearest
from matbench_defects.labels.attempts import attempts_by_id
from matbench_defects.labels.engine import Outcome
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.models import Spec

PER_SITE = Quantity(
    "eV",
    "defect site",
    "the ideal host and chemical potentials of the elements, each by the label's own engine",
    "formation energy",
)
"""What `formation_energies_per_site` returns."""


@dataclass(frozen=True)
class Agreement:
    """How two sets of energies agree.

    Parameters
    ----------
    rows : int
        How many structures.
    mae : float
        Mean absolute difference.
    spearman : float
        Rank correlation (Spearman).
    mean_difference : float
        Mean of the difference with its sign; negative where the energies are too low.
    """

    rows: int
    mae: float
    spearman: float
    mean_difference: float


def agreement(found: NDArray[np.float64], better: NDArray[np.float64]) -> Agreement:
    """Return how energies agree with better ones of the same structures.

    Parameters
    ----------
    found, better : ndarray of float, shape (n,)
        The two sets, in the same order and unit.
    """
    from scipy.stats import spearmanr

    off = found - better
    rank = float(spearmanr(found, better).statistic)
    return Agreement(len(found), float(np.abs(off).mean()), rank, float(off.mean()))


def compare_dataset(dataset: Dataset, name: str, published: pa.Table, column: str) -> Agreement:
    """Return how a column of a dataset agrees with a published one, over the configurations that have both.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    name : str
        A target, or another column with a unit.
    published : pyarrow.Table
        What `exchange.published_table.read_published` read.
    column : str
        The published column.

    Raises
    ------
    InputError
        If a column is missing, the two are not the same quantity, or fewer than two configurations have both.
    """
    table = dataset.structures
    values = dict(zip(table["id"].to_pylist(), _column(table, name, dataset.name).to_pylist(), strict=True))
    quantity = Quantity.of(table.schema.field(name))
    if quantity is None:
        raise InputError(f"the column '{name}' of {dataset.name} has no unit")
    return compare_values(values, quantity, published, column)


def compare_values(
    values: Mapping[str, float | None], quantity: Quantity, published: pa.Table, column: str
) -> Agreement:
    """Return how values agree with published ones of the same configurations.

    Parameters
    ----------
    values : mapping of str to (float or None)
        Values by id.
    quantity : Quantity
        What they are.
    published : pyarrow.Table
        What `exchange.published_table.read_published` read.
    column : str
        The published column.

    Raises
    ------
    InputError
        As for `compare_dataset`.
    """
    better = _column(published, column, "the published table").to_pylist()
    theirs = Quantity.of(published.schema.field(column))
    if theirs is None or (theirs.unit, theirs.per) != (quantity.unit, quantity.per):
        shown = "without a unit" if theirs is None else f"in {theirs.shown_unit}"
        raise InputError(f"the published '{column}' is {shown}, what it is compared with in {quantity.shown_unit}")
    if theirs.unit == "eV" and theirs.per and not theirs.reference:
        raise InputError(
            f"the published '{column}' refers to no state, so it depends on who computed it; formation energies do not"
        )
    pairs = [
        (mine, other)
        for id_, other in zip(published["id"].to_pylist(), better, strict=True)
        if other is not None and (mine := values.get(id_)) is not None
    ]
    if len(pairs) < 2:
        raise InputError(f"{len(pairs)} configurations have both values; two at least are needed")
    found = np.array(pairs, dtype=np.float64)
    return agreement(found[:, 0], found[:, 1])


def formation_energies_per_site(spec: Spec, label: str, labels: Path) -> dict[str, float]:
    """Return the formation energy per defect site of every labelled configuration.

    Parameters
    ----------
    spec : Spec
        A spec whose reference phases hold every host and, alone, every element that is exchanged.
    label : str
        Name of one of its labels.
    labels : path
        The table of labels, complete or not.

    Returns
    -------
    dict of str to float
        eV per defect site by id: E - E_host + the chemical potentials of what was removed - those of what was added,
        over the number of sites that differ from the host, all energies by the same engine.

    Raises
    ------
    InputError
        If the spec has no such label, or a reference phase is missing or has no usable label.
    """
    known = [x.label_name for x in spec.labels]
    if label not in known:
        raise InputError(f"no label is called '{label}'; {nearest(label, known)}")
    selected = select(spec)
    store = LabelStore(labels)
    keys = list(jobs_of(spec, selected).of(label).keys())
    held = (found for found in store.get_many(keys) if found is not None)
    tried = attempts_by_id(held, keeps_left=spec.label(label).reconstructed == "kept")
    outcomes = {id_: one.label.outcome for id_, one in tried.items() if one.label.usable and one.label.outcome}
    phases = [o for name, o in outcomes.items() if name.startswith(REFERENCE)]
    spaces = {name: part.space for name, part in selected.items()}
    rows = {row.id: row for part in selected.values() for row in part.rows}
    hosts = {name: _host_energy(space, phases) for name, space in spaces.items()}
    potentials = {p.crystal.species[0]: per_atom(p) for p in phases if len(set(p.crystal.species)) == 1}
    result = {}
    for id_, outcome in outcomes.items():
        if not id_.startswith(REFERENCE):
            space, sites = rows[id_].space, rows[id_].count("defect site")
            if sites:
                result[id_] = _formation(outcome, space, hosts[space.name], potentials) / sites
    return result


def _host_energy(space: Space, phases: list[Outcome]) -> float | None:
    """Return the energy of the ideal supercell; None where no reference phase is the host."""
    for phase in phases:
        cells = cells_of(space, Counter(phase.crystal.species))
        if cells is not None:
            return cells * phase.energy
    return None


def _formation(outcome: Outcome, space: Space, pristine: float | None, potentials: Mapping[str, float]) -> float:
    if pristine is None:
        raise InputError(f"no usable reference phase is the host of {space.name}")
    here, host = Counter(outcome.crystal.species), Counter(space.host_elements)
    for element in sorted({*here, *host}):
        if here[element] != host[element] and element not in potentials:
            raise InputError(f"no usable reference phase holds {element} alone, so it has no chemical potential")
    return energy_of_defects(space, outcome, pristine, potentials)


def _column(table: pa.Table, name: str, owner: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        numbers = [f.name for f in table.schema if Quantity.of(f) is not None and pa.types.is_floating(f.type)]
        raise InputError(f"{owner} has no column '{name}'; {nearest(name, numbers)}")
    return table[name]
