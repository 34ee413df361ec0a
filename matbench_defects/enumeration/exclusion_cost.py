"""What counting and enumerating with exclusions costs, and which way is taken.

Configurations that exclusions allow are counted by a chain (`chains.Chain`), which goes through states, or by finding
them one by one, which goes through no more than differ without exclusions. A chain is long where the exclusions reach
far, however few atoms there are; the search is long where there are many atoms, however many the exclusions forbid.
"""

from __future__ import annotations

from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.burnside import count_unbound_inequivalent
from matbench_defects.enumeration.conditions import exclusions_of

FEW = 100_000
"""Up to so many configurations without exclusions are always found one by one."""
MANY = 5_000_000
"""More than this are never found one by one to be counted."""


def found_sooner(space: Space) -> bool:
    """Return whether the configurations of a space with exclusions are counted by finding them.

    That is where all contents together have at most `FEW` without exclusions, or no more than the numbers that the
    chain may go through, states times contents, and at most `MANY`.
    """
    if "found sooner" not in space.memory:
        bound = 0
        for content in space.contents():
            bound += count_unbound_inequivalent(space, content)
            if bound > MANY:
                break
        sooner = bound <= FEW or (bound <= MANY and bound <= exclusions_of(space).expected_numbers())
        space.memory["found sooner"] = sooner
    sooner_known: bool = space.memory["found sooner"]
    return sooner_known
