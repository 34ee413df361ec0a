"""What to know about the cells that the supercells of a spec are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.shapes import combination
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.split_sites import split_sites
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import SpaceSpec


def notes_on_spaces(spec: Spec, spaces: Mapping[str, Space]) -> list[str]:
    """Return what was decided in building the spaces of a spec where it leaves that open, a sentence each.

    Parameters
    ----------
    spec : Spec
        The spec.
    spaces : mapping of str to Space
        Its spaces.
    """
    notes = []
    for name, (part, _) in spec.all_spaces().items():
        space = next((s for s in spaces.values() if (s.family or s.name) == name), None)
        if space is not None and part.cell is not None and part.sizes is None:
            notes.append(f"{name}: {_of_primitive_cell(space.parent)}")
        if space is not None and space.parent.kept is not None:
            which = " and ".join(n for n, d in part.sublattices.items() if d.within is not None)
            kept, every = space.parent.kept
            group = f"the {every} operations of {space.parent.space_group}"
            notes.append(f"{name}: of {group} the {kept} count that keep the sites of {which} among themselves")
        if space is not None:
            notes += [f"{name}: {one}" for one in _fractions_that_are_none(part, space)]
            notes += [f"{name}: {one}" for one in _of_split_sites(space)]
    return notes


def _fractions_that_are_none(part: SpaceSpec, space: Space) -> Iterator[str]:
    """Yield which fractions of which sublattice are no whole number of sites, and in which sizes."""
    cells = len(space.cells.offsets)
    for sublattice in space.sublattices:
        in_a_cell = len(sublattice.sites) // cells
        missing: dict[tuple[str, str], list[int]] = {}
        for size in part.sizes or (cells,):
            for species, filling in part.sublattices[sublattice.name].species.items():
                for written in filling.not_whole(in_a_cell * size):
                    missing.setdefault((species, written), []).append(size)
        for (species, written), sizes in missing.items():
            where = f"the sizes {', '.join(map(str, sizes))}" if part.sizes else f"its {in_a_cell * cells} sites"
            yield f"{written} of {sublattice.name} is no whole number for {species} in {where}, which hold none of that"


def _of_primitive_cell(parent: Parent) -> str:
    vectors = np.linalg.inv(parent.axes)
    if np.array_equal(parent.axes, np.eye(3)):
        return "the parent's cell is primitive as it is given, so `cell: primitive` changes nothing"
    return f"the primitive cell, of which `supercell` speaks, is {', '.join(map(combination, vectors))}"


def _of_split_sites(space: Space) -> Iterator[str]:
    """Yield which sites are nearer than atoms are, and so can have only one atom."""
    labels = space.parent.labels
    named: dict[tuple[str, str], float] = {}
    for distance, pair in split_sites(space.parent) if space.exclusions else []:
        first, second = sorted(labels[atom] for atom in pair)
        named.setdefault((first, second), distance)
    for (first, second), distance in named.items():
        which = f"sites of {first}" if first == second else f"sites of {first} and {second}"
        yield f"{which} are split, {distance:.2f} Å apart: of two of them one at most has an atom"
