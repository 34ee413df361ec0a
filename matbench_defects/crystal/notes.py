"""What to know about the cells that the supercells of a spec are made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.shapes import combination
from matbench_defects.crystal.space import Space
from matbench_defects.spec.models import Spec


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
    return notes


def _of_primitive_cell(parent: Parent) -> str:
    vectors = np.linalg.inv(parent.axes)
    if np.array_equal(parent.axes, np.eye(3)):
        return "the parent's cell is primitive as it is given, so `cell: primitive` changes nothing"
    return f"the primitive cell, of which `supercell` speaks, is {', '.join(map(combination, vectors))}"
