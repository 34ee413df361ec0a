"""Reference phases: crystals outside the spaces."""

from __future__ import annotations

from matbench_defects.crystal.occupancies import shown_occupancy
from matbench_defects.crystal.parent import Parent, build_parent
from matbench_defects.errors import InputError
from matbench_defects.spec.models import Spec

REFERENCE = "reference:"
"""What the id of a reference phase begins with."""


def reference_parents(spec: Spec) -> dict[str, Parent]:
    """Return the ideal crystal of each reference phase of a spec.

    Raises
    ------
    InputError
        Naming file and line, if one cannot be built.
    """
    result = {}
    for name, phase in spec.reference_phases.items():
        route = ("reference_phases", name)
        with spec.at(route):
            parent = build_parent(phase, spec.document.folder((*route, phase.file_field)))
            for label, occupancy in parent.partly_occupied.items():
                held = shown_occupancy(occupancy)
                raise InputError(f"{label} is partly occupied ({held}); of a reference phase each site is filled")
            result[name] = parent
    return result
