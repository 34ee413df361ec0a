"""A few structures of a dataset, for the viewer on its page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from matbench_defects.dataset.reading import Dataset

NEEDED = ("lattice_vectors", "cartesian_site_positions", "species_at_sites")
"""Columns without which nothing can be drawn."""
MOST_SITES = 400
"""Larger cells are left out: they would be a cloud."""
NEAR = 0.05
"""A site closer than this (Å) to a defect's position is the defect."""


def shown_structures(dataset: Dataset) -> dict[str, Any]:
    """Return structures with the lowest, the middle and the highest value of the first target.

    Parameters
    ----------
    dataset : Dataset
        The dataset.

    Returns
    -------
    dict
        ``structures``: list of lattice vectors, Cartesian positions and radii in Å, species, which sites are
        substituted, where vacancies are; ``elements``: colour and covalent radius of each. Empty where the dataset has
        no structures to show.
    """
    table = dataset.structures
    if not set(NEEDED) <= set(table.schema.names) or not dataset.targets:
        return {}
    target = dataset.targets[0]
    values = table[target].to_numpy()
    sizes = np.array([len(species) for species in table["species_at_sites"].to_pylist()])
    known = np.flatnonzero(np.isfinite(values) & (sizes <= MOST_SITES))
    if not len(known):
        return {}
    order = known[np.argsort(values[known], kind="stable")]
    unit = dataset.quantity(target).shown_unit
    picked = {int(order[0]): "lowest", int(order[-1]): "highest", int(order[len(order) // 2]): "middle"}
    names = dict(sorted(picked.items(), key=lambda item: values[item[0]]))
    structures = [
        _structure(table, place)
        | {"title": f"{word} {target.replace('_', ' ')}, {values[place]:.4g} {unit}".replace("-", "\N{MINUS SIGN}")}
        for place, word in names.items()
    ]
    species = sorted({name for one in structures for name in one["species"]})
    return {"structures": structures, "elements": {name: _element(name) for name in species}}


def _structure(table: pa.Table, place: int) -> dict[str, Any]:
    row = table.slice(place, 1).to_pylist()[0]
    positions = np.array(row["cartesian_site_positions"])
    vacancies, substituted = [], []
    defects = zip(row.get("defect_species") or [], row.get("defect_cartesian_positions") or [], strict=False)
    for species, position in defects:
        if species == "vacancy":
            vacancies.append(_rounded(position))
        else:
            near = np.linalg.norm(positions - np.array(position), axis=1)
            if near.min() < NEAR:
                substituted.append(int(near.argmin()))
    return {
        "id": row["id"],
        "content": row["content"],
        "lattice": [_rounded(vector) for vector in row["lattice_vectors"]],
        "positions": [_rounded(position) for position in positions],
        "species": row["species_at_sites"],
        "substituted": sorted(substituted),
        "vacancies": vacancies,
    }


def _rounded(vector: Any) -> list[float]:
    return [round(float(x), 3) for x in vector]


def _element(symbol: str) -> dict[str, Any]:
    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors

    number = atomic_numbers.get(symbol, 0)
    colour = "#" + "".join(f"{round(255 * part):02x}" for part in jmol_colors[number])
    return {"colour": colour, "radius": round(float(covalent_radii[number]), 2)}
