"""What is refused of a spec: the same by every command, whether it builds anything or not."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matbench_defects.crystal.notes import notes_on_spaces
from matbench_defects.dataset.estimate import SpaceEstimate, estimate_spaces
from matbench_defects.enumeration.distance_limits import idle_exclusions
from matbench_defects.enumeration.members import empty_sizes
from matbench_defects.enumeration.selection_size import LARGEST_DRAW
from matbench_defects.spec.models import Spec

if TYPE_CHECKING:
    from matbench_defects.dataset.plan import Plan

MOST_ROWS = 20_000
"""So many rows are chosen to see whether splits, targets and labels suit them."""


@dataclass(frozen=True)
class Validated:
    """A spec that is refused by no command.

    Parameters
    ----------
    spaces : list of SpaceEstimate
        Exact counts of each space; of what is labelled too, where there is a plan.
    notes : list of str
        What a user may not have meant, such as sizes of supercells that hold nothing; and what only `label` and `build`
        check, for it takes long.
    planned : Plan or None
        The rows and what is computed for them; None where choosing them takes long.
    """

    spaces: list[SpaceEstimate]
    notes: list[str]
    planned: Plan | None = None


def validate_spec(spec: Spec) -> Validated:
    """Check a spec as a whole, as `label` and `build` do before they compute anything.

    Parameters
    ----------
    spec : Spec
        The spec.

    Raises
    ------
    InputError
        Naming file and line of the first mistake.
    """
    spaces = estimate_spaces(spec)
    built = {s.space.name: s.space for s in spaces}
    notes = notes_on_spaces(spec, built) + idle_exclusions(spec, built)
    notes += empty_sizes(spec, built, {s.space.name: s.inequivalent for s in spaces})
    planned = None
    rows = sum(space.labelled for space in spaces)
    long_draws = [s for s in spaces if s.indexed and not s.counted and s.labelled > LARGEST_DRAW]
    if rows > MOST_ROWS or long_draws:
        asked = spec.splits or spec.targets or spec.thermodynamics or any(label.configurations for label in spec.labels)
        why = f"{rows:,} rows are labelled" if rows > MOST_ROWS else f"draws of {long_draws[0].space.name} take long"
        if asked or long_draws:
            notes.append(f"{why}; whether splits, targets and labels suit them is for `label` and `build` to find")
    else:
        from matbench_defects.dataset.plan import plan

        planned = plan(spec, index=False, counted=True)
        notes += [*planned.unasked(), *planned.merged()]
        chosen = {name: len(part.chosen) for name, part in planned.selected.items()}
        spaces = [dataclasses.replace(s, labelled=chosen[s.space.name], exact=True) for s in spaces]
    return Validated(spaces, notes, planned)
