"""Rows of the same physical structure, written down in another way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.models.rows import Background, Rows
from matbench_defects.shipped import find_spec
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.loading import load_spec

POSITIONS = ("cartesian_site_positions", "defect_cartesian_positions")


Row = dict[str, Any]
"""A row as a dictionary."""


def rewritten(rows: Rows, change: Callable[[Row], Row], background: Background | None = None) -> Rows:
    """Return the rows with `change` applied to each as a dictionary; ids differ, so that no cache is asked."""
    table = rows.table
    changed = [change(dict(row)) | {"id": f"{row['id']}-{change.__name__}"} for row in table.to_pylist()]
    return Rows(pa.Table.from_pylist(changed, schema=table.schema), background or rows.background, rows.inputs)


def permutation(row: Row) -> Row:
    """Write atoms and defects in another order."""
    generator = np.random.default_rng(len(row["species_at_sites"]))
    atoms = generator.permutation(len(row["species_at_sites"]))
    defects = generator.permutation(len(row["defect_species"]))
    for name, order in (("cartesian_site_positions", atoms), ("species_at_sites", atoms)):
        row[name] = [row[name][i] for i in order]
    for name in ("defect_species", "defect_host_species", "defect_cartesian_positions"):
        row[name] = [row[name][i] for i in defects]
    if row.get("hop_atom") is not None:
        row["hop_atom"] = int(np.flatnonzero(atoms == row["hop_atom"])[0])
    return row


def rotation(row: Row) -> Row:
    """Turn the cell with all in it."""
    from scipy.spatial.transform import Rotation

    matrix = Rotation.from_euler("zyx", [0.3, 0.7, -1.1]).as_matrix().T
    for name in (*POSITIONS, "lattice_vectors"):
        row[name] = (np.reshape(row[name], (-1, 3)) @ matrix).tolist()
    if row.get("hop_cartesian_vector") is not None:
        row["hop_cartesian_vector"] = (np.array(row["hop_cartesian_vector"]) @ matrix).tolist()
    return row


def translation(row: Row) -> Row:
    """Shift everything; some atoms leave the cell."""
    for name in POSITIONS:
        row[name] = (np.reshape(row[name], (-1, 3)) + [1.3, -0.4, 2.9]).tolist()
    return row


def supercell(row: Row) -> Row:
    """Repeat the cell once along its third vector; the occupation is left for `repeated` to fill."""
    lattice = np.array(row["lattice_vectors"])
    for name in POSITIONS:
        positions = np.reshape(row[name], (-1, 3))
        row[name] = np.concatenate([positions, positions + lattice[2]]).tolist()
    for name in ("species_at_sites", "defect_species", "defect_host_species"):
        row[name] = row[name] * 2
    for name in row:
        if name.startswith("content_") or name in ("nsites", "formula_units"):
            row[name] = row[name] * 2
    row["lattice_vectors"] = (lattice * [[1], [1], [2]]).tolist()
    return row


def repeated(rows: Rows) -> Rows:
    """Return LiNiO2 rows in a cell twice as long, with the occupation that the longer space has for them."""
    text = find_spec("lno-cathode").read_text()
    assert "supercell: [2, 2, 1]" in text
    text = text.replace("supercell: [2, 2, 1]", "supercell: [2, 2, 2]").replace("Li: 12", "Li: 24")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(text.replace("Li: 0..12", "Li: 0..24"))
        background = Background(load_spec(path), rows.background.target, rows.background.quantity)
    longer = rewritten(rows, supercell, background)
    space = background.spaces["lno-cathode"]
    table = longer.table.to_pylist()
    inverse = np.linalg.inv(space.lattice)
    (sublattice,) = space.sublattices
    for row in table:
        places = np.reshape(row["cartesian_site_positions"], (-1, 3)) @ inverse
        occupation = np.full(space.size, sublattice.species.index(VACANCY), dtype=np.uint8)
        for i, site in enumerate(space.positions[space.variable_sites] @ inverse):
            away = places - site
            at = np.flatnonzero(np.linalg.norm((away - np.round(away)) @ space.lattice, axis=1) < 1e-3)
            if len(at):
                occupation[i] = sublattice.species.index(row["species_at_sites"][at[0]])
        row["occupation"] = occupation.tobytes()
        row["content"] = space.content_name(space.content(occupation))
    inputs = rows.inputs
    if inputs is not None:
        inputs = pa.table({name: pc.multiply(inputs[name], 2) for name in inputs.schema.names})
    return Rows(pa.Table.from_pylist(table, schema=longer.table.schema), background, inputs)


def operations_that_change(rows: Rows, at: int) -> int:
    """Return how many symmetry operations of its supercell change the occupation of a row."""
    row = rows.table.slice(at, 1).to_pylist()[0]
    occupation = np.frombuffer(row["occupation"], dtype=np.uint8)
    group = rows.background.spaces[row["space"]].group
    return sum(not np.array_equal(occupation[operation], occupation) for operation in group)


def equivalent(rows: Rows, at: int) -> Rows:
    """Return one row after a symmetry operation of its supercell that changes its occupation."""
    row = rows.table.slice(at, 1).to_pylist()[0]
    space = rows.background.spaces[row["space"]]
    before = np.frombuffer(row["occupation"], dtype=np.uint8)
    after = before[next(g for g in space.group if not np.array_equal(before[g], before))]
    moved = Configuration(space, after)
    crystal, different = moved.crystal, moved.different_sites
    row |= {
        "id": "moved",
        "occupation": after.tobytes(),
        "cartesian_site_positions": crystal.positions.tolist(),
        "species_at_sites": list(crystal.species),
        "defect_species": [moved.site_species[i] for i in different],
        "defect_host_species": [space.host_species[i] for i in different],
        "defect_cartesian_positions": space.positions[different].tolist(),
    }
    row |= space.kind.column_values(moved)
    inputs = None if rows.inputs is None else rows.inputs.slice(at, 1)
    return Rows(pa.Table.from_pylist([row], schema=rows.table.schema), rows.background, inputs)


def with_a_host_atom_of(rows: Rows, element: str) -> Rows:
    """Return the rows with one atom of the host, which is no defect, exchanged for another element."""

    def exchanged(row: Row) -> Row:
        row["species_at_sites"][-1] = element
        return row

    return rewritten(rows, exchanged)
