"""The labelled configurations of a dataset as structures, one row each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from matbench_defects.columns import Quantity
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.parent import found_symmetry
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import OXIDATION_STATES, Crystal
from matbench_defects.dataset.structure_columns import CONFIGURATION, IDENTITY, VECTORS
from matbench_defects.labels.attempts import Attempts
from matbench_defects.labels.engine import Method
from matbench_defects.spec.species import element_of

STARTING_MOMENTS = "starting_moments"
"""Column of the moments with which calculations start, in datasets whose spec gives some."""


def content_columns(spaces: dict[str, Space]) -> dict[str, tuple[str, str]]:
    """Return the columns that count species, ``content_Li_vacancy``, with sublattice and species of each."""
    return {
        f"content_{s.name}_{species}": (s.name, species)
        for space in spaces.values()
        for s in space.sublattices
        for species in s.species
    }


def structure_rows(configurations: Iterable[Configuration], spaces: dict[str, Space]) -> list[dict[str, Any]]:
    """Return configurations as rows: identity, content, ideal structure, sites that differ from the parent.

    Parameters
    ----------
    configurations : iterable of Configuration
        The configurations.
    spaces : dict of str to Space
        Every space of the dataset: each row counts the species of all.
    """
    counted = content_columns(spaces)
    return [_structure_row(configuration, counted) for configuration in configurations]


def identity_rows(configurations: Iterable[Configuration]) -> Iterator[dict[str, Any]]:
    """Yield what says which configuration a row is, as `structure_rows` gives it, and nothing else."""
    for one in configurations:
        space = one.space
        content = space.content_name(one.content)
        yield {"id": one.id, "space": space.name, "content": content, "occupation": one.occupation.tobytes()}


def _structure_row(configuration: Configuration, counted: dict[str, tuple[str, str]]) -> dict[str, Any]:
    space, content, crystal = configuration.space, configuration.content, configuration.crystal
    atoms = Counter(crystal.species)
    units = math.gcd(*atoms.values())
    different = configuration.different_sites
    by_name = {s.name: dict(zip(s.species, c, strict=True)) for s, c in zip(space.sublattices, content, strict=True)}
    fractional = crystal.positions @ np.linalg.inv(space.lattice)
    own = space.kind.column_values(configuration)
    _, _, group = found_symmetry(space.lattice, fractional, list(crystal.species), 1e-3)
    return {
        "id": configuration.id,
        "space": space.name,
        "content": space.content_name(content),
        **{column: by_name.get(s, {}).get(k, 0) for column, (s, k) in counted.items()},
        "multiplicity": configuration.multiplicity,
        "symmetry_order": configuration.symmetry_order,
        "space_group": group,
        "occupation": configuration.occupation.tobytes(),
        "chemical_formula_reduced": "".join(f"{e}{n // units if n > units else ''}" for e, n in sorted(atoms.items())),
        "elements": sorted(atoms),
        "nelements": len(atoms),
        "nsites": len(crystal),
        "formula_units": space.formula_units,
        "lattice_vectors": _rounded(space.lattice),
        "cartesian_site_positions": _rounded(crystal.positions),
        "species_at_sites": list(crystal.species),
        "defect_species": [element_of(configuration.site_species[i]) for i in different],
        "defect_host_species": [space.host_elements[i] for i in different],
        "defect_cartesian_positions": _rounded(space.positions[different]),
        **_states_and_moments(crystal),
        **{name: _rounded(v) if isinstance(v, np.ndarray) else v for name, v in own.items()},
    }


def _states_and_moments(crystal: Crystal) -> dict[str, Any]:
    """Return what of a structure has a column only in datasets with oxidation states or starting moments."""
    found: dict[str, Any] = {}
    if crystal.oxidation_states is not None:
        found[OXIDATION_STATES] = list(crystal.oxidation_states)
    if crystal.starting_moments is not None:
        found[STARTING_MOMENTS] = crystal.starting_moments.tolist()
    return found


def _rounded(values: np.ndarray) -> list[Any]:
    """Round so that the last bits, which differ between machines, do not change a file's digest."""
    return list((np.round(values, 8) + 0.0).tolist())


def structure_schema(spaces: dict[str, Space]) -> pa.Schema:
    """Return the columns that `structure_rows` fills; of pathways, the structure is the first end point."""
    own = {field.name: field for space in spaces.values() for field in space.kind.columns()}
    more = []
    if any(space.has_states for space in spaces.values()):
        states = Quantity("1", "atom", description="oxidation state of each atom of the ideal structure")
        more.append(states.field(OXIDATION_STATES, pa.list_(pa.int8())))
    if any(space.moments for space in spaces.values()):
        moments = Quantity("μB", "atom", description="magnetic moments with which calculations start")
        more.append(moments.field(STARTING_MOMENTS, pa.list_(pa.float64())))
    return pa.schema(
        [
            *IDENTITY,
            *(pa.field(column, pa.int32()) for column in content_columns(spaces)),
            *CONFIGURATION,
            *more,
            *own.values(),
        ]
    )


def label_schema(method: Method) -> list[pa.Field]:
    """Return the columns of one label, each beginning with its name."""
    name = method.name
    energy = "total energy of the first end point" if method.of_pathways else "total energy"
    fields = [
        Quantity("eV", "cell", f"as computed by {name}", energy).field(f"{name}_energy"),
        pa.field(f"{name}_converged", pa.bool_()),
        pa.field(f"{name}_steps", pa.int32()),
        Quantity("eV/Å", description="largest force on an atom").field(f"{name}_max_force"),
        Quantity("eV/Å³", description="largest stress component").field(f"{name}_max_stress"),
        pa.field(f"{name}_problem", pa.string()),
        Quantity("μB", "atom", description="magnetic moments, where the engine gives them").field(
            f"{name}_magnetic_moments", pa.list_(pa.float64())
        ),
    ]
    if method.relax is not None:
        fields += [
            Quantity("Å", description="largest distance of a relaxed atom from its ideal site").field(
                f"{name}_displacement"
            ),
            Quantity("Å", description="relaxed lattice vectors as rows").field(f"{name}_lattice_vectors", VECTORS),
            Quantity("Å", description="relaxed positions").field(f"{name}_cartesian_site_positions", VECTORS),
        ]
    if method.relax is not None and method.relax.rattle:
        fields += [
            Quantity(
                "1", description="attempts that converged and kept the configuration; the lowest is the label"
            ).field(f"{name}_attempts", pa.int32()),
            Quantity(
                "eV", "cell", "the label", "how far the lowest attempt lies below that left the configuration"
            ).field(f"{name}_lower_elsewhere"),
        ]
    if method.merged:
        fields.append(pa.field(f"{name}_calculation", pa.string()))
    if method.keeps_left:
        fields.append(pa.field(f"{name}_reconstructed", pa.string()))
    return fields + (_pathway_schema(name) if method.of_pathways else [])


def _pathway_schema(name: str) -> list[pa.Field]:
    ends = {"": "the lower end point", "_forward": "the first end point", "_backward": "the second end point"}
    return [
        *(
            Quantity("eV", "hop", end, "highest energy along the pathway").field(f"{name}_barrier{which}")
            for which, end in ends.items()
        ),
        Quantity("eV", "cell", "the first end point", "energies along the pathway, end points included").field(
            f"{name}_path_energies", pa.list_(pa.float64())
        ),
        Quantity("Å", description="positions of the highest image").field(f"{name}_highest_positions", VECTORS),
        Quantity("Å", description="relaxed positions of the second end point").field(
            f"{name}_second_positions", VECTORS
        ),
    ]


def label_columns(method: Method, tried: Attempts) -> dict[str, Any]:
    """Return the values of one label's columns."""
    name, label = method.name, tried.label
    result: dict[str, Any] = {f"{name}_problem": label.problem}
    if method.relax is not None and method.relax.rattle:
        result |= {f"{name}_attempts": tried.usable, f"{name}_lower_elsewhere": tried.lower_elsewhere}
    if method.merged:
        result[f"{name}_calculation"] = label.key.id
    if method.keeps_left:
        result[f"{name}_reconstructed"] = tried.reconstructed
    if label.outcome is None:
        return result
    outcome = label.outcome
    moments = outcome.magnetic_moments
    result |= {
        f"{name}_energy": outcome.energy,
        f"{name}_converged": outcome.converged,
        f"{name}_steps": outcome.steps,
        f"{name}_max_force": outcome.max_force,
        f"{name}_max_stress": outcome.max_stress,
        f"{name}_magnetic_moments": None if moments is None else moments.tolist(),
    }
    if method.relax is not None:
        result |= {
            f"{name}_displacement": None if outcome.displacement is None else round(outcome.displacement, 4),
            f"{name}_lattice_vectors": outcome.crystal.lattice.tolist(),
            f"{name}_cartesian_site_positions": outcome.crystal.positions.tolist(),
        }
    if outcome.band is not None:
        band = outcome.band
        result |= {
            f"{name}_barrier": round(band.largest, 6),
            f"{name}_barrier_forward": round(band.forward, 6),
            f"{name}_barrier_backward": round(band.backward, 6),
            f"{name}_path_energies": np.round(band.energies - band.energies[0], 6).tolist(),
            f"{name}_highest_positions": band.highest.tolist(),
            f"{name}_second_positions": band.second.tolist(),
        }
    return result


def row_crystal(row: dict[str, Any], label: str | None = None) -> Crystal:
    """Return the crystal that a row of the ``structures`` table holds.

    Parameters
    ----------
    row : dict
        The row, as ``pyarrow`` or ``datasets`` gives it.
    label : str, optional
        Name of a relaxing label, for its relaxed structure; the ideal one where left out.
    """
    prefix = f"{label}_" if label else ""
    states, moments = row.get(OXIDATION_STATES), row.get(STARTING_MOMENTS)
    return Crystal(
        np.array(row[f"{prefix}lattice_vectors"], dtype=float).reshape(3, 3),
        tuple(row["species_at_sites"]),
        np.array(row[f"{prefix}cartesian_site_positions"], dtype=float).reshape(-1, 3),
        oxidation_states=None if states is None else tuple(states),
        starting_moments=None if moments is None else np.array(moments, dtype=float),
    )
